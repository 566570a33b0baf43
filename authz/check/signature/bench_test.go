package signature_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func BenchmarkVerify(b *testing.B) {
	for _, e := range examples() {
		check := build(b, e.settings(), keys(recordedSet(b, e.key))).Check
		r := post(body, "x-signature", b64Of(b, e.signature))
		b.Run(e.algorithm+"-"+e.format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLarge is a body of 1 MiB, which Ed25519 has to see in one piece.
func BenchmarkLarge(b *testing.B) {
	content := strings.Repeat("x", 1<<20)
	check := build(b, settings(func(s *policypb.Signature) { s.Encoding = "hex" }), keys(set(authz.PublicKey{Key: keyOf("k").Public()}))).Check
	r := post(content, "x-signature", hexSigned("k", content))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := check.Verify(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMismatch is what a forger costs: sixteen signatures and two keys.
func BenchmarkMismatch(b *testing.B) {
	for _, e := range examples() {
		if e.format == "raw" {
			continue
		}
		s := e.settings()
		s.Credential.List = &policypb.ListGrammar{}
		s.Message = "{header:X-Id}"
		s.UnsignedBody = "accepted"
		key := authz.PublicKey{Key: public(b, e.key)}
		check := build(b, s, keys(set(key, key))).Check
		good := b64Of(b, e.signature)
		r := post(body, "x-id", "1", "x-signature", strings.Repeat(good+",", 15)+good)
		b.Run(e.algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(b.Context(), r); reasonOf(err) != mismatch {
					b.Fatal(err)
				}
			}
		})
	}
}

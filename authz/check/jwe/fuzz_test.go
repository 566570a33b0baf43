package jwe_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// FuzzBody looks for a body that passes and that nobody made who has the key, at
// each place where a token may stand.
func FuzzBody(f *testing.F) {
	token, nested := fixed(f, "payload"), fixed(f, sign(f, signer(), "payload"))
	for _, text := range []string{token, nested} {
		f.Add(text)
		f.Add(`{"data":{"token":"` + text + `"}}`)
		f.Add("token=" + text)
		f.Add(text + "\n")
		f.Add(`{"data":{"token":"` + text + `"},"id":1}`)
	}
	f.Add("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA")
	e := with(set(sharedKey("key", 32)))
	signed := func(s *policypb.Jwe) { s.Inner = inner().GetInner() }
	checks := []authz.Check{
		newPart(f, shared(), e).Check, newPart(f, shared(signed), e).Check,
		newPart(f, shared(inJSON), e).Check, newPart(f, shared(inJSON, signed), e).Check,
		newPart(f, shared(inForm), e).Check, newPart(f, shared(inForm, signed), e).Check,
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, check := range checks {
			if _, err := check.Verify(t.Context(), body(text)); err != nil {
				continue
			}
			// In JSON and forms there are other ways to write the same text.
			rewritten := i >= 2 && strings.ContainsAny(text, `\%`)
			right := text == token || text == nested
			if i >= 2 {
				right = strings.Contains(text, token) || strings.Contains(text, nested)
			}
			if !right && !rewritten {
				t.Errorf("check %d passed %q", i, text)
			}
		}
	})
}

// fixed is plaintext under the shared key of "key", the same in every process.
func fixed(f *testing.F, plaintext string) string {
	f.Helper()
	cek, iv := sharedKey("cek", 32), sharedKey("iv", 12)
	wrapped, err := jwe.Wrap(sharedKey("key", 32), cek)
	if err != nil {
		f.Fatal(err)
	}
	header := encode([]byte(`{"alg":"A256KW","enc":"A256GCM","kid":"k1"}`))
	ciphertext, tag, err := jwe.Seal(jwe.A256GCM, cek, iv, []byte(header), []byte(plaintext))
	if err != nil {
		f.Fatal(err)
	}
	return header + "." + encode(wrapped) + "." + encode(iv) + "." + encode(ciphertext) + "." + encode(tag)
}

// BenchmarkVerify is what a token of 1 KiB costs.
func BenchmarkVerify(b *testing.B) {
	text := strings.Repeat("x", 1<<10)
	replay := func(e *authz.Env) *authz.Env { e.Replay = true; return e }
	benchmarks := []struct {
		name     string
		settings *policypb.Jwe
		env      *authz.Env
		token    string
	}{
		{name: "dir", settings: shared(), env: with(set(sharedKey("key", 32))), token: encrypt(b, sharedKey("key", 32), jwe.Dir, jwe.A256GCM, "k1", text)},
		{name: "dir, replay", settings: shared(), env: replay(with(set(sharedKey("key", 32)))), token: encrypt(b, sharedKey("key", 32), jwe.Dir, jwe.A256GCM, "k1", text)},
		{name: "A256KW", settings: shared(), env: with(set(sharedKey("key", 32))), token: toShared(b, "key", text)},
		{name: "RSA-OAEP-256", settings: public(), env: with(set(rsaKey())), token: toRSA(b, text)},
		{name: "ECDH-ES", settings: public(), env: with(set(ecKey())), token: encrypt(b, ecKey(), jwe.ECDHES, jwe.A256GCM, "k1", text)},
		{name: "ECDH-ES, signed inside", settings: inner(), env: with(set(ecKey())), token: encrypt(b, ecKey(), jwe.ECDHES, jwe.A256GCM, "k1", sign(b, signer(), text))},
	}
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			check, r, ctx := newPart(b, bb.settings, bb.env).Check, body(bb.token), b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStranger is what somebody costs who knows nothing but our policy: four
// RSA keys are tried.
func BenchmarkStranger(b *testing.B) {
	check := newPart(b, public(), with(set(rsaKey(), rsaKey(), rsaKey(), rsaKey(), rsaKey()))).Check
	r := body(encrypt(b, newRSA(), jwe.RSAOAEP256, jwe.A256GCM, "", "x"))
	b.ReportAllocs()
	for b.Loop() {
		_, err := check.Verify(b.Context(), r)
		authztest.WantReason(b, err, authz.ReasonDecryptionFailed)
	}
}

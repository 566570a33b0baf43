package signature_test

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// FuzzVerify tries to find a request that passes although nobody signed what it
// says.
func FuzzVerify(f *testing.F) {
	sets := keys(recordedSet(f, "ed25519"))
	plain := build(f, settings(func(s *policypb.Signature) { s.Encoding = "hex" }), sets).Check
	timed := build(f, telnyx(identified), sets).Check
	groups := build(f, telnyx(func(s *policypb.Signature) {
		s.Credential.Fields = &policypb.FieldsGrammar{Signature: "s", GroupSeparator: " "}
		s.Timestamp.Value, s.KeyId = "{credential:t}", "{credential:k}"
	}), sets).Check

	f.Add(body, hexOf(f, "ed25519"), "", "ed25519")
	f.Add(body, b64Of(f, "telnyx"), "1614265330", "ed25519")
	f.Add(body, "t=1614265330,k=ed25519,s="+b64Of(f, "telnyx"), "", "")
	f.Add("1614265330|"+body, hexOf(f, "telnyx"), "", "")
	f.Fuzz(func(t *testing.T, content, signature, timestamp, id string) {
		r := post(content, "x-signature", signature, "x-timestamp", timestamp, "x-key-id", id)
		passes := func(check authz.Check) bool {
			identity, err := check.Verify(t.Context(), r)
			if err != nil && identity != (authz.Identity{}) {
				t.Errorf("identity = %+v beside %v", identity, err)
			}
			return err == nil
		}
		if passes(plain) && !isSigned(content) {
			t.Errorf("plain: %q passed", content)
		}
		if passes(timed) && (content != body || timestamp != "1614265330" || id != "ed25519") {
			t.Errorf("timed: %q, %q, %q passed", content, timestamp, id)
		}
		if passes(groups) && content != body {
			t.Errorf("groups: %q, %q passed", content, signature)
		}
	})
}

// isSigned reports whether testdata/signatures.py signs text alone, as the whole
// of some message, with the key of Ed25519.
func isSigned(text string) bool {
	switch text {
	case body, "", "1614265330" + body, "1614265330|" + body, `{"at":1614265330}`:
		return true
	}
	return false
}

// FuzzDER: of all ways to write the two numbers of an ECDSA signature, only the
// one that DER has passes.
func FuzzDER(f *testing.F) {
	check := build(f, settings(func(s *policypb.Signature) { s.Algorithm = "ecdsa-p256-sha256" }), keys(recordedSet(f, "p256"))).Check
	good := recorded(f, "p256 der")
	f.Add(good)
	f.Add(append([]byte{0x30, 0x81}, good[1:]...))
	f.Add(append(bytes.Clone(good), 0))
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(good, &numbers); err != nil {
		f.Fatal(err)
	}
	mirrored := negated(append(numbers.R.FillBytes(make([]byte, 32)), numbers.S.FillBytes(make([]byte, 32))...))
	other, err := asn1.Marshal(struct{ R, S *big.Int }{numbers.R, new(big.Int).SetBytes(mirrored[32:])})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(other)
	f.Fuzz(func(t *testing.T, signature []byte) {
		_, err := check.Verify(t.Context(), post(body, "x-signature", b64(signature)))
		if right := bytes.Equal(signature, good) || bytes.Equal(signature, other); (err == nil) != right {
			t.Errorf("%x: %v", signature, err)
		}
	})
}

package jose_test

import (
	"crypto"
	"strings"
	"testing"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// What we sign is read by us and by the library alone, and says what it should.
func TestSign(t *testing.T) {
	for _, algorithm := range all {
		text, err := jose.Sign(signerFor(t, algorithm), algorithm, "2026-01", "at+jwt", []byte(payload))
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		key := signerFor(t, algorithm).Public()
		token := parse(t, text)
		if token.Algorithm() != string(algorithm) || token.KeyID() != "2026-01" || token.Type() != "at+jwt" {
			t.Errorf("%s: header is %s, %s, %s", algorithm, token.Algorithm(), token.KeyID(), token.Type())
		}
		if _, err := token.Verify(accept(authz.PublicKey{ID: "2026-01", Key: key, Algorithm: string(algorithm)}), all); err != nil || string(token.Payload()) != payload {
			t.Errorf("%s: %v", algorithm, err)
		}
		signed, err := lib.ParseSignedCompact(text, []lib.SignatureAlgorithm{lib.SignatureAlgorithm(algorithm)})
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if got, err := signed.Verify(key); err != nil || string(got) != payload {
			t.Errorf("%s: the library reads %q, %v", algorithm, got, err)
		}
	}
}

func TestSignWithoutKeyIDAndType(t *testing.T) {
	text, err := jose.Sign(signer(t, "P-256"), jose.ES256, "", "", []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if header, _, _ := strings.Cut(text, "."); header != b64(`{"alg":"ES256"}`) {
		t.Errorf("header = %s", unb64(t, header))
	}
}

// A signer outside this process is none of those that ParsePrivatePEM returns.
type outside struct{ crypto.Signer }

func TestSignRefuses(t *testing.T) {
	tests := []struct {
		name      string
		signer    crypto.Signer
		algorithm jose.Algorithm
		kid       string
		payload   string
	}{
		{name: "no key", algorithm: jose.ES256},
		{name: "a key of another type", signer: signer(t, "P-256"), algorithm: jose.EdDSA},
		{name: "a key of another curve", signer: signer(t, "P-256"), algorithm: jose.ES384},
		{name: "no algorithm", signer: signer(t, "P-256")},
		{name: "none", signer: signer(t, "P-256"), algorithm: "none"},
		{name: "HS256", signer: signer(t, "RSA"), algorithm: "HS256"},
		{name: "a signer elsewhere", signer: outside{signer(t, "P-256")}, algorithm: jose.ES256},
		{name: "an id that is none", signer: signer(t, "P-256"), algorithm: jose.ES256, kid: "my key"},
		{name: "more than we would read", signer: signer(t, "P-256"), algorithm: jose.ES256, payload: strings.Repeat("a", jose.MaxToken*3/4)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if text, err := jose.Sign(tt.signer, tt.algorithm, tt.kid, "JWT", []byte(tt.payload)); err == nil || text != "" {
				t.Errorf("Sign = %q, %v", text, err)
			}
		})
	}
}

func TestThumbprint(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"Ed25519", "Ed25519 other", "P-256", "P-384", "P-521", "RSA"} {
		got, err := jose.Thumbprint(public(t, name))
		if err != nil || len(got) != 43 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if other, found := seen[got]; found {
			t.Errorf("%s and %s have one thumbprint", name, other)
		}
		seen[got] = name
	}
	for _, key := range []crypto.PublicKey{nil, []byte("secret"), signer(t, "Ed25519"), signer(t, "P-256")} {
		if got, err := jose.Thumbprint(key); err == nil || got != "" {
			t.Errorf("%T: %q, %v", key, got, err)
		}
	}
}

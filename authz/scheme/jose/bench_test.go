package jose_test

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

const benchClaims = `{"iss":"https://login.example.com/","aud":["https://hooks.example.com","other"],"sub":"client-17","iat":1700000000,` +
	`"nbf":1700000000,"exp":1700000300,"jti":"0d3b7c2e-9f2a-4a58-b1c7-4e1d1b0a5a55","scope":"orders:write orders:read","tenant":"acme"}`

// BenchmarkBearer is all that a JWT costs: reading, the signature, the claims.
func BenchmarkBearer(b *testing.B) {
	rules := &jose.Rules{
		Issuer: "https://login.example.com/", Audiences: []string{"https://hooks.example.com"}, Skew: time.Minute,
		Required: []jose.Claim{{Name: "tenant", OneOf: []string{"acme"}}},
	}
	now := time.Unix(1700000100, 0)
	for _, algorithm := range []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256, jose.PS256} {
		b.Run(string(algorithm), func(b *testing.B) {
			text := sign(b, algorithm, "key-2", benchClaims)
			keys := accept(
				authz.PublicKey{ID: "key-1", Key: public(b, "Ed25519 other")},
				authz.PublicKey{ID: "key-2", Key: signerFor(b, algorithm).Public(), Algorithm: string(algorithm)},
			)
			allowed := []jose.Algorithm{algorithm}
			b.ReportAllocs()
			for b.Loop() {
				token, err := jose.ParseCompact(text)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := token.Verify(keys, allowed); err != nil {
					b.Fatal(err)
				}
				claims, err := jose.ParseClaims(token.Payload())
				if err != nil {
					b.Fatal(err)
				}
				if err := rules.Check(claims, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParts tells what of it is reading.
func BenchmarkParts(b *testing.B) {
	text := sign(b, jose.ES256, "key-2", benchClaims)
	b.Run("ParseCompact", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jose.ParseCompact(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ParseClaims", func(b *testing.B) {
		payload := []byte(benchClaims)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jose.ParseClaims(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}

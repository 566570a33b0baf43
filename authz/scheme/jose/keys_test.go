package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"sync"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// all are the algorithms there are.
var all = []jose.Algorithm{
	jose.EdDSA, jose.ES256, jose.ES384, jose.ES512,
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
}

// signers are made once: an RSA key takes a while.
var signers = sync.OnceValues(func() (map[string]crypto.Signer, error) {
	made := map[string]crypto.Signer{}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return nil, err
		}
		made[name] = key
	}
	// Always the same, so that what one process signed another can verify.
	for i, name := range []string{"Ed25519", "Ed25519 other"} {
		made[name] = ed25519.NewKeyFromSeed(bytesOf(byte(i+1), ed25519.SeedSize))
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	made["RSA"] = key
	return made, err
})

// signer returns the private key of that name.
func signer(tb testing.TB, name string) crypto.Signer {
	tb.Helper()
	made, err := signers()
	if err != nil {
		tb.Fatal(err)
	}
	if made[name] == nil {
		tb.Fatalf("no key %q", name)
	}
	return made[name]
}

// public returns the public half of the key of that name.
func public(tb testing.TB, name string) crypto.PublicKey {
	tb.Helper()
	return signer(tb, name).Public()
}

// signerFor is the private key that an algorithm fits.
func signerFor(tb testing.TB, algorithm jose.Algorithm) crypto.Signer {
	tb.Helper()
	for _, name := range []string{"Ed25519", "P-256", "P-384", "P-521", "RSA"} {
		if algorithm.Fits(public(tb, name)) {
			return signer(tb, name)
		}
	}
	tb.Fatalf("no key for %s", algorithm)
	return nil
}

// sign returns a token.
func sign(tb testing.TB, algorithm jose.Algorithm, kid, payload string) string {
	tb.Helper()
	text, err := jose.Sign(signerFor(tb, algorithm), algorithm, kid, "JWT", []byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// parse reads a token that is well-formed.
func parse(tb testing.TB, text string) *jose.Token {
	tb.Helper()
	token, err := jose.ParseCompact(text)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// accept returns keys as a set has them.
func accept(keys ...authz.PublicKey) *authz.Keys { return &authz.Keys{Accepted: keys} }

// b64 is base64url without padding.
func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func unb64(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

func TestParseAlgorithm(t *testing.T) {
	for _, want := range all {
		if got, ok := jose.ParseAlgorithm(string(want)); !ok || got != want {
			t.Errorf("ParseAlgorithm(%q) = %q, %v", want, got, ok)
		}
	}
	for _, name := range []string{
		"", "none", "None", "NONE", "HS256", "HS384", "HS512", "es256", "ES256 ", "ES521", "ES256K", "RS1", "eddsa",
		"Ed25519", "Ed448", "RSA-OAEP", "A256KW", "ML-DSA-44", "RS256\x00",
	} {
		if got, ok := jose.ParseAlgorithm(name); ok || got != "" {
			t.Errorf("ParseAlgorithm(%q) = %q, %v", name, got, ok)
		}
	}
}

// Each key fits the algorithms of its type and curve and no other.
func TestFits(t *testing.T) {
	tests := []struct {
		key  string
		want []jose.Algorithm
		own  jose.Algorithm // what we sign with
	}{
		{key: "Ed25519", want: []jose.Algorithm{jose.EdDSA}, own: jose.EdDSA},
		{key: "P-256", want: []jose.Algorithm{jose.ES256}, own: jose.ES256},
		{key: "P-384", want: []jose.Algorithm{jose.ES384}, own: jose.ES384},
		{key: "P-521", want: []jose.Algorithm{jose.ES512}, own: jose.ES512},
		{key: "RSA", want: []jose.Algorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, own: jose.RS256},
	}
	for _, tt := range tests {
		for _, algorithm := range append([]jose.Algorithm{"", "none", "HS256", "ES256K"}, all...) {
			if got := algorithm.Fits(public(t, tt.key)); got != slices.Contains(tt.want, algorithm) {
				t.Errorf("%q.Fits(%s) = %v", algorithm, tt.key, got)
			}
		}
		if got, ok := jose.AlgorithmFor(public(t, tt.key)); !ok || got != tt.own {
			t.Errorf("AlgorithmFor(%s) = %q, %v, want %q", tt.key, got, ok, tt.own)
		}
	}
}

func TestNothingFitsOtherKeys(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.PublicKey{
		"nothing":        nil,
		"bytes":          []byte("-----BEGIN PUBLIC KEY-----"),
		"text":           "secret",
		"P-224":          &p224.PublicKey,
		"short Ed25519":  ed25519.PublicKey("short"),
		"no ECDSA key":   (*ecdsa.PublicKey)(nil),
		"no RSA key":     (*rsa.PublicKey)(nil),
		"no curve":       &ecdsa.PublicKey{},
		"a private key":  signer(t, "Ed25519"),
		"a value of RSA": rsa.PublicKey{},
	} {
		for _, algorithm := range append([]jose.Algorithm{""}, all...) {
			if algorithm.Fits(key) {
				t.Errorf("%q fits %s", algorithm, name)
			}
			if algorithm.Verify(key, nil, nil) == nil {
				t.Errorf("%q verifies with %s", algorithm, name)
			}
		}
		if got, ok := jose.AlgorithmFor(key); ok || got != "" {
			t.Errorf("AlgorithmFor(%s) = %q, %v", name, got, ok)
		}
	}
}

// A signature is good by one algorithm alone, and not when it is cut or longer.
func TestVerifySignature(t *testing.T) {
	const message = "a message"
	for _, algorithm := range all {
		text := sign(t, algorithm, "", message)
		head, tail, _ := strings.Cut(text, b64(message)+".")
		signed, signature := head+b64(message), unb64(t, tail)
		key := signerFor(t, algorithm).Public()
		for _, other := range all {
			err := other.Verify(key, []byte(signed), signature)
			if got, want := err == nil, other == algorithm; got != want {
				t.Errorf("signed by %s, verified by %s: %v", algorithm, other, err)
			}
		}
		for name, bad := range map[string][]byte{
			"empty": nil, "cut": signature[1:], "cut at the end": signature[:len(signature)-1],
			"longer": append([]byte{0}, signature...), "longer at the end": append(slices.Clone(signature), 0),
			"zeros": make([]byte, len(signature)), "longer in the middle": slices.Insert(slices.Clone(signature), len(signature)/2, 0),
		} {
			if algorithm.Verify(key, []byte(signed), bad) == nil {
				t.Errorf("%s: a signature that is %s is taken", algorithm, name)
			}
		}
	}
}

// RFC 7518, section 3.5: the salt is as long as the hash. Libraries take any.
func TestSaltOfAnotherLengthIsRefused(t *testing.T) {
	key, ok := signer(t, "RSA").(*rsa.PrivateKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	digest := sha256.Sum256([]byte("a message"))
	for length, want := range map[int]bool{1: false, 20: false, 31: false, 32: true, 33: false, 64: false, rsa.PSSSaltLengthAuto: false} {
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: length})
		if err != nil {
			t.Fatal(err)
		}
		if got := jose.PS256.Verify(key.Public(), []byte("a message"), signature) == nil; got != want {
			t.Errorf("salt of %d bytes: verified = %v, want %v", length, got, want)
		}
	}
}

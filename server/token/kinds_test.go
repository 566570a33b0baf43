package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A client's secret may be kept as its SHA-256, which opens nothing itself.
func TestHashedSecret(t *testing.T) {
	digest := sha256.Sum256([]byte(acmeSecret))
	hashed := hex.EncodeToString(digest[:])
	s := build(t, strings.Replace(jwtYAML, "name: acme,", "name: acme, stored: sha256,", 1), nil)
	s.secrets["acme"] = authztest.Values(hashed)
	s.load(strings.Replace(jwtYAML, "name: acme,", "name: acme, stored: sha256,", 1))
	for _, presented := range []string{hashed, strings.ToUpper(hashed), acmeSecret + "x"} {
		if w := s.serve(post(path, grant, basic("acme", presented))); w.Code != http.StatusUnauthorized || read(t, w).Error != "invalid_client" {
			t.Errorf("%q: got %d %s, want 401 invalid_client", presented, w.Code, w.Body)
		}
	}
	s.issue(path, basic("acme", acmeSecret))
	if w := s.serve(post(path, form("grant_type", "client_credentials", "client_id", "acme", "client_secret", acmeSecret))); w.Code != http.StatusOK {
		t.Errorf("in the body: got %d %s, want a token", w.Code, w.Body)
	}
	s.secrets["acme"] = authztest.Values(acmeSecret) // plain text where a digest belongs
	s.load(strings.Replace(jwtYAML, "name: acme,", "name: acme, stored: sha256,", 1))
	if w := s.serve(post(path, grant, basic("acme", acmeSecret))); w.Code != http.StatusInternalServerError {
		t.Errorf("a secret that is no digest: got %d %s, want 500", w.Code, w.Body)
	}
}

// Whatever kind of key signs, the published keys verify the token.
func TestKindsOfKeys(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return block("PRIVATE KEY", der)
	}
	tests := []struct {
		name      string
		pem       string
		algorithm jose.Algorithm
	}{
		{name: "Ed25519", pem: key(t, 7), algorithm: jose.EdDSA},
		{name: "P-256", pem: pkcs8(ec), algorithm: jose.ES256},
		{name: "P-256, SEC 1", pem: block("EC PRIVATE KEY", sec1), algorithm: jose.ES256},
		{name: "RSA", pem: pkcs8(private), algorithm: jose.RS256},
		{name: "RSA, PKCS #1", pem: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private)), algorithm: jose.RS256},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, jwtYAML, nil)
			s.secrets["own"] = authztest.Values(tt.pem)
			s.load(jwtYAML)
			text := s.issue(path, basic("acme", acmeSecret)).Token
			published := s.serve(httptest.NewRequest(http.MethodGet, "https://hooks.example.com/senders/jwks.json", nil))
			keys, _, err := jose.ParseJWKSet(published.Body.Bytes())
			if err != nil {
				t.Fatalf("%v: %s", err, published.Body)
			}
			token, err := jose.ParseCompact(text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := token.Verify(&authz.Keys{Accepted: keys}, []jose.Algorithm{tt.algorithm}); err != nil {
				t.Errorf("the token does not verify by %v: %v", tt.algorithm, err)
			}
		})
	}
}

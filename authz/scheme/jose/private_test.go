package jose_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// pkcs8 is a private key as "PRIVATE KEY".
func pkcs8(tb testing.TB, key crypto.Signer) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

// sec1 is a private key as "EC PRIVATE KEY".
func sec1(tb testing.TB, name string) string {
	tb.Helper()
	key, ok := signer(tb, name).(*ecdsa.PrivateKey)
	if !ok {
		tb.Fatalf("%s is no ECDSA key", name)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return block("EC PRIVATE KEY", der)
}

// pkcs1 is the RSA key as "RSA PRIVATE KEY".
func pkcs1(tb testing.TB) string {
	tb.Helper()
	key, ok := signer(tb, "RSA").(*rsa.PrivateKey)
	if !ok {
		tb.Fatal("no RSA key")
	}
	return block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func TestParsePrivate(t *testing.T) {
	parameters := block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
	tests := []struct {
		name, text, want string
		read             func([]byte) (crypto.Signer, error)
	}{
		{name: "Ed25519", text: pkcs8(t, signer(t, "Ed25519")), read: jose.ParsePrivatePEM, want: "Ed25519"},
		{name: "P-256", text: pkcs8(t, signer(t, "P-256")), read: jose.ParsePrivatePEM, want: "P-256"},
		{name: "P-256, SEC 1", text: sec1(t, "P-256"), read: jose.ParsePrivatePEM, want: "P-256"},
		{name: "P-256, as OpenSSL writes it", text: parameters + sec1(t, "P-256"), read: jose.ParsePrivatePEM, want: "P-256"},
		{name: "RSA", text: pkcs8(t, signer(t, "RSA")), read: jose.ParsePrivatePEM, want: "RSA"},
		{name: "RSA, PKCS #1", text: pkcs1(t), read: jose.ParsePrivatePEM, want: "RSA"},
		{name: "Ed25519 as JWK", text: string(privateJWK(t, "Ed25519").bytes(t)), read: jose.ParsePrivateJWK, want: "Ed25519"},
		{
			name: "P-256 as JWK", read: jose.ParsePrivateJWK, want: "P-256",
			text: string(privateJWK(t, "P-256").with("alg", "ES256").with("use", "sig").with("kid", "a").with("key_ops", []string{"sign"}).bytes(t)),
		},
		{name: "RSA as JWK", text: string(privateJWK(t, "RSA").with("alg", "PS256").bytes(t)), read: jose.ParsePrivateJWK, want: "RSA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.read([]byte(tt.text))
			if err != nil || !equal(got.Public(), public(t, tt.want)) {
				t.Fatalf("signer = %v, %v", got, err)
			}
			algorithm, _ := jose.AlgorithmFor(got.Public())
			if _, err := jose.Sign(got, algorithm, "", "", []byte("{}")); err != nil {
				t.Errorf("Sign: %v", err)
			}
		})
	}
}

func TestParsePrivateRefuses(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	exchangeDER, err := x509.MarshalPKCS8PrivateKey(exchange)
	if err != nil {
		t.Fatal(err)
	}
	otherSeed := privateJWK(t, "Ed25519 other")["d"]
	rsaJWK := privateJWK(t, "RSA")
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")}))
	text := func(j jwk) string { return string(j.bytes(t)) }
	tests := []struct {
		name, text, want string
		read             func([]byte) (crypto.Signer, error)
	}{
		{name: "nothing", read: jose.ParsePrivatePEM, want: "no PEM"},
		{name: "public key", text: pkix(t, public(t, "P-256")), read: jose.ParsePrivatePEM, want: "want a PEM block PRIVATE KEY"},
		{name: "two keys", text: pkcs8(t, signer(t, "P-256")) + pkcs8(t, signer(t, "Ed25519")), read: jose.ParsePrivatePEM, want: "more than one"},
		{name: "something else inside", text: block("PRIVATE KEY", []byte("zebra")), read: jose.ParsePrivatePEM, want: "not a private key"},
		{name: "encrypted", text: block("ENCRYPTED PRIVATE KEY", []byte("zebra")), read: jose.ParsePrivatePEM, want: "encrypted"},
		{name: "encrypted, the old way", text: encrypted, read: jose.ParsePrivatePEM, want: "encrypted"},
		{name: "P-384", text: pkcs8(t, signer(t, "P-384")), read: jose.ParsePrivatePEM, want: "P-256"},
		{name: "RSA of 1024 bits", text: pkcs8(t, small), read: jose.ParsePrivatePEM, want: "1024 bits"},
		{name: "X25519", text: block("PRIVATE KEY", exchangeDER), read: jose.ParsePrivatePEM, want: "none of Ed25519"},

		{name: "no JWK", text: "zebra", read: jose.ParsePrivateJWK, want: "JWK"},
		{name: "too large", text: strings.Repeat(" ", jose.MaxKeySet+1), read: jose.ParsePrivateJWK, want: "over"},
		{name: "public JWK", text: text(publicJWK(t, "P-256")), read: jose.ParsePrivateJWK, want: "d is missing"},
		{name: "shared JWK", text: `{"kty":"oct","k":"AAAA"}`, read: jose.ParsePrivateJWK, want: "kty"},
		{name: "JWK of P-521", text: text(privateJWK(t, "P-521")), read: jose.ParsePrivateJWK, want: "P-256"},
		{name: "JWK to verify", text: text(privateJWK(t, "P-256").with("key_ops", []string{"verify"})), read: jose.ParsePrivateJWK, want: "key_ops"},
		{name: "JWK to encrypt", text: text(privateJWK(t, "P-256").with("use", "enc")), read: jose.ParsePrivateJWK, want: "use"},
		{name: "JWK for another algorithm", text: text(privateJWK(t, "P-256").with("alg", "EdDSA")), read: jose.ParsePrivateJWK, want: "alg"},
		{name: "JWK of two halves, Ed25519", text: text(privateJWK(t, "Ed25519").with("d", otherSeed)), read: jose.ParsePrivateJWK, want: "does not fit"},
		{name: "JWK of two halves, P-256", text: text(privateJWK(t, "P-256").with("d", otherSeed)), read: jose.ParsePrivateJWK, want: "does not fit"},
		{name: "JWK with a short d", text: text(privateJWK(t, "Ed25519").with("d", "AAAA")), read: jose.ParsePrivateJWK, want: "does not fit"},
		{name: "JWK with a short d, P-256", text: text(privateJWK(t, "P-256").with("d", "AAAA")), read: jose.ParsePrivateJWK, want: "does not fit"},
		{name: "RSA without primes", text: text(rsaJWK.with("p", nil)), read: jose.ParsePrivateJWK, want: "p is missing"},
		{name: "RSA without its second prime", text: text(rsaJWK.with("q", "")), read: jose.ParsePrivateJWK, want: "q is"},
		{name: "RSA with one prime twice", text: text(rsaJWK.with("p", rsaJWK["q"])), read: jose.ParsePrivateJWK, want: "fit together"},
		{name: "RSA with another d", text: text(rsaJWK.with("d", "AAAD")), read: jose.ParsePrivateJWK, want: "fit together"},
		{name: "RSA of three primes", text: text(rsaJWK.with("oth", []any{})), read: jose.ParsePrivateJWK, want: "two primes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.read([]byte(tt.text))
			if err == nil || got != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "zebra") {
				t.Errorf("signer = %v, err = %v, want it to say %q", got, err, tt.want)
			}
		})
	}
}

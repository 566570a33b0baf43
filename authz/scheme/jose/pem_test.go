package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// block is PEM text.
func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// pkix is a public key as "PUBLIC KEY".
func pkix(tb testing.TB, key crypto.PublicKey) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return block("PUBLIC KEY", der)
}

// certificate is one of the key of that name, signed by itself.
func certificate(tb testing.TB, name string, use x509.KeyUsage) string {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), KeyUsage: use, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public(tb, name), signer(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return block("CERTIFICATE", der)
}

func TestParsePEM(t *testing.T) {
	rsaKey, ok := public(t, "RSA").(*rsa.PublicKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	tests := []struct {
		name, text string
		read       func([]byte) ([]authz.PublicKey, error)
		want       []string
	}{
		{name: "Ed25519", text: pkix(t, public(t, "Ed25519")), read: jose.ParsePEM, want: []string{"Ed25519"}},
		{name: "P-384", text: pkix(t, public(t, "P-384")), read: jose.ParsePEM, want: []string{"P-384"}},
		{name: "RSA", text: pkix(t, rsaKey), read: jose.ParsePEM, want: []string{"RSA"}},
		{name: "RSA, PKCS #1", text: block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey)), read: jose.ParsePEM, want: []string{"RSA"}},
		{
			name: "several and text between", text: "# ours\n" + pkix(t, public(t, "P-256")) + "\n# theirs\r\n" + pkix(t, rsaKey) + "\n\n",
			read: jose.ParsePEM, want: []string{"P-256", "RSA"},
		},
		{name: "certificate", text: certificate(t, "P-256", x509.KeyUsageDigitalSignature), read: jose.ParseX509, want: []string{"P-256"}},
		{name: "certificate without key usage", text: certificate(t, "RSA", 0), read: jose.ParseX509, want: []string{"RSA"}},
		{
			name: "two certificates", text: certificate(t, "P-256", 0) + certificate(t, "Ed25519", x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign),
			read: jose.ParseX509, want: []string{"P-256", "Ed25519"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := tt.read([]byte(tt.text))
			if err != nil || len(keys) != len(tt.want) {
				t.Fatalf("keys = %v, %v", keys, err)
			}
			for i, name := range tt.want {
				if !equal(keys[i].Key, public(t, name)) || keys[i].ID != "" || keys[i].Algorithm != "" {
					t.Errorf("key %d = %+v, want %s without an id", i, keys[i], name)
				}
			}
		})
	}
}

func TestParsePEMRefuses(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer(t, "Ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	ed := pkix(t, public(t, "Ed25519"))
	headers := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"A": "b"}, Bytes: []byte("x")}))
	small := &rsa.PublicKey{N: new(big.Int).SetBytes(bytesOf(0xff, 128)), E: 65537}
	exponent := &rsa.PublicKey{N: new(big.Int).SetBytes(bytesOf(0xff, 256)), E: 1}
	tests := []struct {
		name, text string
		read       func([]byte) ([]authz.PublicKey, error)
		want       string
	}{
		{name: "nothing", read: jose.ParsePEM, want: "no PEM"},
		{name: "DER", text: string(private), read: jose.ParsePEM, want: "no PEM"},
		{name: "private key", text: block("PRIVATE KEY", private), read: jose.ParsePEM, want: "PEM block 1: a private key (PRIVATE KEY), and the sender's public key belongs here"},
		{name: "private key behind a public one", text: ed + block("PRIVATE KEY", private), read: jose.ParsePEM, want: "PEM block 2: a private key (PRIVATE KEY)"},
		{name: "private key of OpenSSL", text: block("EC PRIVATE KEY", []byte("zebra")), read: jose.ParsePEM, want: "PEM block 1: a private key (EC PRIVATE KEY)"},
		{name: "certificate as a key", text: certificate(t, "P-256", 0), read: jose.ParsePEM, want: "PEM block 1: a certificate, and the sender's public key belongs here: want PUBLIC KEY or RSA PUBLIC KEY, or write format: x509"},
		{name: "a block of another sort", text: block("ZEBRA zebra", []byte("zebra")), read: jose.ParsePEM, want: "PEM block 1: want PUBLIC KEY"},
		{name: "key as a certificate", text: ed, read: jose.ParseX509, want: "want CERTIFICATE"},
		{name: "something else inside", text: block("PUBLIC KEY", []byte("zebra")), read: jose.ParsePEM, want: "not a PKIX"},
		{name: "something else inside, PKCS #1", text: block("RSA PUBLIC KEY", []byte("zebra")), read: jose.ParsePEM, want: "not a PKCS #1"},
		{name: "something else inside a certificate", text: block("CERTIFICATE", []byte("zebra")), read: jose.ParseX509, want: "not a certificate"},
		{name: "headers", text: ed + headers, read: jose.ParsePEM, want: "PEM block 2: it has headers"},
		{name: "cut short", text: ed[:len(ed)-10], read: jose.ParsePEM, want: "can't be read"},
		{name: "a damaged one before", text: strings.Replace(ed, "M", "*", 1) + ed, read: jose.ParsePEM, want: "can't be read"},
		{name: "a damaged one behind", text: ed + ed[:len(ed)-10], read: jose.ParsePEM, want: "can't be read"},
		{name: "the same key twice", text: ed + ed, read: jose.ParsePEM, want: "PEM block 2: the same key again"},
		{name: "P-224", text: pkix(t, &p224.PublicKey), read: jose.ParsePEM, want: "curve"},
		{name: "RSA of 1024 bits", text: pkix(t, small), read: jose.ParsePEM, want: "1024 bits"},
		{name: "RSA with exponent 1", text: pkix(t, exponent), read: jose.ParsePEM, want: "PEM block 1"},
		{name: "certificate for encryption", text: certificate(t, "RSA", x509.KeyUsageKeyEncipherment), read: jose.ParseX509, want: "key usage"},
		{name: "certificate of an authority alone", text: certificate(t, "P-256", x509.KeyUsageCertSign), read: jose.ParseX509, want: "key usage"},
		{name: "too many", text: strings.Repeat(ed, jose.MaxKeys+1), read: jose.ParsePEM, want: "over 100"},
		{name: "too large", text: ed + strings.Repeat(" ", jose.MaxKeySet), read: jose.ParsePEM, want: "over"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := tt.read([]byte(tt.text))
			if err == nil || keys != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "zebra") {
				t.Errorf("keys = %v, err = %v, want it to say %q", keys, err, tt.want)
			}
		})
	}
}

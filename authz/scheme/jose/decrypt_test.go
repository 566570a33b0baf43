package jose_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// exchange is the private key of RFC 7748, section 6.1, "Alice".
func exchange(tb testing.TB) *ecdh.PrivateKey {
	tb.Helper()
	key, err := ecdh.X25519().NewPrivateKey([]byte{
		0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
		0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func exchangeJWK(tb testing.TB) jwk {
	tb.Helper()
	key := exchange(tb)
	return jwk{"kty": "OKP", "crv": "X25519", "x": b64bytes(key.PublicKey().Bytes()), "d": b64bytes(key.Bytes())}
}

func exchangePEM(tb testing.TB) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(exchange(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

// weak is an RSA key of 1024 bits.
func weak(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	tb.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// shared is a key of that many bytes.
func shared(size int) jwk {
	k := make([]byte, size)
	for i := range k {
		k[i] = byte(i)
	}
	return jwk{"kty": "oct", "k": b64bytes(k)}
}

func TestParseDecryption(t *testing.T) {
	parameters := block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
	text := func(j jwk) string { return string(j.bytes(t)) }
	pem, single := jose.ParseDecryptionPEM, jose.ParseDecryptionJWK
	tests := []struct {
		name, text    string
		read          func([]byte) ([]authz.PrivateKey, error)
		key           string // whose thumbprint the ID is, unless id is set
		id, algorithm string
	}{
		{name: "RSA", text: pkcs8(t, signer(t, "RSA")), read: pem, key: "RSA"},
		{name: "RSA, PKCS #1", text: pkcs1(t), read: pem, key: "RSA"},
		{name: "P-256", text: pkcs8(t, signer(t, "P-256")), read: pem, key: "P-256"},
		{name: "P-256, as OpenSSL writes it", text: parameters + sec1(t, "P-256"), read: pem, key: "P-256"},
		{name: "P-384", text: pkcs8(t, signer(t, "P-384")), read: pem, key: "P-384"},
		{name: "P-521", text: sec1(t, "P-521"), read: pem, key: "P-521"},
		{name: "X25519", text: exchangePEM(t), read: pem, key: "X25519"},

		{name: "JWK of RSA", text: text(privateJWK(t, "RSA").with("alg", "RSA-OAEP-256").with("use", "enc").with("kid", "a")), read: single, id: "a", algorithm: "RSA-OAEP-256"},
		{name: "JWK of RSA to decrypt", text: text(privateJWK(t, "RSA").with("key_ops", []string{"decrypt"})), read: single, key: "RSA"},
		{name: "JWK of RSA to unwrap", text: text(privateJWK(t, "RSA").with("key_ops", []string{"encrypt", "unwrapKey"})), read: single, key: "RSA"},
		{name: "JWK of P-521", text: text(privateJWK(t, "P-521").with("alg", "ECDH-ES+A256KW").with("key_ops", []string{"deriveKey"})), read: single, key: "P-521", algorithm: "ECDH-ES+A256KW"},
		{name: "JWK of X25519", text: text(exchangeJWK(t).with("alg", "ECDH-ES").with("key_ops", []string{"deriveBits"})), read: single, key: "X25519", algorithm: "ECDH-ES"},
		{name: "shared, 16 bytes", text: text(shared(16).with("kid", "k").with("alg", "A128KW")), read: single, id: "k", algorithm: "A128KW"},
		{name: "shared, 64 bytes", text: text(shared(64)), read: single},
		{name: "shared, for its content", text: text(shared(32).with("alg", "A128CBC-HS256")), read: single, algorithm: "A128CBC-HS256"},
		{name: "shared, direct", text: text(shared(48).with("alg", "dir")), read: single, algorithm: "dir"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := tt.read([]byte(tt.text))
			if err != nil || len(keys) != 1 {
				t.Fatalf("keys = %v, %v", keys, err)
			}
			id := tt.id
			if tt.key == "X25519" {
				// RFC 8037 has no example of it: made by openssl and sha256sum.
				id = b64bytes(sum(`{"crv":"X25519","kty":"OKP","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}`))
			} else if tt.key != "" {
				id = libraryID(t, public(t, tt.key))
			}
			if named := jose.IsNamed(&keys[0]); named != (tt.id != "") {
				t.Errorf("IsNamed() = %v", named)
			}
			if keys[0].ID != id || keys[0].Algorithm != tt.algorithm || keys[0].Secret != "" {
				t.Errorf("key %q for %q, want %q for %q", keys[0].ID, keys[0].Algorithm, id, tt.algorithm)
			}
			decrypts(t, keys[0])
		})
	}
}

func sum(text string) []byte {
	h := crypto.SHA256.New()
	h.Write([]byte(text))
	return h.Sum(nil)
}

// libraryID is the thumbprint as the library takes it.
func libraryID(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	b, err := (&lib.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decrypts asserts that key opens what the library encrypted to it.
func decrypts(t *testing.T, key authz.PrivateKey) {
	t.Helper()
	var to any
	algorithm := lib.DIRECT
	content := lib.A128GCM
	switch private := key.Key.(type) {
	case *rsa.PrivateKey:
		to, algorithm = private.Public(), lib.RSA_OAEP_256
	case *ecdsa.PrivateKey:
		to, algorithm = private.Public(), lib.ECDH_ES
	case *ecdh.PrivateKey:
		if !private.Equal(exchange(t)) {
			t.Error("another X25519 key")
		}
		return // the library has no such algorithm
	case []byte:
		to = private
		content = map[int]lib.ContentEncryption{16: lib.A128GCM, 32: lib.A256GCM, 48: lib.A192CBC_HS384, 64: lib.A256CBC_HS512}[len(private)]
	}
	e, err := lib.NewEncrypter(content, lib.Recipient{Algorithm: algorithm, Key: to}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := e.Encrypt([]byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := sealed.Decrypt(key.Key)
	if err != nil || string(opened) != "hello" {
		t.Errorf("decrypted %q, %v", opened, err)
	}
}

func TestParseDecryptionRefuses(t *testing.T) {
	text := func(j jwk) string { return string(j.bytes(t)) }
	p256 := privateJWK(t, "P-256")
	nist, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nistDER, err := x509.MarshalPKCS8PrivateKey(nist)
	if err != nil {
		t.Fatal(err)
	}
	pem, single := jose.ParseDecryptionPEM, jose.ParseDecryptionJWK
	tests := []struct {
		name, text, want string
		read             func([]byte) ([]authz.PrivateKey, error)
	}{
		{name: "nothing", read: pem, want: "no PEM"},
		{name: "public key", text: pkix(t, public(t, "RSA")), read: pem, want: "want a PEM block PRIVATE KEY"},
		{name: "certificate", text: certificate(t, "P-256", 0), read: pem, want: "want a PEM block PRIVATE KEY"},
		{name: "two keys", text: pkcs8(t, signer(t, "P-256")) + pkcs8(t, signer(t, "RSA")), read: pem, want: "more than one"},
		{name: "something else inside", text: block("PRIVATE KEY", []byte("zebra")), read: pem, want: "not a private key"},
		{name: "encrypted", text: block("ENCRYPTED PRIVATE KEY", []byte("zebra")), read: pem, want: "encrypted"},
		{name: "Ed25519", text: pkcs8(t, signer(t, "Ed25519")), read: pem, want: "none of RSA"},
		{name: "RSA of 1024 bits", text: pkcs8(t, weak(t)), read: pem, want: "1024 bits"},

		{name: "no JWK", text: "zebra", read: single, want: "JWK"},
		{name: "public JWK of RSA", text: text(publicJWK(t, "RSA")), read: single, want: "d is missing"},
		{name: "public JWK of P-256", text: text(publicJWK(t, "P-256")), read: single, want: "d is missing"},
		{name: "public JWK of X25519", text: text(exchangeJWK(t).with("d", nil)), read: single, want: "d is missing"},
		{name: "JWK of Ed25519", text: text(privateJWK(t, "Ed25519")), read: single, want: "X25519"},
		{name: "JWK of no type", text: "{}", read: single, want: "kty"},
		{name: "JWK to sign", text: text(p256.with("use", "sig")), read: single, want: "use is not enc"},
		{name: "JWK to encrypt", text: text(p256.with("key_ops", []string{"encrypt", "wrapKey"})), read: single, want: "key_ops"},
		{name: "JWK for signatures", text: text(p256.with("alg", "ES256")), read: single, want: "alg"},
		{name: "JWK for RSA1_5", text: text(privateJWK(t, "RSA").with("alg", "RSA1_5")), read: single, want: "alg"},
		{name: "JWK for PBES2", text: text(shared(16).with("alg", "PBES2-HS256+A128KW")), read: single, want: "alg"},
		{name: "JWK for GCM key wrapping", text: text(shared(16).with("alg", "A128GCMKW")), read: single, want: "alg"},
		{name: "RSA for key agreement", text: text(privateJWK(t, "RSA").with("alg", "ECDH-ES")), read: single, want: "fit"},
		{name: "P-256 for RSA", text: text(p256.with("alg", "RSA-OAEP")), read: single, want: "fit"},
		{name: "P-256, direct", text: text(p256.with("alg", "dir")), read: single, want: "fit"},
		{name: "shared, for key agreement", text: text(shared(16).with("alg", "ECDH-ES")), read: single, want: "fit"},
		{name: "shared, of another size", text: text(shared(16).with("alg", "A256KW")), read: single, want: "fit"},
		{name: "shared, of another size for its content", text: text(shared(16).with("alg", "A256GCM")), read: single, want: "fit"},
		{name: "shared, 15 bytes", text: text(shared(15)), read: single, want: "16 to 64"},
		{name: "shared, 65 bytes", text: text(shared(65)), read: single, want: "16 to 64"},
		{name: "shared, zeros", text: text(jwk{"kty": "oct", "k": b64bytes(make([]byte, 32))}), read: single, want: "repeated"},
		{name: "shared, none", text: `{"kty":"oct"}`, read: single, want: "k is missing"},
		{name: "kid of a million letters", text: text(p256.with("kid", strings.Repeat("k", 1000))), read: single, want: "kid"},
		{name: "X25519 of two halves", text: text(exchangeJWK(t).with("x", b64bytes(bytesOf(9, 32)))), read: single, want: "does not fit"},
		{name: "X25519 with a short d", text: text(exchangeJWK(t).with("d", "AAAA")), read: single, want: "does not fit"},
		{name: "P-256 of two halves", text: text(p256.with("d", b64bytes(bytesOf(1, 32)))), read: single, want: "does not fit"},
		{name: "a member twice", text: `{"kty":"oct","k":"AAAA","k":"AAAA"}`, read: single, want: "JWK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := tt.read([]byte(tt.text))
			if err == nil || keys != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "zebra") {
				t.Errorf("keys = %v, err = %v, want it to say %q", keys, err, tt.want)
			}
		})
	}
	// PKCS #8 does not say that a key only agrees on keys.
	if keys, err := jose.ParseDecryptionPEM([]byte(block("PRIVATE KEY", nistDER))); err != nil || len(keys) != 1 {
		t.Errorf("P-256 of crypto/ecdh: %v", err)
	}
}

func TestParseDecryptionJWKSet(t *testing.T) {
	of := func(keys ...jwk) []byte {
		var texts []string
		for _, key := range keys {
			texts = append(texts, string(key.bytes(t)))
		}
		return []byte(`{"keys":[` + strings.Join(texts, ",") + `]}`)
	}
	enc := privateJWK(t, "P-256").with("kid", "a").with("use", "enc")
	tests := []struct {
		name string
		text []byte
		want string // ids
		err  string
	}{
		{name: "two", text: of(enc, shared(32).with("kid", "b")), want: "a b "},
		{name: "without ids", text: of(shared(16), shared(32)), want: "  "},
		{name: "one that signs", text: of(privateJWK(t, "P-256").with("kid", "s").with("use", "sig"), enc), want: "a "},
		{name: "one of another algorithm", text: of(shared(32).with("alg", "HS256"), enc), want: "a "},
		{name: "none", text: of(), err: "no key that decrypts"},
		{name: "only one that signs", text: of(privateJWK(t, "P-256").with("use", "sig")), err: "no key that decrypts"},
		{name: "public one beside it", text: of(enc, publicJWK(t, "P-384")), err: "key 1: d is missing"},
		{name: "weak one beside it", text: of(shared(8), enc), err: "key 0: a shared key has"},
		{name: "kid twice", text: of(enc, shared(32).with("kid", "a")), err: "same kid"},
		{name: "kid of one that signs", text: of(enc, privateJWK(t, "P-384").with("kid", "a").with("use", "sig")), err: "same kid"},
		{name: "no key", text: []byte(`{"keys":[1]}`), err: "key 0"},
		{name: "no set", text: enc.bytes(t), err: "keys is not an array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := jose.ParseDecryptionJWKSet(tt.text)
			if tt.err != "" {
				if err == nil || keys != nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("keys = %v, err = %v, want it to say %q", keys, err, tt.err)
				}
				return
			}
			ids := ""
			for _, key := range keys {
				ids += key.ID + " "
			}
			if err != nil || ids != tt.want {
				t.Errorf("keys = %q, %v, want %q", ids, err, tt.want)
			}
		})
	}
}

// FuzzParseDecryption holds that no text is a private key and a public one: what
// belongs in one place can't be put into the other by mistake.
func FuzzParseDecryption(f *testing.F) {
	f.Add([]byte(pkcs8(f, signer(f, "P-256"))))
	f.Add([]byte(exchangePEM(f)))
	f.Add(privateJWK(f, "P-521").bytes(f))
	f.Add(exchangeJWK(f).bytes(f))
	f.Add(shared(32).with("alg", "A256KW").bytes(f))
	f.Add(publicJWK(f, "P-256").bytes(f))
	f.Add([]byte(`{"keys":[` + string(shared(16).bytes(f)) + `]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var all []authz.PrivateKey
		for _, read := range []func([]byte) ([]authz.PrivateKey, error){jose.ParseDecryptionPEM, jose.ParseDecryptionJWK, jose.ParseDecryptionJWKSet} {
			keys, err := read(text)
			if (err == nil) != (len(keys) > 0) {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			all = append(all, keys...)
		}
		if len(all) == 0 {
			return
		}
		for _, key := range all {
			if b, ok := key.Key.([]byte); ok && (len(b) < 16 || len(b) > 64 || bytes.Count(b, b[:1]) == len(b)) {
				t.Errorf("a shared key %x", b)
			}
		}
		for _, read := range []func([]byte) ([]authz.PublicKey, error){jose.ParsePEM, jose.ParseX509, jose.ParseJWK, jose.ParseSPKI, jose.ParseRaw} {
			if keys, err := read(text); err == nil {
				t.Errorf("public keys %v too", keys)
			}
		}
	})
}

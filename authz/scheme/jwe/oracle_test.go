package jwe_test

import (
	"crypto/ecdsa"
	"strings"
	"testing"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// Another implementation reads what we write, and we what it writes. It knows no
// X25519.

func TestAgainstGoJose(t *testing.T) {
	for _, a := range keyAlgorithms() {
		for _, content := range contentAlgorithms() {
			for _, key := range private(a, content) {
				if _, ok := key.(*ecdsa.PrivateKey); !ok && strings.HasPrefix(string(a), "ECDH") {
					continue
				}
				for _, plaintext := range []string{"x", "", strings.Repeat("payload ", 100)} {
					sealed := encrypt(t, key, a, content, plaintext)
					object, err := lib.ParseEncryptedCompact(sealed, []lib.KeyAlgorithm{lib.KeyAlgorithm(a)}, []lib.ContentEncryption{lib.ContentEncryption(content)})
					if err != nil {
						t.Fatalf("%s, %s: %v", a, content, err)
					}
					if got, err := object.Decrypt(key); err != nil || string(got) != plaintext {
						t.Errorf("%s, %s: it reads %q, %v", a, content, got, err)
					}
					if got, err := decrypt(theirs(t, key, a, content, plaintext), key); err != nil || got != plaintext {
						t.Errorf("%s, %s: we read %q, %v", a, content, got, err)
					}
				}
			}
		}
	}
}

// theirs is plaintext encrypted by the other implementation.
func theirs(tb testing.TB, key any, a jwe.KeyAlgorithm, content jwe.ContentAlgorithm, plaintext string) string {
	tb.Helper()
	recipient := lib.Recipient{Algorithm: lib.KeyAlgorithm(a), Key: public(key), KeyID: "k1"}
	options := (&lib.EncrypterOptions{}).WithContentType("JWT")
	encrypter, err := lib.NewEncrypter(lib.ContentEncryption(content), recipient, options)
	if err != nil {
		tb.Fatal(err)
	}
	object, err := encrypter.Encrypt([]byte(plaintext))
	if err != nil {
		tb.Fatal(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// Compressed by the other implementation, it is refused.
func TestCompressed(t *testing.T) {
	recipient := lib.Recipient{Algorithm: lib.DIRECT, Key: shared(16)}
	encrypter, err := lib.NewEncrypter(lib.A128GCM, recipient, &lib.EncrypterOptions{Compression: lib.DEFLATE})
	if err != nil {
		t.Fatal(err)
	}
	object, err := encrypter.Encrypt(make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if plaintext, err := decrypt(token, shared(16)); err == nil {
		t.Errorf("inflated to %d bytes", len(plaintext))
	}
}

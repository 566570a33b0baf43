package jwe_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// TestOneFailure: whatever is wrong once a key is used, the answer is the same to
// the letter.
func TestOneFailure(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	rsaToken := encrypt(t, rsaKey(), jwe.RSAOAEP256, jwe.A128CBCHS256, "payload")
	kw := encrypt(t, shared(16), jwe.A128KW, jwe.A128GCM, "payload")
	es := encrypt(t, ecKey(), jwe.ECDHESA256KW, jwe.A256GCM, "payload")
	direct := encrypt(t, shared(32), jwe.Dir, jwe.A128CBCHS256, "payload")
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	oaep := func(cek []byte, label string) string {
		wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey().PublicKey, cek, []byte(label))
		if err != nil {
			t.Fatal(err)
		}
		return with(rsaToken, 1, encode(wrapped))
	}
	sha, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &rsaKey().PublicKey, make([]byte, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	rewrapped, err := jwe.Wrap(shared(16), make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		token string
		key   any
	}{
		{name: "another RSA key", token: rsaToken, key: other},
		{name: "a bit of OAEP", token: with(rsaToken, 1, encode(flip(part(t, rsaToken, 1)))), key: rsaKey()},
		{name: "OAEP of another hash", token: with(rsaToken, 1, encode(sha)), key: rsaKey()},
		{name: "OAEP with a label", token: oaep(make([]byte, 32), "x"), key: rsaKey()},
		{name: "OAEP of another key", token: oaep(make([]byte, 32), ""), key: rsaKey()},
		{name: "OAEP of a short key", token: oaep(make([]byte, 16), ""), key: rsaKey()},
		{name: "OAEP of a long key", token: oaep(make([]byte, 64), ""), key: rsaKey()},
		{name: "OAEP of no key", token: oaep(nil, ""), key: rsaKey()},
		{name: "short for RSA", token: with(rsaToken, 1, encode(make([]byte, 128))), key: rsaKey()},
		{name: "long for RSA", token: with(rsaToken, 1, encode(make([]byte, 512))), key: rsaKey()},
		{name: "zero", token: with(rsaToken, 1, encode(make([]byte, 256))), key: rsaKey()},
		{name: "over the modulus", token: with(rsaToken, 1, encode(flip([]byte(strings.Repeat("\xff", 256))))), key: rsaKey()},
		{name: "another shared key", token: kw, key: flip(shared(16))},
		{name: "a bit of the wrapped key", token: with(kw, 1, encode(flip(part(t, kw, 1)))), key: shared(16)},
		{name: "another key, wrapped well", token: with(kw, 1, encode(rewrapped)), key: shared(16)},
		{name: "a bit of the wrapped key of ECDH", token: with(es, 1, encode(flip(part(t, es, 1)))), key: ecKey()},
		{name: "another EC key", token: es, key: newEC(ecKey().Curve)},
		{name: "another key of dir", token: direct, key: flip(shared(32))},
		{name: "a bit of the ciphertext", token: with(direct, 3, encode(flip(part(t, direct, 3)))), key: shared(32)},
		{name: "a bit of the iv", token: with(direct, 2, encode(flip(part(t, direct, 2)))), key: shared(32)},
		{name: "a bit of the tag", token: with(direct, 4, encode(flip(part(t, direct, 4)))), key: shared(32)},
		{name: "a header that says the same", token: with(direct, 0, encode([]byte(`{"enc":"A128CBC-HS256","alg":"dir","kid":"k1"}`))), key: shared(32)},
		{name: "bad padding of who has the key", token: padded(t, strings.Repeat("\x00", 15)+"\x11"), key: shared(32)},
		{name: "padding of zero bytes", token: padded(t, strings.Repeat("\x00", 16)), key: shared(32)},
		{name: "padding of two bytes that differ", token: padded(t, strings.Repeat("\x00", 14)+"\x01\x02"), key: shared(32)},
		{name: "padding of a block with one other byte", token: padded(t, "\x0f"+strings.Repeat("\x10", 15)), key: shared(32)},
		{name: "a key of another type", token: direct, key: rsaKey()},
		{name: "a key of another length", token: direct, key: shared(16)},
		{name: "no key", token: direct, key: nil},
	}
	detail := ""
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plaintext, err := decrypt(tt.token, tt.key)
			authztest.WantReason(t, err, authz.ReasonDecryptionFailed)
			var denial *authz.Denial
			if !errors.As(err, &denial) || plaintext != "" {
				t.Fatalf("got %q, %v", plaintext, err)
			}
			if detail == "" {
				detail = denial.Detail()
			}
			if denial.Detail() != detail {
				t.Errorf("detail = %q, elsewhere %q", denial.Detail(), detail)
			}
		})
	}
}

// padded is a token whose last block is block, whatever its padding, and whose tag
// is right.
func padded(t *testing.T, block string) string {
	t.Helper()
	key, iv := shared(32), make([]byte, 16)
	header := encode([]byte(`{"alg":"dir","enc":"A128CBC-HS256"}`))
	state, err := aes.NewCipher(key[16:])
	if err != nil {
		t.Fatal(err)
	}
	ciphertext := []byte(strings.Repeat("x", 16) + block)
	cipher.NewCBCEncrypter(state, iv).CryptBlocks(ciphertext, ciphertext)
	mac := hmac.New(sha256.New, key[:16])
	mac.Write([]byte(header))
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(header))*8))
	return header + ".." + encode(iv) + "." + encode(ciphertext) + "." + encode(mac.Sum(nil)[:16])
}

func TestPadding(t *testing.T) {
	for count := 1; count <= 16; count++ {
		want := strings.Repeat("x", 16) + strings.Repeat("y", 16-count)
		got, err := decrypt(padded(t, want[16:]+strings.Repeat(string(rune(count)), count)), shared(32))
		if err != nil || got != want {
			t.Errorf("%d bytes of padding: got %q, %v", count, got, err)
		}
	}
}

func TestFits(t *testing.T) {
	small := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}}
	huge := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 8192), E: 65537}}
	tests := []struct {
		name    string
		key     any
		own     string
		a       jwe.KeyAlgorithm
		content jwe.ContentAlgorithm
		want    bool
	}{
		{name: "RSA", key: rsaKey(), a: jwe.RSAOAEP, content: jwe.A128GCM, want: true},
		{name: "RSA with its alg", key: rsaKey(), own: "RSA-OAEP", a: jwe.RSAOAEP, content: jwe.A128GCM, want: true},
		{name: "RSA with another alg", key: rsaKey(), own: "RSA-OAEP-256", a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "RSA of 1024 bits", key: small, a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "RSA of 8193 bits", key: huge, a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "RSA for ECDH", key: rsaKey(), a: jwe.ECDHES, content: jwe.A128GCM},
		{name: "RSA for dir", key: rsaKey(), a: jwe.Dir, content: jwe.A128GCM},
		{name: "EC", key: ecKey(), a: jwe.ECDHESA192KW, content: jwe.A128GCM, want: true},
		{name: "X25519", key: xKey(), a: jwe.ECDHES, content: jwe.A128GCM, want: true},
		{name: "EC for RSA", key: ecKey(), a: jwe.RSAOAEP256, content: jwe.A128GCM},
		{name: "EC for A128KW", key: ecKey(), a: jwe.A128KW, content: jwe.A128GCM},
		{name: "shared", key: shared(16), a: jwe.A128KW, content: jwe.A256CBCHS512, want: true},
		{name: "shared of another length", key: shared(32), a: jwe.A128KW, content: jwe.A256GCM},
		{name: "shared for dir", key: shared(64), a: jwe.Dir, content: jwe.A256CBCHS512, want: true},
		{name: "shared for dir of another length", key: shared(32), a: jwe.Dir, content: jwe.A256CBCHS512},
		{name: "shared for dir and its content", key: shared(32), own: "A256GCM", a: jwe.Dir, content: jwe.A256GCM, want: true},
		{name: "shared for dir and another content", key: shared(32), own: "A256GCM", a: jwe.Dir, content: jwe.A128CBCHS256},
		{name: "shared for its content, not to wrap", key: shared(32), own: "A256GCM", a: jwe.A256KW, content: jwe.A256GCM},
		{name: "shared for ECDH", key: shared(16), a: jwe.ECDHESA128KW, content: jwe.A128GCM},
		{name: "shared for RSA", key: shared(16), a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "empty", key: []byte{}, a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "public half", key: public(rsaKey()), a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "nothing", a: jwe.Dir, content: jwe.A128GCM},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := jwe.Fits(&authz.PrivateKey{Key: tt.key, Algorithm: tt.own}, tt.a, tt.content); got != tt.want {
				t.Errorf("Fits() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestPrimitivesRefuseOtherLengths(t *testing.T) {
	for _, content := range contentAlgorithms() {
		iv := 12
		if content.KeySize() > 32 || content == jwe.A128CBCHS256 {
			iv = 16
		}
		key := shared(content.KeySize())
		ciphertext, tag, err := jwe.Seal(content, key, make([]byte, iv), nil, []byte("payload"))
		if err != nil {
			t.Fatal(err)
		}
		for _, open := range []func() ([]byte, error){
			func() ([]byte, error) { return jwe.Open(content, key[1:], make([]byte, iv), nil, ciphertext, tag) },
			func() ([]byte, error) { return jwe.Open(content, key, make([]byte, iv+1), nil, ciphertext, tag) },
			func() ([]byte, error) { return jwe.Open(content, key, make([]byte, iv), nil, ciphertext, tag[1:]) },
			func() ([]byte, error) { return jwe.Open(content, key, make([]byte, iv), nil, ciphertext, nil) },
			func() ([]byte, error) { return jwe.Open(content, key, make([]byte, iv), nil, nil, tag) },
			func() ([]byte, error) { return jwe.Open("", nil, nil, nil, ciphertext, tag) },
		} {
			if got, err := open(); err == nil {
				t.Errorf("%s: opened %q", content, got)
			}
		}
		if _, _, err := jwe.Seal(content, key[1:], make([]byte, iv), nil, nil); err == nil {
			t.Errorf("%s: sealed with a short key", content)
		}
	}
	for _, size := range []int{0, 8, 16, 23, 25} {
		if _, err := jwe.Unwrap(shared(16), make([]byte, size)); err == nil {
			t.Errorf("unwrapped %d bytes", size)
		}
	}
	for _, size := range []int{0, 8, 17} {
		if _, err := jwe.Wrap(shared(16), make([]byte, size)); err == nil {
			t.Errorf("wrapped %d bytes", size)
		}
	}
	if _, err := jwe.Unwrap(shared(15), make([]byte, 24)); err == nil {
		t.Error("unwrapped with a key of 15 bytes")
	}
	if _, err := jwe.Wrap(shared(15), make([]byte, 16)); err == nil {
		t.Error("wrapped with a key of 15 bytes")
	}
}

func TestEncryptRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		key     any
		a       jwe.KeyAlgorithm
		content jwe.ContentAlgorithm
	}{
		{name: "RSA for ECDH", key: public(rsaKey()), a: jwe.ECDHES, content: jwe.A128GCM},
		{name: "EC for RSA", key: public(ecKey()), a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "shared for RSA", key: shared(16), a: jwe.RSAOAEP, content: jwe.A128GCM},
		{name: "length of a wrapping key", key: shared(16), a: jwe.A256KW, content: jwe.A128GCM},
		{name: "length of a direct key", key: shared(16), a: jwe.Dir, content: jwe.A256GCM},
		{name: "nothing", a: jwe.Dir, content: jwe.A256GCM},
		{name: "unknown content", key: shared(16), a: jwe.Dir, content: "x"},
		{name: "unknown algorithm", key: shared(16), a: "x", content: jwe.A128GCM},
	} {
		if token, err := jwe.Encrypt(tt.key, tt.a, tt.content, "", "", nil); err == nil {
			t.Errorf("%s: %s", tt.name, token)
		}
	}
}

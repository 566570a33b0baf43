package jwe_test

import (
	"bytes"
	"crypto/ecdh"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// FuzzDecrypt looks for a token that opens and that nobody made who has the key.
func FuzzDecrypt(f *testing.F) {
	made := map[string]bool{}
	fixed := func(text string) *ecdh.PrivateKey {
		key, err := ecdh.P256().NewPrivateKey(bytes.Repeat([]byte(text), 4))
		if err != nil {
			f.Fatal(err)
		}
		return key
	}
	ours, half := fixed("recvrkey"), fixed("halfhalf")
	for _, content := range contentAlgorithms() {
		cek := shared(content.KeySize())
		wrapped, err := jwe.Wrap(shared(16), cek)
		if err != nil {
			f.Fatal(err)
		}
		agreed, err := jwe.DeriveECDHES(half, ours.PublicKey(), string(content), nil, nil, content.KeySize())
		if err != nil {
			f.Fatal(err)
		}
		point := half.PublicKey().Bytes()
		epk := `,"epk":{"kty":"EC","crv":"P-256","x":"` + encode(point[1:33]) + `","y":"` + encode(point[33:]) + `"}}`
		for _, token := range []string{
			sealed(f, `{"alg":"dir","enc":"`+string(content)+`"}`, content, cek, nil),
			sealed(f, `{"alg":"A128KW","enc":"`+string(content)+`"}`, content, cek, wrapped),
			sealed(f, `{"alg":"ECDH-ES","enc":"`+string(content)+`"`+epk, content, agreed, nil),
		} {
			made[token] = true
			f.Add(token)
		}
	}
	f.Add("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIiwiemlwIjoiREVGIn0..AAAA.AAAA.AAAA")
	f.Add("....")
	keys := []any{ours, shared(16), shared(24), shared(32), shared(48), shared(64)}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := jwe.Parse(text, all())
		if err != nil {
			if token != nil {
				t.Errorf("a token beside %v", err)
			}
			return
		}
		opened := false
		for _, key := range keys {
			plaintext, err := token.Decrypt(&authz.PrivateKey{Key: key})
			if err == nil && !made[text] {
				t.Errorf("%q opens: %q", text, plaintext)
			}
			opened = opened || err == nil
		}
		if made[text] && !opened {
			t.Errorf("%q does not open", text)
		}
	})
}

// sealed is a token that is the same in every process.
func sealed(f *testing.F, header string, content jwe.ContentAlgorithm, cek, wrapped []byte) string {
	f.Helper()
	protected, iv := encode([]byte(header)), shared(12)
	ciphertext, tag, err := jwe.Seal(content, cek, iv, []byte(protected), []byte("payload"))
	if err != nil {
		iv = shared(16)
		if ciphertext, tag, err = jwe.Seal(content, cek, iv, []byte(protected), []byte("payload")); err != nil {
			f.Fatal(err)
		}
	}
	return protected + "." + encode(wrapped) + "." + encode(iv) + "." + encode(ciphertext) + "." + encode(tag)
}

// FuzzWrap: what is wrapped unwraps, and no other bytes do.
func FuzzWrap(f *testing.F) {
	f.Add(shared(16), shared(32), uint16(3))
	f.Add(shared(32), shared(16), uint16(200))
	f.Fuzz(func(t *testing.T, kek, key []byte, bit uint16) {
		wrapped, err := jwe.Wrap(kek, key)
		if err != nil {
			return
		}
		got, err := jwe.Unwrap(kek, wrapped)
		if err != nil || !bytes.Equal(got, key) {
			t.Fatalf("Unwrap() = %x, %v, want %x", got, err, key)
		}
		wrapped[int(bit/8)%len(wrapped)] ^= 1 << (bit % 8)
		if got, err := jwe.Unwrap(kek, wrapped); err == nil {
			t.Errorf("Unwrap() of changed bytes = %x", got)
		}
	})
}

// FuzzContent: what is sealed opens, and nothing else does.
func FuzzContent(f *testing.F) {
	for i := range contentAlgorithms() {
		f.Add(uint8(i), []byte("plaintext"), []byte("aad"), uint16(7))
	}
	f.Fuzz(func(t *testing.T, which uint8, plaintext, aad []byte, bit uint16) {
		content := contentAlgorithms()[int(which)%len(contentAlgorithms())]
		key := shared(content.KeySize())
		ciphertext, tag, err := jwe.Seal(content, key, shared(12), aad, plaintext)
		iv := shared(12)
		if err != nil {
			iv = shared(16)
			if ciphertext, tag, err = jwe.Seal(content, key, iv, aad, plaintext); err != nil {
				t.Fatal(err)
			}
		}
		got, err := jwe.Open(content, key, iv, aad, ciphertext, tag)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("Open() = %x, %v, want %x", got, err, plaintext)
		}
		all := [][]byte{iv, aad, ciphertext, tag}
		changed := all[int(bit)%len(all)]
		if len(changed) == 0 {
			return
		}
		changed[int(bit/8)%len(changed)] ^= 1 << (bit % 8)
		if got, err := jwe.Open(content, key, iv, aad, ciphertext, tag); err == nil {
			t.Errorf("Open() of changed bytes = %x", got)
		}
	})
}

package jwe

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// A header is the protected header that [Encrypt] writes.
type header struct {
	Algorithm   string     `json:"alg"`
	Encryption  string     `json:"enc"`
	KeyID       string     `json:"kid,omitempty"`
	ContentType string     `json:"cty,omitempty"`
	Ephemeral   *ephemeral `json:"epk,omitempty"`
}

// An ephemeral is a public key of ECDH as a JWK.
type ephemeral struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y,omitempty"`
}

// Encrypt returns plaintext encrypted for the owner of key: an *rsa.PublicKey, an
// *ecdsa.PublicKey or *ecdh.PublicKey on P-256, P-384, P-521 or X25519, or a
// []byte that is shared. kid and cty may be empty; cty is "JWT" if plaintext is a
// signed token. It serves demonstrations and tests: what we verify, we don't send.
func Encrypt(key any, a KeyAlgorithm, content ContentAlgorithm, kid, cty string, plaintext []byte) (string, error) {
	if content.KeySize() == 0 {
		return "", errors.New("unknown content algorithm")
	}
	h := header{Algorithm: string(a), Encryption: string(content), KeyID: kid, ContentType: cty}
	cek, wrapped, err := newContentKey(key, a, content, &h)
	if err != nil {
		return "", fmt.Errorf("agree on a key by %s: %v", a, err)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	protected := encode(text)
	iv := random(content.ivSize())
	ciphertext, tag, err := Seal(content, cek, iv, []byte(protected), plaintext)
	if err != nil {
		return "", err
	}
	return protected + "." + encode(wrapped) + "." + encode(iv) + "." + encode(ciphertext) + "." + encode(tag), nil
}

// random returns size bytes that nobody knows.
func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.Read(b) // never fails, by its documentation
	return b
}

// newContentKey returns the key of the content, and how it stands in the token.
func newContentKey(key any, a KeyAlgorithm, content ContentAlgorithm, h *header) (cek, wrapped []byte, err error) {
	mismatch := errors.New("the key is of another type, or of another length")
	cek = random(content.KeySize())
	switch k := key.(type) {
	case *rsa.PublicKey:
		if a != RSAOAEP && a != RSAOAEP256 {
			return nil, nil, mismatch
		}
		wrapped, err = rsa.EncryptOAEP(a.oaepDigest(), rand.Reader, k, cek, nil)
		return cek, wrapped, err
	case *ecdsa.PublicKey:
		public, err := k.ECDH()
		if err != nil {
			return nil, nil, err
		}
		return newContentKey(public, a, content, h)
	case *ecdh.PublicKey:
		if !a.agrees() {
			return nil, nil, mismatch
		}
		return agreeWith(k, a, content, h)
	case []byte:
		switch {
		case a == Dir && len(k) == content.KeySize():
			return k, nil, nil
		case a.Shared() && a != Dir && len(k) == a.wrapSize():
			wrapped, err = Wrap(k, cek)
			return cek, wrapped, err
		}
	}
	return nil, nil, mismatch
}

func agreeWith(public *ecdh.PublicKey, a KeyAlgorithm, content ContentAlgorithm, h *header) (cek, wrapped []byte, err error) {
	private, err := public.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if h.Ephemeral, err = describe(private.PublicKey()); err != nil {
		return nil, nil, err
	}
	name, size := a.agreed(content)
	key, err := DeriveECDHES(private, public, name, nil, nil, size)
	if err != nil || a == ECDHES {
		return key, nil, err
	}
	cek = random(content.KeySize())
	wrapped, err = Wrap(key, cek)
	return cek, wrapped, err
}

func describe(key *ecdh.PublicKey) (*ephemeral, error) {
	encode := base64.RawURLEncoding.EncodeToString
	point := key.Bytes()
	names := map[ecdh.Curve]string{ecdh.P256(): "P-256", ecdh.P384(): "P-384", ecdh.P521(): "P-521"}
	if key.Curve() == ecdh.X25519() {
		return &ephemeral{Type: "OKP", Curve: "X25519", X: encode(point)}, nil
	}
	name, known := names[key.Curve()]
	if !known {
		return nil, errors.New("an unknown curve")
	}
	half := len(point) / 2 // behind the byte that says "uncompressed"
	return &ephemeral{Type: "EC", Curve: name, X: encode(point[1 : 1+half]), Y: encode(point[1+half:])}, nil
}

package jwe

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RSA-OAEP rests on no property that SHA-1 has lost (RFC 8017, appendix B.1)
	"crypto/sha256"
	"hash"

	"github.com/hookauthz/hookauthz/authz"
)

// Decrypt returns what t holds. The error is a denial with
// [authz.ReasonDecryptionFailed] that says nothing more, and takes the same work,
// whatever went wrong with the key or the content. A key that does not fit
// decrypts nothing. The result is the caller's; it is not longer than the token.
func (t *Token) Decrypt(key *authz.PrivateKey) ([]byte, error) {
	// Drawn before anything can fail, so that failing draws no more than passing.
	random := make([]byte, t.content.KeySize())
	_, _ = rand.Read(random) // never fails, by its documentation
	cek, ok := t.contentKey(key)
	if !ok || len(cek) != len(random) {
		cek = random
	}
	plaintext, err := Open(t.content, cek, t.iv, t.header, t.ciphertext, t.tag)
	if err != nil || !ok {
		return nil, authz.Deny(authz.ReasonDecryptionFailed, "the token is not encrypted for a key of ours, or was changed")
	}
	return plaintext, nil
}

// contentKey returns the key that the content is encrypted with.
func (t *Token) contentKey(key *authz.PrivateKey) ([]byte, bool) {
	if !t.Fits(key) {
		return nil, false
	}
	switch k := key.Key.(type) {
	case *rsa.PrivateKey:
		return t.unwrapRSA(k)
	case *ecdh.PrivateKey:
		return t.agree(k)
	case *ecdsa.PrivateKey:
		private, err := k.ECDH()
		if err != nil {
			return nil, false
		}
		return t.agree(private)
	case []byte:
		if t.algorithm == Dir {
			return k, true
		}
		cek, err := Unwrap(k, t.wrapped)
		return cek, err == nil
	}
	return nil, false
}

func (t *Token) unwrapRSA(key *rsa.PrivateKey) ([]byte, bool) {
	modulus := key.N.Bytes()
	wrapped := t.wrapped
	// Both are public, so comparing them tells nothing.
	possible := len(wrapped) == len(modulus) && bytes.Compare(wrapped, modulus) < 0
	if !possible {
		// It can't be decrypted; something else is.
		wrapped = modulus
		clear(wrapped)
		wrapped[len(wrapped)-1] = 2
	}
	cek, err := UnwrapRSA(t.algorithm, key, wrapped)
	return cek, possible && err == nil
}

// UnwrapRSA returns the key that was encrypted to key by RSA-OAEP or RSA-OAEP-256,
// without a label (RFC 7518, section 4.3).
func UnwrapRSA(a KeyAlgorithm, key *rsa.PrivateKey, wrapped []byte) ([]byte, error) {
	cek, err := rsa.DecryptOAEP(a.oaepDigest(), nil, key, wrapped, nil)
	if err != nil {
		return nil, errWrap
	}
	return cek, nil
}

// oaepDigest is the hash of OAEP and of its mask (RFC 7518, section 4.3).
func (a KeyAlgorithm) oaepDigest() hash.Hash {
	if a == RSAOAEP256 {
		return sha256.New()
	}
	return sha1.New() //nolint:gosec // as the import says
}

// agree returns the key that the token's maker and the owner of private agree on,
// or that is wrapped with it.
func (t *Token) agree(private *ecdh.PrivateKey) ([]byte, bool) {
	name, size := t.algorithm.agreed(t.content)
	public := t.ephemeral
	same := public.Curve() == private.Curve()
	if !same {
		public = private.PublicKey() // as much work, to no end
	}
	key, err := DeriveECDHES(private, public, name, t.apu, t.apv, size)
	if err != nil || !same {
		return nil, false
	}
	if t.algorithm == ECDHES {
		return key, true
	}
	cek, err := Unwrap(key, t.wrapped)
	return cek, err == nil
}

// agreed returns what the key that is agreed on is for, and its length: the
// content's own, or that of what wraps it.
func (a KeyAlgorithm) agreed(content ContentAlgorithm) (name string, size int) {
	if a == ECDHES {
		return string(content), content.KeySize()
	}
	return string(a), a.wrapSize()
}

package jwe

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
	"slices"
)

// errContent says no more than that something is wrong.
var errContent = errors.New("the content does not open")

// gcmIV and gcmTag are the lengths of RFC 7518, section 5.3, in bytes. cbcIV is
// that of section 5.2.
const (
	gcmIV  = 12
	gcmTag = 16
	cbcIV  = aes.BlockSize
)

// ivSize and tagSize are the only lengths that the algorithm has.
func (a ContentAlgorithm) ivSize() int {
	if a.digest() == nil {
		return gcmIV
	}
	return cbcIV
}

func (a ContentAlgorithm) tagSize() int {
	if a.digest() == nil {
		return gcmTag
	}
	return a.KeySize() / 2
}

// digest is that of the HMAC, nil for GCM.
func (a ContentAlgorithm) digest() func() hash.Hash {
	switch a {
	case A128CBCHS256:
		return sha256.New
	case A192CBCHS384:
		return sha512.New384
	case A256CBCHS512:
		return sha512.New
	case A128GCM, A192GCM, A256GCM:
	}
	return nil
}

// Open decrypts ciphertext, once tag shows that it and aad are authentic. The
// error says nothing more. key has [ContentAlgorithm.KeySize] bytes. The result is
// no longer than ciphertext and shares no memory with it.
func Open(a ContentAlgorithm, key, iv, aad, ciphertext, tag []byte) ([]byte, error) {
	if len(key) != a.KeySize() || len(iv) != a.ivSize() || len(tag) != a.tagSize() {
		return nil, errContent
	}
	if a.digest() != nil {
		return a.openCBC(key, iv, aad, ciphertext, tag)
	}
	aead, err := newGCM(key)
	if err != nil {
		return nil, errContent
	}
	sealed := slices.Concat(ciphertext, tag)
	plaintext, err := aead.Open(sealed[:0], iv, sealed, aad)
	if err != nil {
		return nil, errContent
	}
	return plaintext, nil
}

// Seal is the reverse of [Open]. The iv must not have been used with key before.
func Seal(a ContentAlgorithm, key, iv, aad, plaintext []byte) (ciphertext, tag []byte, err error) {
	if len(key) != a.KeySize() || a.KeySize() == 0 || len(iv) != a.ivSize() {
		return nil, nil, errors.New("the key or the iv has another length than its algorithm's")
	}
	if a.digest() != nil {
		return a.sealCBC(key, iv, aad, plaintext)
	}
	aead, err := newGCM(key)
	if err != nil {
		return nil, nil, err
	}
	sealed := aead.Seal(nil, iv, plaintext, aad)
	at := len(sealed) - gcmTag
	return sealed[:at:at], sealed[at:], nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// openCBC follows RFC 7518, section 5.2.2.2: nothing is decrypted before the tag
// has been found right, so the padding is that of somebody who has the key.
func (a ContentAlgorithm) openCBC(key, iv, aad, ciphertext, tag []byte) ([]byte, error) {
	want := a.sum(key, iv, aad, ciphertext)
	if subtle.ConstantTimeCompare(want, tag) != 1 {
		return nil, errContent
	}
	if len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil, errContent
	}
	block, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, errContent
	}
	plaintext := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plaintext, ciphertext)
	return unpad(plaintext)
}

func (a ContentAlgorithm) sealCBC(key, iv, aad, plaintext []byte) (ciphertext, tag []byte, err error) {
	block, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, nil, err
	}
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	ciphertext = slices.Grow(slices.Clone(plaintext), padding)
	for range padding {
		ciphertext = append(ciphertext, byte(padding))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	return ciphertext, a.sum(key, iv, aad, ciphertext), nil
}

// sum is the first half of the HMAC over all that is authenticated, under the
// first half of key.
func (a ContentAlgorithm) sum(key, iv, aad, ciphertext []byte) []byte {
	mac := hmac.New(a.digest(), key[:len(key)/2])
	mac.Write(aad)
	mac.Write(iv)
	mac.Write(ciphertext)
	var bits [8]byte
	binary.BigEndian.PutUint64(bits[:], uint64(len(aad))*8)
	mac.Write(bits[:])
	return mac.Sum(nil)[:a.tagSize()]
}

// unpad removes the padding of PKCS #7 (RFC 5652, section 6.3), in the same time
// whatever it is.
func unpad(padded []byte) ([]byte, error) {
	last := padded[len(padded)-aes.BlockSize:]
	padding := last[aes.BlockSize-1]
	count := int(padding)
	good := subtle.ConstantTimeLessOrEq(1, count) & subtle.ConstantTimeLessOrEq(count, aes.BlockSize)
	for i, b := range last {
		inside := subtle.ConstantTimeLessOrEq(aes.BlockSize-i, count)
		good &= subtle.ConstantTimeByteEq(b, padding) | (1 - inside)
	}
	if good != 1 {
		return nil, errContent
	}
	return padded[:len(padded)-count], nil
}

package jwe

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"
)

// wrapBlock is half a block of AES, the unit of RFC 3394.
const wrapBlock = 8

// wrapIV is the initial value of RFC 3394, section 2.2.3.1.
const wrapIV = 0xa6a6a6a6a6a6a6a6

var errWrap = errors.New("the key can't be unwrapped")

// Unwrap returns the key that was wrapped with kek by AES Key Wrap (RFC 3394). kek
// has 16, 24 or 32 bytes and the key at least 16, in units of 8.
func Unwrap(kek, wrapped []byte) ([]byte, error) {
	if len(wrapped)%wrapBlock != 0 || len(wrapped) < 3*wrapBlock {
		return nil, errWrap
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, errWrap
	}
	key := slices.Clone(wrapped[wrapBlock:])
	units := len(key) / wrapBlock
	var buffer [aes.BlockSize]byte
	copy(buffer[:wrapBlock], wrapped)
	for step := 6 * units; step > 0; step-- {
		unit := key[(step-1)%units*wrapBlock:][:wrapBlock]
		a := binary.BigEndian.Uint64(buffer[:]) ^ uint64(step)
		binary.BigEndian.PutUint64(buffer[:], a)
		copy(buffer[wrapBlock:], unit)
		block.Decrypt(buffer[:], buffer[:])
		copy(unit, buffer[wrapBlock:])
	}
	var want [wrapBlock]byte
	binary.BigEndian.PutUint64(want[:], wrapIV)
	if subtle.ConstantTimeCompare(buffer[:wrapBlock], want[:]) != 1 {
		return nil, errWrap
	}
	return key, nil
}

// Wrap is the reverse of [Unwrap].
func Wrap(kek, key []byte) ([]byte, error) {
	if len(key)%wrapBlock != 0 || len(key) < 2*wrapBlock {
		return nil, errors.New("a key to be wrapped has at least 16 bytes, in units of 8")
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	wrapped := make([]byte, wrapBlock, wrapBlock+len(key))
	wrapped = append(wrapped, key...)
	units := len(key) / wrapBlock
	var buffer [aes.BlockSize]byte
	binary.BigEndian.PutUint64(buffer[:], wrapIV)
	for step := range 6 * units {
		unit := wrapped[(1+step%units)*wrapBlock:][:wrapBlock]
		copy(buffer[wrapBlock:], unit)
		block.Encrypt(buffer[:], buffer[:])
		a := binary.BigEndian.Uint64(buffer[:]) ^ uint64(step+1)
		binary.BigEndian.PutUint64(buffer[:], a)
		copy(unit, buffer[wrapBlock:])
	}
	copy(wrapped, buffer[:wrapBlock])
	return wrapped, nil
}

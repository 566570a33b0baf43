package jwe

import (
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// DeriveECDHES returns the key of size bytes that the owners of private and public
// agree on (RFC 7518, section 4.6). name is the algorithm that the key is for;
// apu and apv are what the token's header says of the two. The error says that
// the keys are on two curves, or that the point gives nothing secret.
func DeriveECDHES(private *ecdh.PrivateKey, public *ecdh.PublicKey, name string, apu, apv []byte, size int) ([]byte, error) {
	if private.Curve() != public.Curve() {
		return nil, errors.New("the keys are on two curves")
	}
	z, err := private.ECDH(public)
	if err != nil {
		return nil, errors.New("the keys agree on nothing secret")
	}
	return concatKDF(z, name, apu, apv, size), nil
}

// concatKDF is that of NIST SP 800-56A, section 5.8.2.1, with SHA-256, as RFC
// 7518 uses it.
func concatKDF(z []byte, name string, apu, apv []byte, size int) []byte {
	info := appendSized(nil, []byte(name))
	info = appendSized(info, apu)
	info = appendSized(info, apv)
	info = binary.BigEndian.AppendUint32(info, uint32(size)*8) //nolint:gosec // G115: a key has at most 64 bytes
	var key []byte
	for round := uint32(1); len(key) < size; round++ {
		h := sha256.New()
		h.Write(binary.BigEndian.AppendUint32(nil, round))
		h.Write(z)
		h.Write(info)
		key = h.Sum(key)
	}
	return key[:size:size]
}

// appendSized appends text and its length before it.
func appendSized(to, text []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(text))) //nolint:gosec // G115: a part of a header
	return append(to, text...)
}

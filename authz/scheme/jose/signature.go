package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"math/big"

	lib "github.com/go-jose/go-jose/v4"
)

var errSignature = errors.New("not a signature of that key")

// Verify returns nil if signature is one of message by key, as RFC 7518 and RFC
// 8037 write it: ECDSA as two numbers of the field's length, RSA-PSS with a salt as
// long as the hash, which the library leaves open. The error says nothing more.
func (a Algorithm) Verify(key crypto.PublicKey, message, signature []byte) error {
	if !a.Fits(key) {
		return errSignature
	}
	var good bool
	if edKey, ok := key.(ed25519.PublicKey); ok {
		good = ed25519.Verify(edKey, message, signature)
	} else {
		good = a.verifyDigest(key, a.sum(message), signature)
	}
	if !good {
		return errSignature
	}
	return nil
}

// verifyDigest is Verify for a message of which the hash is known, and a key that
// fits a. It is false for EdDSA, which signs no hash.
func (a Algorithm) verifyDigest(key crypto.PublicKey, digest, signature []byte) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return verifyECDSA(key, digest, signature)
	case *rsa.PublicKey:
		return a.verifyRSA(key, digest, signature)
	}
	return false
}

func verifyECDSA(key *ecdsa.PublicKey, digest, signature []byte) bool {
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r := new(big.Int).SetBytes(signature[:size])
	s := new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, digest, r, s)
}

func (a Algorithm) verifyRSA(key *rsa.PublicKey, digest, signature []byte) bool {
	if !a.isPSS() {
		return rsa.VerifyPKCS1v15(key, a.hash(), digest, signature) == nil
	}
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return rsa.VerifyPSS(key, a.hash(), digest, signature, options) == nil
}

// sum returns the hash of message that ES*, RS* and PS* sign.
func (a Algorithm) sum(message []byte) []byte {
	h := a.hash().New()
	h.Write(message)
	return h.Sum(nil)
}

func (a Algorithm) hash() crypto.Hash {
	switch a {
	case ES384, RS384, PS384:
		return crypto.SHA384
	case ES512, RS512, PS512:
		return crypto.SHA512
	default:
		return crypto.SHA256
	}
}

// A verifier lets the library, which finds out what was signed, leave the
// signature to [Algorithm.Verify].
type verifier struct{ key crypto.PublicKey }

var _ lib.OpaqueVerifier = verifier{}

// VerifyPayload implements [lib.OpaqueVerifier].
func (v verifier) VerifyPayload(payload, signature []byte, alg lib.SignatureAlgorithm) error {
	return Algorithm(alg).Verify(v.key, payload, signature)
}

package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
)

// An Algorithm is a JWS algorithm with a public key (RFC 7518, section 3.1; RFC
// 8037): EdDSA with Ed25519, ES256 to ES512, RS256 to RS512, PS256 to PS512.
type Algorithm string

// The algorithms. There is none with a shared key, and no "none".
const (
	EdDSA Algorithm = "EdDSA"
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	PS256 Algorithm = "PS256"
	PS384 Algorithm = "PS384"
	PS512 Algorithm = "PS512"
)

// ParseAlgorithm returns the algorithm of that name, exactly as the RFCs write
// it, false if there is none.
func ParseAlgorithm(name string) (Algorithm, bool) {
	switch a := Algorithm(name); a {
	case EdDSA, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512:
		return a, true
	}
	return "", false
}

// Fits reports whether a signature by this algorithm can come from key: the type
// is right, and for ES* the curve.
func (a Algorithm) Fits(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return a == EdDSA && len(key) == ed25519.PublicKeySize
	case *ecdsa.PublicKey:
		return key != nil && a != "" && a == curveAlgorithm(key.Curve)
	case *rsa.PublicKey:
		return key != nil && (a.isPSS() || a == RS256 || a == RS384 || a == RS512)
	}
	return false
}

// AlgorithmFor returns the algorithm that we sign with if nobody chose one: the
// only one that fits, or RS256 for RSA. It is false for other keys.
func AlgorithmFor(key crypto.PublicKey) (Algorithm, bool) {
	a := RS256
	switch key := key.(type) {
	case ed25519.PublicKey:
		a = EdDSA
	case *ecdsa.PublicKey:
		if key != nil {
			a = curveAlgorithm(key.Curve)
		}
	}
	if !a.Fits(key) {
		return "", false
	}
	return a, true
}

// curveAlgorithm returns the algorithm of a curve, empty if there is none: RFC
// 7518 binds each ES* to one.
func curveAlgorithm(curve elliptic.Curve) Algorithm {
	switch curve {
	case elliptic.P256():
		return ES256
	case elliptic.P384():
		return ES384
	case elliptic.P521():
		return ES512
	}
	return ""
}

func (a Algorithm) isPSS() bool { return a == PS256 || a == PS384 || a == PS512 }

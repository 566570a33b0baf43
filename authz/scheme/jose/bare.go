package jose

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// ParseSPKI reads one public key of the types that [ParseJWK] takes from its
// SubjectPublicKeyInfo (RFC 5280, section 4.1) in base64: what stands between the
// lines of a PEM block "PUBLIC KEY", in one line or several, with or without
// padding. The key has no ID. Errors never hold key material.
func ParseSPKI(text []byte) ([]authz.PublicKey, error) {
	if len(text) > MaxKeySet {
		return nil, fmt.Errorf("over %d bytes", MaxKeySet)
	}
	der, ok := decodeBare(string(text))
	if !ok {
		return nil, errors.New("not base64")
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		if isPrivate(der) {
			return nil, errors.New("a private key where a public one belongs")
		}
		return nil, errors.New("not a SubjectPublicKeyInfo")
	}
	return bare(key)
}

// ParseRaw reads the 32 bytes of an Ed25519 public key (RFC 8032, section 5.1.5)
// in hex or base64, as [ParseSPKI] takes it. Bytes that are no point of the curve
// are refused, which tells half of all private keys, in which one can't see what
// they are.
func ParseRaw(text []byte) ([]authz.PublicKey, error) {
	key, err := hex.DecodeString(string(text))
	if err != nil || len(key) != ed25519.PublicKeySize && len(key) != ed25519.PrivateKeySize {
		b, ok := decodeBare(string(text))
		if !ok && err != nil {
			return nil, errors.New("neither hex nor base64")
		}
		key = b
	}
	switch {
	case len(key) == ed25519.PrivateKeySize:
		return nil, errors.New("64 bytes, as a private key has; an Ed25519 public key has 32")
	case len(key) != ed25519.PublicKeySize:
		return nil, errors.New("an Ed25519 key has 32 bytes")
	case !isPoint(key):
		return nil, errors.New("not a point of the curve, so no public key; perhaps a private one")
	}
	return bare(ed25519.PublicKey(key))
}

// bare returns a key that stood alone.
func bare(key crypto.PublicKey) ([]authz.PublicKey, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	return []authz.PublicKey{{Key: key}}, nil
}

// decodeBare decodes base64 (RFC 4648, section 4).
func decodeBare(text string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text) // passes over line ends
	if err != nil && !strings.Contains(text, "=") {
		b, err = base64.RawStdEncoding.Strict().DecodeString(text)
	}
	return b, err == nil && len(b) > 0
}

// isPrivate reports whether der is a private key.
func isPrivate(der []byte) bool {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}

// isPoint reports whether key is a point of edwards25519, written as RFC 8032,
// section 5.1.3, decodes it: y under p, and x² = (y² - 1) / (d y² + 1) has a
// root. Points with x = 0 are of small order, which [CheckKey] refuses.
func isPoint(key []byte) bool {
	little := slices.Clone(key)
	little[len(little)-1] &= 0x7f
	slices.Reverse(little)
	y := new(big.Int).SetBytes(little)
	p := new(big.Int).Lsh(big.NewInt(1), 255)
	p.Sub(p, big.NewInt(19))
	if y.Cmp(p) >= 0 {
		return false
	}
	one := big.NewInt(1)
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665))
	square := new(big.Int).Mul(y, y)
	over := new(big.Int).Sub(square, one)
	under := new(big.Int).Add(d.Mul(d, square), one)
	// A quotient is a square exactly if the product is.
	return big.Jacobi(over.Mul(over, under).Mod(over, p), p) >= 0
}

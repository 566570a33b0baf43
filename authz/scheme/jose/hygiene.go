package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// The sizes of RSA keys that are taken, in bits. RFC 7518, section 3.3, sets the
// least; the most bounds what one verification costs.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// CheckKey returns nil if signatures by key can be trusted to be its owner's: an
// Ed25519 key that is no point of small order, a key on P-256, P-384 or P-521, or
// an RSA key of 2048 to 8192 bits with a sound exponent that no known weak
// generator made. The key may come from anywhere.
func CheckKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return errors.New("an Ed25519 key has 32 bytes")
		}
		if hasSmallOrder(key) {
			return errors.New("an Ed25519 key of small order, under which anybody can sign")
		}
	case *ecdsa.PublicKey:
		if curveAlgorithm(key.Curve) == "" {
			return errors.New("the curve is none of P-256, P-384 and P-521")
		}
		if _, err := key.Bytes(); err != nil {
			return errors.New("the point is not on the curve")
		}
	case *rsa.PublicKey:
		return checkRSA(key)
	default:
		return errors.New("the key is none of Ed25519, P-256, P-384, P-521 and RSA")
	}
	return nil
}

// smallOrder are the points of order 1, 2, 4 and 8 in every encoding that is
// taken, without the bit for the sign of x. What they are multiplied by hardly
// matters, and that is all of an Ed25519 equation that depends on the message.
var smallOrder = [...]string{ //nolint:gochecknoglobals // a table that nobody writes
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func hasSmallOrder(key ed25519.PublicKey) bool {
	y := [ed25519.PublicKeySize]byte(key)
	y[len(y)-1] &= 0x7f
	return slices.Contains(smallOrder[:], hex.EncodeToString(y[:]))
}

func checkRSA(key *rsa.PublicKey) error {
	bits := key.N.BitLen()
	switch {
	case bits < minRSABits:
		return fmt.Errorf("an RSA key of %d bits; at least %d are safe", bits, minRSABits)
	case bits > maxRSABits:
		return fmt.Errorf("an RSA key of %d bits; at most %d are taken", bits, maxRSABits)
	case key.E < 3 || key.E%2 == 0:
		return errors.New("an RSA key whose exponent is even or under 3")
	}
	return checkModulus(key.N)
}

// oddPrimes are those under 170.
var oddPrimes = [...]uint64{ //nolint:gochecknoglobals // a table that nobody writes
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
	101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// checkModulus refuses moduli with small factors and those of a key generator
// whose keys can be factored (CVE-2017-15361, "ROCA"). Its primes, and so their
// products, are powers of 65537 modulo every small prime; a modulus made otherwise
// is with a chance of about one in 2^28.
func checkModulus(n *big.Int) error {
	if n.Bit(0) == 0 {
		return errors.New("an RSA key whose modulus is even")
	}
	weak := true
	var rest, divisor big.Int
	for _, p := range oddPrimes {
		residue := rest.Mod(n, divisor.SetUint64(p)).Uint64()
		if residue == 0 {
			return errors.New("an RSA key whose modulus has a small factor")
		}
		weak = weak && isPower(65537%p, residue, p)
	}
	if weak {
		return errors.New("an RSA key by a generator with the weakness CVE-2017-15361")
	}
	return nil
}

// isPower reports whether n is a power of base modulo p. base is not 0.
func isPower(base, n, p uint64) bool {
	power := uint64(1)
	for range p {
		if power == n {
			return true
		}
		power = power * base % p
	}
	return false
}

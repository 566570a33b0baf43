package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256
	_ "crypto/sha512" // crypto.SHA384 and SHA512
	"math/big"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A family is how the algorithms of one sort of key verify.
type family uint8

const (
	familyNone family = iota
	familyEd25519
	familyDER   // ECDSA, the numbers in a DER sequence
	familyRaw   // ECDSA, the numbers side by side
	familyPKCS1 // RSASSA-PKCS1-v1_5
	familyPSS   // RSASSA-PSS
)

// An algorithm verifies signatures of one sort.
type algorithm struct {
	family family
	// hash is what signs in place of the message; 0 for Ed25519, which takes the
	// message itself.
	hash crypto.Hash
	// jose is the same algorithm as JWS calls it: it says which keys fit, and is
	// what the owner of a JWK may have bound it to.
	jose jose.Algorithm
	// least and most are how many bytes a signature has.
	least, most int
}

// The sizes of signatures in bytes. Keys of RSA have 2048 to 8192 bits. A number
// of ECDSA in DER has at least one byte and at most one more than the curve's
// order.
const (
	leastRSA = 2048 / 8
	mostRSA  = 8192 / 8
	leastDER = 8
)

// isECDSA reports whether the word of a policy file is one of ECDSA.
func isECDSA(name string) bool { return strings.HasPrefix(name, "ecdsa-") }

// parseAlgorithm returns the algorithm that policy files call name, with ECDSA
// signatures side by side if raw is true. It is false if there is none.
func parseAlgorithm(name string, raw bool) (algorithm, bool) {
	switch name {
	case "ed25519":
		return algorithm{family: familyEd25519, jose: jose.EdDSA, least: ed25519.SignatureSize, most: ed25519.SignatureSize}, true
	case "ecdsa-p256-sha256":
		return ecdsaWith(crypto.SHA256, jose.ES256, 32, raw), true
	case "ecdsa-p384-sha384":
		return ecdsaWith(crypto.SHA384, jose.ES384, 48, raw), true
	case "ecdsa-p521-sha512":
		return ecdsaWith(crypto.SHA512, jose.ES512, 66, raw), true
	case "rsa-pkcs1-sha256":
		return algorithm{family: familyPKCS1, hash: crypto.SHA256, jose: jose.RS256, least: leastRSA, most: mostRSA}, true
	case "rsa-pkcs1-sha384":
		return algorithm{family: familyPKCS1, hash: crypto.SHA384, jose: jose.RS384, least: leastRSA, most: mostRSA}, true
	case "rsa-pkcs1-sha512":
		return algorithm{family: familyPKCS1, hash: crypto.SHA512, jose: jose.RS512, least: leastRSA, most: mostRSA}, true
	case "rsa-pss-sha256":
		return algorithm{family: familyPSS, hash: crypto.SHA256, jose: jose.PS256, least: leastRSA, most: mostRSA}, true
	case "rsa-pss-sha384":
		return algorithm{family: familyPSS, hash: crypto.SHA384, jose: jose.PS384, least: leastRSA, most: mostRSA}, true
	case "rsa-pss-sha512":
		return algorithm{family: familyPSS, hash: crypto.SHA512, jose: jose.PS512, least: leastRSA, most: mostRSA}, true
	}
	return algorithm{}, false
}

// ecdsaWith returns ECDSA on the curve whose numbers have size bytes.
func ecdsaWith(hash crypto.Hash, name jose.Algorithm, size int, raw bool) algorithm {
	if raw {
		return algorithm{family: familyRaw, hash: hash, jose: name, least: 2 * size, most: 2 * size}
	}
	// Each number has a tag, a length and perhaps a zero before it; the sequence
	// has a tag and a length of one or two bytes.
	return algorithm{family: familyDER, hash: hash, jose: name, least: leastDER, most: 3 + 2*(size+3)}
}

// fits reports whether a signature by this algorithm can come from key, and its
// owner permits that.
func (a *algorithm) fits(key *authz.PublicKey) bool {
	return (key.Algorithm == "" || key.Algorithm == string(a.jose)) && a.jose.Fits(key.Key)
}

// cost returns about how many microseconds [algorithm.holds] takes on a slow core.
func (a *algorithm) cost(key *authz.PublicKey, signed []byte) int {
	switch public := key.Key.(type) {
	case ed25519.PublicKey:
		return 60 + len(signed)/500 // it hashes the message each time
	case *ecdsa.PublicKey:
		switch a.jose {
		case jose.ES512:
			return 2000
		case jose.ES384:
			return 800
		default:
			return 100
		}
	case *rsa.PublicKey:
		units := public.Size() / leastRSA
		return 50 * units * units
	}
	return 0
}

// holds reports whether signature is one by key. signed is the digest of the
// message, or for Ed25519 the message.
func (a *algorithm) holds(key *authz.PublicKey, signed, signature []byte) bool {
	switch public := key.Key.(type) {
	case ed25519.PublicKey:
		return a.family == familyEd25519 && ed25519.Verify(public, signed, signature)
	case *ecdsa.PublicKey:
		return a.holdsECDSA(public, signed, signature)
	case *rsa.PublicKey:
		return a.holdsRSA(public, signed, signature)
	}
	return false
}

func (a *algorithm) holdsECDSA(key *ecdsa.PublicKey, digest, signature []byte) bool {
	if a.family == familyDER {
		return ecdsa.VerifyASN1(key, digest, signature)
	}
	half := len(signature) / 2
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	return a.family == familyRaw && ecdsa.Verify(key, digest, r, s)
}

func (a *algorithm) holdsRSA(key *rsa.PublicKey, digest, signature []byte) bool {
	if a.family == familyPKCS1 {
		return rsa.VerifyPKCS1v15(key, a.hash, digest, signature) == nil
	}
	// RFC 8017 leaves the salt's length open. All who sign webhooks take that of
	// the hash, as TLS and JWS demand.
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return a.family == familyPSS && rsa.VerifyPSS(key, a.hash, digest, signature, options) == nil
}

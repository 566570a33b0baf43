package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// An algorithm is one of RFC 9421, section 3.3, by its registered name.
type algorithm string

const (
	ed25519         algorithm = "ed25519"
	ecdsaP256SHA256 algorithm = "ecdsa-p256-sha256"
	ecdsaP384SHA384 algorithm = "ecdsa-p384-sha384"
	rsaPSSSHA512    algorithm = "rsa-pss-sha512"
	rsaV15SHA256    algorithm = "rsa-v1_5-sha256"
	hmacSHA256      algorithm = "hmac-sha256"
)

// jose returns the algorithm with a public key that does the same, empty if there is
// none.
func (a algorithm) jose() jose.Algorithm {
	switch a {
	case ed25519:
		return jose.EdDSA
	case ecdsaP256SHA256:
		return jose.ES256
	case ecdsaP384SHA384:
		return jose.ES384
	case rsaPSSSHA512:
		return jose.PS512
	case rsaV15SHA256:
		return jose.RS256
	case hmacSHA256:
	}
	return ""
}

// suits reports whether the owner of key permits a for it.
func (a algorithm) suits(key *authz.PublicKey) bool {
	same := a.jose()
	return same != "" && (key.Algorithm == "" || key.Algorithm == string(same)) && same.Fits(key.Key)
}

// verify reports whether signature is one of base by key. An ECDSA signature is two
// numbers of the field's length side by side. der takes the structure of RFC 3279
// too, as which OpenSSL writes it: the draft does not say which it means.
func (a algorithm) verify(key crypto.PublicKey, base, signature []byte, der bool) bool {
	if a.jose().Verify(key, base, signature) == nil {
		return true
	}
	point, ok := key.(*ecdsa.PublicKey)
	if !der || !ok {
		return false
	}
	switch a {
	case ecdsaP256SHA256:
		sum := sha256.Sum256(base)
		return ecdsa.VerifyASN1(point, sum[:], signature)
	case ecdsaP384SHA384:
		sum := sha512.Sum384(base)
		return ecdsa.VerifyASN1(point, sum[:], signature)
	case ed25519, rsaPSSSHA512, rsaV15SHA256, hmacSHA256:
	}
	return false
}

// draftAlgorithm returns what the draft and those who wrote it call name, empty for
// hs2019, which leaves it to the key. A name that is none of ours is allowed by no
// policy.
func draftAlgorithm(name string) algorithm {
	switch name {
	case "hs2019":
		return ""
	case "rsa-sha256":
		return rsaV15SHA256
	case "ecdsa-sha256":
		return ecdsaP256SHA256
	case "ed25519":
		return ed25519
	case "hmac-sha256":
		return hmacSHA256
	}
	return "unknown"
}

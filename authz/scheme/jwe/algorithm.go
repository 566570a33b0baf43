package jwe

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// A KeyAlgorithm is how a token's content key is agreed on (RFC 7518, section 4).
type KeyAlgorithm string

// The key algorithms.
const (
	RSAOAEP      KeyAlgorithm = "RSA-OAEP"
	RSAOAEP256   KeyAlgorithm = "RSA-OAEP-256"
	ECDHES       KeyAlgorithm = "ECDH-ES"
	ECDHESA128KW KeyAlgorithm = "ECDH-ES+A128KW"
	ECDHESA192KW KeyAlgorithm = "ECDH-ES+A192KW"
	ECDHESA256KW KeyAlgorithm = "ECDH-ES+A256KW"
	A128KW       KeyAlgorithm = "A128KW"
	A192KW       KeyAlgorithm = "A192KW"
	A256KW       KeyAlgorithm = "A256KW"
	Dir          KeyAlgorithm = "dir"
)

// ParseKeyAlgorithm returns the algorithm that RFC 7518 calls name, false if it is
// not one of ours. Case counts.
func ParseKeyAlgorithm(name string) (KeyAlgorithm, bool) {
	switch a := KeyAlgorithm(name); a {
	case RSAOAEP, RSAOAEP256, ECDHES, ECDHESA128KW, ECDHESA192KW, ECDHESA256KW, A128KW, A192KW, A256KW, Dir:
		return a, true
	}
	return "", false
}

// Shared reports whether both sides have the same key, so that only they can make
// such a token.
func (a KeyAlgorithm) Shared() bool {
	return a == Dir || a == A128KW || a == A192KW || a == A256KW
}

// agrees reports whether a is ECDH-ES, with or without a wrapped key.
func (a KeyAlgorithm) agrees() bool { return strings.HasPrefix(string(a), string(ECDHES)) }

// wrapSize is the length of the key that wraps the content's key, 0 if no AES key
// does.
func (a KeyAlgorithm) wrapSize() int {
	switch a {
	case A128KW, ECDHESA128KW:
		return 16
	case A192KW, ECDHESA192KW:
		return 24
	case A256KW, ECDHESA256KW:
		return 32
	case RSAOAEP, RSAOAEP256, ECDHES, Dir:
	}
	return 0
}

// A ContentAlgorithm is how a token's content is encrypted (RFC 7518, section 5).
type ContentAlgorithm string

// The content algorithms.
const (
	A128GCM      ContentAlgorithm = "A128GCM"
	A192GCM      ContentAlgorithm = "A192GCM"
	A256GCM      ContentAlgorithm = "A256GCM"
	A128CBCHS256 ContentAlgorithm = "A128CBC-HS256"
	A192CBCHS384 ContentAlgorithm = "A192CBC-HS384"
	A256CBCHS512 ContentAlgorithm = "A256CBC-HS512"
)

// ParseContentAlgorithm returns the algorithm that RFC 7518 calls name, false if
// it is not one of ours. Case counts.
func ParseContentAlgorithm(name string) (ContentAlgorithm, bool) {
	a := ContentAlgorithm(name)
	return a, a.KeySize() > 0
}

// KeySize is the length of the content's key in bytes, 0 if a is none of ours.
func (a ContentAlgorithm) KeySize() int {
	switch a {
	case A128GCM:
		return 16
	case A192GCM:
		return 24
	case A256GCM, A128CBCHS256:
		return 32
	case A192CBCHS384:
		return 48
	case A256CBCHS512:
		return 64
	}
	return 0
}

// The sizes of RSA keys that are used, in bits: RFC 7518, section 4.3, sets the
// least, the most bounds what one token costs.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// Fits reports whether key may be used for tokens of these algorithms: it is of
// the right type and length, and its own "alg" says nothing else.
func Fits(key *authz.PrivateKey, a KeyAlgorithm, content ContentAlgorithm) bool {
	direct := a == Dir && key.Algorithm == string(content)
	if key.Algorithm != "" && key.Algorithm != string(a) && !direct {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PrivateKey:
		bits := k.N.BitLen()
		return (a == RSAOAEP || a == RSAOAEP256) && bits >= minRSABits && bits <= maxRSABits
	case *ecdh.PrivateKey, *ecdsa.PrivateKey:
		return a.agrees()
	case []byte:
		if a == Dir {
			return len(k) == content.KeySize()
		}
		return a.Shared() && len(k) == a.wrapSize()
	}
	return false
}

// Package stored compares what a sender presents with secrets that a store
// holds as they are or as their SHA-256.
//
// Both sides become an HMAC under a random key that no one else knows, and only
// these are compared. So neither the time it takes nor anything that is kept in
// memory tells of a secret's bytes or length.
package stored

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
)

// A Form is how a secret stands in its store.
type Form uint8

// The forms. The zero Form is none and gives no digest.
const (
	_      Form = iota
	Plain       // as it is
	SHA256      // as the hex digits, in either case, of its SHA-256
)

// ParseForm returns the form that word names in a policy file, false if none.
// No word is [Plain].
func ParseForm(word string) (Form, bool) {
	switch word {
	case "", "plain":
		return Plain, true
	case "sha256":
		return SHA256, true
	}
	return 0, false
}

// A Digest is the SHA-256 of what a sender presents.
type Digest [sha256.Size]byte

// Digest returns the digest of the secret that is stored as value. A plain
// value must pass check. The error is [authz.ReasonSecretInvalid] or check's; it
// names ref and nothing of the value.
func (f Form) Digest(ref authz.Reference, value []byte, check func([]byte) error) (Digest, error) {
	switch f {
	case Plain:
		if err := check(value); err != nil {
			return Digest{}, err
		}
		return sha256.Sum256(value), nil
	case SHA256:
		return parseDigest(ref, value)
	}
	return Digest{}, authz.Deny(authz.ReasonBug, "a secret is stored in no known form")
}

// parseDigest reads 64 hex digits and nothing else.
func parseDigest(ref authz.Reference, value []byte) (Digest, error) {
	var digest Digest
	if len(value) != hex.EncodedLen(len(digest)) {
		return Digest{}, authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is not 64 hex digits, as a SHA-256 has", ref.Name))
	}
	if _, err := hex.Decode(digest[:], value); err != nil {
		return Digest{}, authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is not 64 hex digits, as a SHA-256 has", ref.Name))
	}
	if digest == sha256.Sum256(nil) {
		return Digest{}, authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is the SHA-256 of nothing", ref.Name))
	}
	return digest, nil
}

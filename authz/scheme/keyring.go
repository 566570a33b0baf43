package scheme

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A Key is what a kind derives from one live version of a secret.
type Key[T any] struct {
	Value    T
	Secret   string // the reference's name
	Version  int
	Previous bool
	Stale    bool // the store could not be read lately
}

// A Keyring keeps the keys of several secrets beside the values that they were
// derived from. It may be used by many goroutines and takes no lock.
type Keyring[T any] struct {
	slots []slot[T]
	from  func(ref authz.Reference, secret authz.Secret) (T, error)
}

// A slot holds one reference and what was derived from it last. Values are
// dropped and never overwritten: in the hands of a request, a key would turn into
// zeros, which anybody knows.
type slot[T any] struct {
	ref  authz.Reference
	last atomic.Pointer[derived[T]]
}

type derived[T any] struct {
	from    *authz.Versions
	keys    []Key[T]
	trouble error
}

// NewKeyring returns a keyring of refs. derive makes the key of one value; its
// error, as that of [Derivation.Derive], says that the value can't be used.
func NewKeyring[T any](refs []authz.Reference, derive func(authz.Reference, authz.Secret) (T, error)) *Keyring[T] {
	ring := &Keyring[T]{slots: make([]slot[T], len(refs)), from: derive}
	for i, ref := range refs {
		ring.slots[i].ref = ref
	}
	return ring
}

// Len returns the number of secrets.
func (k *Keyring[T]) Len() int { return len(k.slots) }

// At returns the keys of secret i at now, newest first. The caller must not
// modify them.
//
// trouble, if not nil, says that a key is missing that might have matched: the
// secret can't be read, or one of its versions can't be used. It may come with
// keys. A credential that matches a key holds in spite of it; one that matches
// none is answered with the [WorseTrouble] of all secrets, since we can't know.
func (k *Keyring[T]) At(i int, now time.Time) (keys []Key[T], trouble error) {
	s := &k.slots[i]
	versions, err := s.ref.Secrets.Versions(now)
	if err != nil {
		return nil, err
	}
	last := s.last.Load()
	if last == nil || last.from != versions {
		last = k.derive(s.ref, versions)
		s.last.Store(last)
	}
	return last.keys, last.trouble
}

// Unfit tells of the secrets whose newest value can't be used as a key at now: see [authz.Part]. A version before it that can't be used does not count.
func (k *Keyring[T]) Unfit(now time.Time, tell func(secret string, why error)) {
	for i := range k.slots {
		keys, trouble := k.At(i, now)
		newest := len(keys) > 0 && !keys[0].Previous
		if !newest && errors.Is(trouble, authz.ErrNotConfigured) {
			tell(k.slots[i].ref.Name, trouble)
		}
	}
}

func (k *Keyring[T]) derive(ref authz.Reference, versions *authz.Versions) *derived[T] {
	result := &derived[T]{from: versions}
	if versions == nil {
		result.trouble = authz.Deny(authz.ReasonSecretMissing, "")
		return result
	}
	result.trouble = versions.Unusable
	for i := range versions.Accepted {
		version := &versions.Accepted[i]
		value, err := k.from(ref, version.Secret)
		if err != nil {
			result.trouble = WorseTrouble(result.trouble, err)
			continue
		}
		result.keys = append(result.keys, Key[T]{
			Value: value, Secret: ref.Name, Version: version.Number, Previous: version.Previous, Stale: versions.Stale,
		})
	}
	if len(result.keys) == 0 && result.trouble == nil {
		result.trouble = authz.Deny(authz.ReasonSecretMissing, "the secret has no live version")
	}
	return result
}

// WorseTrouble returns the one of two troubles, either of which may be nil, that
// decides: what is unknown to us before [authz.ErrUnavailable], since it is a
// bug, and that before [authz.ErrNotConfigured], since another attempt may
// succeed; the first of two alike.
func WorseTrouble(first, second error) error {
	if severity(second) > severity(first) {
		return second
	}
	return first
}

func severity(trouble error) int {
	switch {
	case trouble == nil:
		return 0
	case errors.Is(trouble, authz.ErrNotConfigured):
		return 1
	case errors.Is(trouble, authz.ErrUnavailable):
		return 2
	}
	return 3
}

package keyset

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// A slot holds one secret and what was derived from its live versions last. It
// may be used by many goroutines and takes no lock.
type slot[T any] struct {
	ref   authz.Reference
	parse func(text []byte) (T, error)
	last  atomic.Pointer[derived[T]]
}

// A derived is what the live versions of a secret hold, newest first. It is
// immutable, and the same pointer is returned as long as nothing changes.
type derived[T any] struct {
	from    *authz.Versions
	values  []value[T]
	trouble error // something is missing that might have matched
}

type value[T any] struct {
	version authz.Version
	held    T
}

func newSlot[T any](ref authz.Reference, parse func([]byte) (T, error)) *slot[T] {
	return &slot[T]{ref: ref, parse: parse}
}

// at returns what the secret holds at now, or why it can't be read.
func (s *slot[T]) at(now time.Time) (*derived[T], error) {
	versions, err := s.ref.Secrets.Versions(now)
	if err != nil {
		return nil, err //nolint:wrapcheck // a denial with its reason
	}
	last := s.last.Load()
	if last == nil || last.from != versions {
		last = s.derive(versions)
		s.last.Store(last)
	}
	return last, nil
}

func (s *slot[T]) derive(versions *authz.Versions) *derived[T] {
	d := &derived[T]{from: versions, trouble: versions.Unusable}
	for _, version := range versions.Accepted {
		held, err := s.parse(version.Secret.Reveal())
		if err != nil {
			d.trouble = scheme.WorseTrouble(d.trouble, s.unusable(err))
			continue
		}
		d.values = append(d.values, value[T]{version: version, held: held})
	}
	if len(d.values) == 0 && d.trouble == nil {
		d.trouble = authz.Deny(authz.ReasonSecretMissing, fmt.Sprintf("secret %q has no live version", s.ref.Name))
	}
	return d
}

// unusable is the denial for what a secret holds. Parsers word their errors
// without what they parsed.
func (s *slot[T]) unusable(why error) error {
	return authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q: %v", s.ref.Name, why))
}

// newest returns what the newest version holds, false if that is not usable.
func (d *derived[T]) newest() (value[T], bool) {
	if len(d.values) == 0 || d.values[0].version.Previous {
		return value[T]{}, false
	}
	return d.values[0], true
}

// unfit tells of the secret if its newest version is there and can't be used at
// now; see [authz.Part].
func (s *slot[T]) unfit(now time.Time, tell func(secret string, why error)) {
	d, err := s.at(now)
	if err == nil {
		if _, ok := d.newest(); ok {
			return
		}
		err = d.trouble
	}
	if errors.Is(err, authz.ErrNotConfigured) {
		tell(s.ref.Name, err)
	}
}

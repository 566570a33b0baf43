package keyset

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

var _ authz.KeySet = (*StoredKeys)(nil)

// StoredKeys are the public keys that secrets hold. All live versions of a secret
// count, so that its rotation is one of the keys. Many goroutines may use it.
type StoredKeys struct {
	slots []*slot[material]
	last  atomic.Pointer[joined]
}

// A joined is a key set and what it was made of, to tell whether it still holds.
type joined struct {
	from []*derived[material] // nil where errs is set
	errs []error
	keys *authz.Keys
	err  error
}

// Stored returns the public keys that ref holds in that format.
func Stored(ref authz.Reference, format Format) *StoredKeys {
	return &StoredKeys{slots: []*slot[material]{newSlot(ref, format.parsePublic)}}
}

// Keys implements [authz.KeySet]. It takes no lock, and allocates only after a
// secret changed.
func (s *StoredKeys) Keys(now time.Time) (*authz.Keys, error) {
	last := s.last.Load()
	same := last != nil
	for i, slot := range s.slots {
		d, err := slot.at(now)
		same = same && last.from[i] == d && last.errs[i] == err //nolint:errorlint // is it the same, not alike
	}
	if !same {
		last = s.join(now)
		s.last.Store(last)
	}
	return last.keys, last.err
}

func (s *StoredKeys) join(now time.Time) *joined {
	j := &joined{from: make([]*derived[material], len(s.slots)), errs: make([]error, len(s.slots))}
	keys := &authz.Keys{}
	for i, slot := range s.slots {
		d, err := slot.at(now)
		j.from[i], j.errs[i] = d, err
		if err != nil {
			keys.Unusable = scheme.WorseTrouble(keys.Unusable, err)
			continue
		}
		keys.Unusable = scheme.WorseTrouble(keys.Unusable, d.trouble)
		keys.Stale = keys.Stale || d.from.Stale
		for _, v := range d.values {
			for _, key := range v.held.public {
				if slices.ContainsFunc(keys.Accepted, func(other authz.PublicKey) bool { return equal(key, other) }) {
					continue // a newer version holds it too
				}
				key.Secret, key.Version, key.Previous = slot.ref.Name, v.version.Number, v.version.Previous
				keys.Accepted = append(keys.Accepted, key)
			}
		}
	}
	if len(keys.Accepted) == 0 {
		j.err = keys.Unusable
		if j.err == nil {
			j.err = authz.Deny(authz.ReasonSecretMissing, "no secret holds a key")
		}
		return j
	}
	j.keys = keys
	return j
}

// Refresh implements [authz.KeySet]. The store of secrets is asked in the
// background, so there is nothing newer to be had; while it could not be read
// lately, it may have the key by now.
func (s *StoredKeys) Refresh(_ context.Context, id string, now time.Time) (*authz.Keys, error) {
	keys, err := s.Keys(now)
	if err == nil && keys.Stale && id != "" && !holds(keys, id) {
		return nil, authz.Deny(authz.ReasonSecretUnavailable, "the secret of the keys could not be read lately, and held no such key before")
	}
	return keys, err
}

// Unfit tells, by name, of the secrets that are there at now and hold no such
// keys; see [authz.Part].
func (s *StoredKeys) Unfit(now time.Time, tell func(secret string, why error)) {
	for _, slot := range s.slots {
		slot.unfit(now, tell)
	}
}

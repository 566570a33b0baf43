package keyset

import (
	"crypto"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

var _ authz.PrivateKeySet = (*StoredPrivateKeys)(nil)

// StoredPrivateKeys are the private keys, or shared ones, that a secret holds. All
// its live versions count, newest first, so that senders who still encrypt to the
// key before a rotation are understood. Many goroutines may use it.
type StoredPrivateKeys struct {
	slot *slot[[]authz.PrivateKey]
	last atomic.Pointer[opened]
}

// An opened is a set of private keys and what it was made of.
type opened struct {
	from *derived[[]authz.PrivateKey]
	keys *authz.PrivateKeys
	err  error
}

// StoredPrivate returns the private keys that ref holds as [FormatPEM],
// [FormatJWK] or [FormatJWKS]. A secret of another format can't be used.
func StoredPrivate(ref authz.Reference, format Format) *StoredPrivateKeys {
	return &StoredPrivateKeys{slot: newSlot(ref, format.parseDecryption)}
}

// Keys implements [authz.PrivateKeySet]. It takes no lock, and allocates only
// after the secret changed.
func (s *StoredPrivateKeys) Keys(now time.Time) (*authz.PrivateKeys, error) {
	d, err := s.slot.at(now)
	if err != nil {
		return nil, err
	}
	last := s.last.Load()
	if last == nil || last.from != d {
		last = s.open(d)
		s.last.Store(last)
	}
	return last.keys, last.err
}

func (s *StoredPrivateKeys) open(d *derived[[]authz.PrivateKey]) *opened {
	keys := &authz.PrivateKeys{Unusable: d.trouble, Stale: d.from.Stale}
	for _, v := range d.values {
		for _, key := range v.held {
			if slices.ContainsFunc(keys.Accepted, func(other authz.PrivateKey) bool { return samePrivate(key, other) }) {
				continue // a newer version holds it too
			}
			key.Secret, key.Version, key.Previous = s.slot.ref.Name, v.version.Number, v.version.Previous
			keys.Accepted = append(keys.Accepted, key)
		}
	}
	if len(keys.Accepted) == 0 {
		return &opened{from: d, err: keys.Unusable}
	}
	return &opened{from: d, keys: keys}
}

// Unfit tells of the secret if it is there at now and its newest version holds no
// such keys; see [authz.Part].
func (s *StoredPrivateKeys) Unfit(now time.Time, tell func(secret string, why error)) {
	s.slot.unfit(now, tell)
}

// samePrivate reports whether a and b are the same key by the same name.
func samePrivate(a, b authz.PrivateKey) bool {
	if a.ID != b.ID || a.Algorithm != b.Algorithm {
		return false
	}
	switch key := a.Key.(type) {
	case []byte:
		other, ok := b.Key.([]byte)
		return ok && hmac.Equal(key, other)
	case interface {
		Equal(other crypto.PrivateKey) bool
	}:
		return key.Equal(b.Key)
	}
	return false
}

// parseDecryption returns the private keys in text.
func (f Format) parseDecryption(text []byte) ([]authz.PrivateKey, error) {
	switch f {
	case FormatPEM:
		return jose.ParseDecryptionPEM(text)
	case FormatJWK:
		return jose.ParseDecryptionJWK(text)
	case FormatJWKS:
		return jose.ParseDecryptionJWKSet(text)
	case FormatX509, FormatSPKI, FormatRaw:
		return nil, fmt.Errorf("no private key can be read from format %q", string(f))
	}
	return nil, errors.New("unknown format")
}

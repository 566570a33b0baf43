package keyset

import (
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A SignerKey is a secret that holds a private key, as [FormatPEM] or
// [FormatJWK].
type SignerKey struct {
	Reference authz.Reference
	Format    Format
}

// A SigningKey is a private key and what its signatures say of it.
type SigningKey struct {
	// ID is the "kid": the thumbprint (RFC 7638), whatever a JWK calls itself.
	ID        string
	Algorithm string
	Key       crypto.Signer
}

// A Signer chooses the key that signs. Many goroutines may use it.
//
// The first secret signs. A version that is new verifies at once but signs only
// when it is as old as the signer's delay, and until then the version before it
// does, if it still counts: other processes, and whoever fetched our keys, need
// that time to hear of the new one.
type Signer struct {
	keys  *StoredKeys
	delay time.Duration
}

// NewSigner returns a signer of keys, of which there must be one. A delay that is
// not positive means none.
func NewSigner(keys []SignerKey, delay time.Duration) *Signer {
	s := &Signer{keys: &StoredKeys{}, delay: delay}
	for _, key := range keys {
		s.keys.slots = append(s.keys.slots, newSlot(key.Reference, key.Format.parsePrivate))
	}
	return s
}

// Set returns the public halves of all live versions of all secrets.
func (s *Signer) Set() authz.KeySet { return s.keys }

// Unfit is that of [StoredKeys].
func (s *Signer) Unfit(now time.Time, tell func(secret string, why error)) { s.keys.Unfit(now, tell) }

// Signing returns the key that signs at now, or an error wrapping
// [authz.ErrNotConfigured] or [authz.ErrUnavailable].
func (s *Signer) Signing(now time.Time) (SigningKey, error) {
	if len(s.keys.slots) == 0 {
		return SigningKey{}, authz.Deny(authz.ReasonSecretMissing, "no signing key is declared")
	}
	d, err := s.keys.slots[0].at(now)
	switch {
	case err != nil:
		return SigningKey{}, err
	case len(d.values) == 0:
		return SigningKey{}, d.trouble
	}
	chosen := d.values[0]
	if len(d.values) > 1 && s.young(chosen.version, now) {
		chosen = d.values[1]
	}
	return *chosen.held.private, nil
}

// young reports whether a version must not sign yet. One that nobody knows the age
// of is of the zero time, and so old.
func (s *Signer) young(v authz.Version, now time.Time) bool {
	return !v.Previous && now.Sub(v.Created) < s.delay
}

// parsePrivate returns the private key in text.
func (f Format) parsePrivate(text []byte) (material, error) {
	var key crypto.Signer
	var err error
	switch f {
	case FormatPEM:
		key, err = jose.ParsePrivatePEM(text)
	case FormatJWK:
		key, err = jose.ParsePrivateJWK(text)
	case FormatX509, FormatJWKS, FormatSPKI, FormatRaw:
		err = fmt.Errorf("no private key can be read from format %q", string(f))
	default:
		err = fmt.Errorf("unknown format %q", string(f))
	}
	if err != nil {
		return material{}, err
	}
	algorithm, ok := jose.AlgorithmFor(key.Public())
	if !ok {
		return material{}, errors.New("no algorithm fits the key")
	}
	id, err := jose.Thumbprint(key.Public())
	if err != nil {
		return material{}, fmt.Errorf("name the key: %w", err)
	}
	return material{
		private: &SigningKey{ID: id, Algorithm: string(algorithm), Key: key},
		public:  []authz.PublicKey{{ID: id, Algorithm: string(algorithm), Key: key.Public()}},
	}, nil
}

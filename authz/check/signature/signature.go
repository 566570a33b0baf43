// Package signature verifies signatures with public keys (Ed25519, ECDSA, RSA)
// over the body and chosen parts of a request, written in a form of the sender's
// own.
package signature

import (
	"context"
	"hash"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/signed"
)

// A Check verifies the signatures of one sender. It is built by [Kind],
// immutable but for the memory that it keeps, and may be used by many
// goroutines.
type Check struct {
	scheme    *signed.Scheme
	algorithm algorithm
	sets      []authz.KeyReference
	named     bool      // requests say by an id which key it is
	states    sync.Pool // of *state
}

var _ authz.Check = (*Check)(nil)

// Verify implements [authz.Check]. It looks, in this order, whether a signature
// is there, whether the body came whole, whether the signature can be read,
// whether it holds, whether it is recent, and whether the assertions hold. So a
// signature is called stale only if it is authentic.
//
// The Identity's principal is the name under keys, and its key the id of the one
// that matched. If none matches and a key could not be read or used, that is the
// error, since it might have matched: unavailable before not configured.
func (c *Check) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	w := c.scheme.Begin()
	defer c.scheme.End(w)

	if err := c.scheme.Read(w, r); err != nil {
		return authz.Identity{}, err
	}
	found, err := c.prove(ctx, r, w)
	if err != nil {
		return authz.Identity{}, err
	}
	identity := authz.Identity{
		Principal:  found.set.Name,
		Key:        found.key.ID,
		Secret:     found.key.Secret,
		Version:    found.key.Version,
		Previous:   found.key.Previous,
		Stale:      found.stale,
		Credential: true,
	}
	if identity.Key == "" {
		identity.Key = found.set.Name
	}
	if err := c.scheme.Finish(w, found.group, r, &identity); err != nil {
		return authz.Identity{}, err
	}
	if found.set.Named != nil {
		// What is at hand stays good only if it is fetched again in time, in the
		// background. Whoever is proven to be the sender may ask for that.
		_, _ = found.set.Named.Find(ctx, r, w.Body(), true)
	}
	return identity, nil
}

// A state is memory for what one group signed.
type state struct {
	hash hash.Hash // nil for Ed25519
	// signed is the digest of the message, or the message.
	signed []byte
}

// maxSigned is how much memory for a message is kept for the next request.
const maxSigned = 64 << 10

func (a *algorithm) newHash() hash.Hash {
	if a.hash == 0 {
		return nil
	}
	return a.hash.New()
}

// read makes s hold what group must have signed. The error is a denial.
func (s *state) read(c *Check, w *signed.Work, group int) error {
	if s.hash == nil {
		message, err := c.scheme.AppendMessage(s.signed[:0], w, group)
		if err != nil {
			return err
		}
		s.signed = message
		return nil
	}
	s.hash.Reset()
	if err := c.scheme.WriteMessage(w, group, s.hash); err != nil {
		return err
	}
	s.signed = s.hash.Sum(s.signed[:0])
	return nil
}

func (c *Check) release(s *state) {
	if cap(s.signed) > maxSigned {
		s.signed = nil
	}
	c.states.Put(s)
}

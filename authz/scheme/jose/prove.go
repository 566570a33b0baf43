package jose

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// A Prover proves who signed tokens. It is immutable and may be used by many
// goroutines.
type Prover struct {
	Sets       []authz.KeyReference
	Algorithms []Algorithm
}

// A Proof is the key that signed a token.
type Proof struct {
	Key *authz.PublicKey
	Set *authz.KeyReference
	// Stale says that the set could not be read lately.
	Stale bool
}

// Identify returns what the key tells of the sender. Its key is called by its id,
// or by its set.
func (p *Proof) Identify(principal string) authz.Identity {
	identity := authz.Identity{
		Principal: principal, Key: p.Key.ID, Stale: p.Stale,
		Secret: p.Key.Secret, Version: p.Key.Version, Previous: p.Key.Previous,
	}
	if identity.Key == "" {
		identity.Key = p.Set.Name
	}
	return identity
}

// Prove looks for the key among those at hand. Only if none has the id that the
// token names, and none without an id made it, it asks whether there are newer
// ones. A token whose algorithm is not listed is refused before, so nobody can
// make us fetch keys for it. The error is that of [Token.Verify], or says what
// keeps us from knowing that no key signed the token.
func (v *Prover) Prove(ctx context.Context, token *Token, now time.Time) (Proof, error) {
	if !slices.Contains(v.Algorithms, Algorithm(token.Algorithm())) {
		return Proof{}, authz.Deny(authz.ReasonAlgNotAllowed, "the token's algorithm is not listed in the policy")
	}
	var first search
	for i := range v.Sets {
		keys, err := v.Sets[i].Set.Keys(now)
		if signed, ok := first.try(v, token, &v.Sets[i], keys, err); ok {
			return signed, nil
		}
	}
	if first.tried {
		return Proof{}, first.failure()
	}
	var second search
	for i := range v.Sets {
		keys, err := v.Sets[i].Set.Refresh(ctx, token.KeyID(), now)
		if signed, ok := second.try(v, token, &v.Sets[i], keys, err); ok {
			return signed, nil
		}
	}
	return Proof{}, second.failure()
}

// Unfit tells of stored keys that can't be used; fetched ones are their owner's.
func (v *Prover) Unfit(now time.Time, tell func(secret string, why error)) {
	type judged interface {
		Unfit(now time.Time, tell func(secret string, why error))
	}
	for i := range v.Sets {
		if set, ok := v.Sets[i].Set.(judged); ok {
			set.Unfit(now, tell)
		}
	}
}

// A search is one pass over the sets.
type search struct {
	tried   bool  // there were keys that the token may mean
	denial  error // of the first that did not match
	trouble error // what keeps us from knowing that no key matches
}

func (s *search) try(v *Prover, token *Token, set *authz.KeyReference, keys *authz.Keys, err error) (Proof, bool) {
	if err == nil && keys == nil {
		err = authz.Deny(authz.ReasonBug, "a key set returned nothing")
	}
	if err != nil {
		s.trouble = scheme.WorseTrouble(s.trouble, err)
		return Proof{}, false
	}
	key, err := token.Verify(keys, v.Algorithms)
	named := token.KeyID() == "" || knows(keys, token.KeyID())
	s.tried = s.tried || named
	switch {
	case err == nil:
		return Proof{Key: key, Set: set, Stale: keys.Stale}, true
	case !named:
		s.trouble = scheme.WorseTrouble(s.trouble, keys.Unusable)
	case !errors.Is(err, authz.ErrRejected):
		s.trouble = scheme.WorseTrouble(s.trouble, err)
	case s.denial == nil:
		s.denial = err
	}
	return Proof{}, false
}

func (s *search) failure() error {
	switch {
	case s.trouble != nil:
		return s.trouble
	case s.denial != nil:
		return s.denial
	}
	return authz.Deny(authz.ReasonKidUnknown, "no key set has the key that the token names")
}

func knows(keys *authz.Keys, id string) bool {
	return slices.ContainsFunc(keys.Accepted, func(key authz.PublicKey) bool { return key.ID == id })
}

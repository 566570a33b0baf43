package httpsig

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// maxTries is how many keys of one set a signature is tried with. A set holds a new
// key and an old one of an id, and seldom more. An RSA key may be tried twice, by
// both algorithms.
const maxTries = 4

// publicKeys prove who signed by the keys of several sets.
type publicKeys struct {
	sets       []authz.KeyReference
	algorithms []algorithm
	der        bool // how ECDSA signatures may be written, too
}

// prove implements [prover]. It looks for the key among those at hand. Only if none
// has the id that the signature names, it asks whether there are newer ones.
func (p *publicKeys) prove(ctx context.Context, r *authz.Request, c *claim, base []byte) (authz.Identity, error) {
	if c.keyID == "" {
		return authz.Identity{}, authz.Deny(authz.ReasonKidUnknown, "the signature names no key")
	}
	allowed, err := narrow(p.algorithms, c.stated)
	if err != nil {
		return authz.Identity{}, err
	}
	search := &search{claim: c, base: base, algorithms: allowed, der: p.der}
	for i := range p.sets {
		keys, err := p.sets[i].Set.Keys(r.Received)
		if identity, ok := search.try(ctx, &p.sets[i], keys, err); ok {
			return identity, nil
		}
	}
	if search.named {
		return authz.Identity{}, search.failure()
	}
	search.trouble = nil // whoever is in it still says so again
	for i := range p.sets {
		keys, err := p.sets[i].Set.Refresh(ctx, c.keyID, r.Received)
		if identity, ok := search.try(ctx, &p.sets[i], keys, err); ok {
			return identity, nil
		}
	}
	return authz.Identity{}, search.failure()
}

// narrow returns those of allowed that a signature may be of: the one that it states,
// or all.
func narrow(allowed []algorithm, stated algorithm) ([]algorithm, error) {
	if stated == "" {
		return allowed, nil
	}
	if !slices.Contains(allowed, stated) {
		return nil, authz.Deny(authz.ReasonAlgNotAllowed, "the policy does not allow the algorithm that the signature states")
	}
	return []algorithm{stated}, nil
}

// unfit tells of stored keys that can't be used; fetched ones are the sender's.
func (p *publicKeys) unfit(now time.Time, tell func(secret string, why error)) {
	type judged interface {
		Unfit(now time.Time, tell func(secret string, why error))
	}
	for i := range p.sets {
		if set, ok := p.sets[i].Set.(judged); ok {
			set.Unfit(now, tell)
		}
	}
}

// A search looks for the key of one signature.
type search struct {
	claim      *claim
	base       []byte
	algorithms []algorithm
	der        bool

	named   bool  // there is a key that the signature means
	tried   int   // how many keys were tried
	trouble error // what keeps us from knowing that no key matches
}

// try looks through the keys of one set, if err is nil.
func (s *search) try(ctx context.Context, set *authz.KeyReference, keys *authz.Keys, err error) (authz.Identity, bool) {
	if err == nil && keys == nil {
		err = authz.Deny(authz.ReasonBug, "a key set returned nothing")
	}
	if err != nil {
		s.trouble = scheme.WorseTrouble(s.trouble, err)
		return authz.Identity{}, false
	}
	tried := 0
	for i := range keys.Accepted {
		key := &keys.Accepted[i]
		// A key without an id is called what the policy file calls it.
		if key.ID != s.claim.keyID && (key.ID != "" || set.Name != s.claim.keyID) {
			continue
		}
		s.named = true
		if tried == maxTries || !slices.ContainsFunc(s.algorithms, func(a algorithm) bool { return a.suits(key) }) {
			continue
		}
		if ctx.Err() != nil {
			s.trouble = scheme.WorseTrouble(s.trouble, authz.Deny(authz.ReasonDeadline, "no time to try every key"))
			return authz.Identity{}, false
		}
		tried++
		if s.made(key) {
			return authz.Identity{
				Principal: s.claim.keyID, Key: s.claim.keyID, Stale: keys.Stale,
				Secret: key.Secret, Version: key.Version, Previous: key.Previous,
			}, true
		}
	}
	s.tried += tried
	s.trouble = scheme.WorseTrouble(s.trouble, keys.Unusable)
	return authz.Identity{}, false
}

// made reports whether the signature is one by key.
func (s *search) made(key *authz.PublicKey) bool {
	return slices.ContainsFunc(s.algorithms, func(a algorithm) bool {
		return a.suits(key) && a.verify(key.Key, s.base, s.claim.signature, s.der)
	})
}

func (s *search) failure() error {
	switch {
	case s.trouble != nil:
		return s.trouble
	case !s.named:
		return authz.Deny(authz.ReasonKidUnknown, "no key set has the key that the signature names")
	case s.tried == 0:
		return authz.Deny(authz.ReasonAlgNotAllowed, "no algorithm that is allowed is that of the key")
	}
	return authz.Deny(authz.ReasonSignatureMismatch, fmt.Sprintf("none of %d keys made the signature", s.tried))
}

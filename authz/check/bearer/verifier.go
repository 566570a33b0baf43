package bearer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A verifier proves who made a JWT.
type verifier struct {
	sets       []authz.KeyReference
	algorithms []jose.Algorithm
	// types are the headers' "typ" that are taken, in lower case.
	types []string
}

// A proof is the key that signed a token.
type proof struct {
	key *authz.PublicKey
	set *authz.KeyReference
	// stale says that the set could not be read lately.
	stale bool
}

// identify returns what the key tells of the sender.
func (p *proof) identify(principal string) authz.Identity {
	identity := authz.Identity{
		Principal: principal, Key: p.key.ID, Stale: p.stale,
		Secret: p.key.Secret, Version: p.key.Version, Previous: p.key.Previous,
	}
	if identity.Key == "" {
		identity.Key = p.set.Name
	}
	return identity
}

// verify returns the claims of the JWT text, and the proof that one of our keys
// signed them. Nothing of them has been judged yet.
func (v *verifier) verify(ctx context.Context, text string, now time.Time) (*jose.Claims, proof, error) {
	token, err := jose.ParseCompact(text)
	if err != nil {
		return nil, proof{}, err //nolint:wrapcheck // a denial
	}
	if !v.takes(token.Type()) {
		return nil, proof{}, authz.Deny(authz.ReasonTokenInvalid, `the token's "typ" is that of something else`)
	}
	if !slices.Contains(v.algorithms, jose.Algorithm(token.Algorithm())) {
		// Known without keys, so nobody can make us fetch any.
		return nil, proof{}, authz.Deny(authz.ReasonAlgNotAllowed, "the token's algorithm is not listed in the policy")
	}
	signed, err := v.prove(ctx, token, now)
	if err != nil {
		return nil, proof{}, err
	}
	claims, err := jose.ParseClaims(token.Payload())
	if err != nil {
		return nil, proof{}, err //nolint:wrapcheck // a denial
	}
	return claims, signed, nil
}

// takes reports whether typ is one of v's types, in full or not, in any case. A
// media type is ASCII (RFC 6838, section 4.2): other letters that are one in lower
// case are longer, and are none here.
func (v *verifier) takes(typ string) bool {
	lower := strings.ToLower(typ)
	return len(lower) == len(typ) && slices.Contains(v.types, strings.TrimPrefix(lower, "application/"))
}

// prove looks for the key among those at hand. Only if none has the id that the
// token names, and none without an id made it, it asks whether there are newer
// ones.
func (v *verifier) prove(ctx context.Context, token *jose.Token, now time.Time) (proof, error) {
	var first search
	for i := range v.sets {
		keys, err := v.sets[i].Set.Keys(now)
		if signed, ok := first.try(v, token, &v.sets[i], keys, err); ok {
			return signed, nil
		}
	}
	if first.tried {
		return proof{}, first.failure()
	}
	var second search
	for i := range v.sets {
		keys, err := v.sets[i].Set.Refresh(ctx, token.KeyID(), now)
		if signed, ok := second.try(v, token, &v.sets[i], keys, err); ok {
			return signed, nil
		}
	}
	return proof{}, second.failure()
}

// A search is one pass over the sets.
type search struct {
	tried   bool  // there were keys that the token may mean
	denial  error // of the first that did not match
	trouble error // what keeps us from knowing that no key matches
}

func (s *search) try(v *verifier, token *jose.Token, set *authz.KeyReference, keys *authz.Keys, err error) (proof, bool) {
	if err == nil && keys == nil {
		err = authz.Deny(authz.ReasonBug, "a key set returned nothing")
	}
	if err != nil {
		s.trouble = scheme.WorseTrouble(s.trouble, err)
		return proof{}, false
	}
	key, err := token.Verify(keys, v.algorithms)
	named := token.KeyID() == "" || knows(keys, token.KeyID())
	s.tried = s.tried || named
	switch {
	case err == nil:
		return proof{key: key, set: set, stale: keys.Stale}, true
	case !named:
		s.trouble = scheme.WorseTrouble(s.trouble, keys.Unusable)
	case !errors.Is(err, authz.ErrRejected):
		s.trouble = scheme.WorseTrouble(s.trouble, err)
	case s.denial == nil:
		s.denial = err
	}
	return proof{}, false
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

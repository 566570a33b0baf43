package jwe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// maxTried is how many keys are tried with one token. It bounds what somebody who
// knows nothing costs us.
const maxTried = 4

// keys are those of the policy.
type keys struct{ sets []authz.PrivateKeyReference }

// A used key is one that decrypted, or may.
type used struct {
	key *authz.PrivateKey
	set *authz.PrivateKeyReference
	// stale says that the set could not be read lately.
	stale bool
}

// name is the key's id, or its set's name if it has none.
func (u *used) name() string {
	if u.key.ID == "" {
		return u.set.Name
	}
	return u.key.ID
}

// decrypt returns what token holds and which key opened it. The error is that of
// [authz.Check].
func (k *keys) decrypt(ctx context.Context, token *jwe.Token, now time.Time) ([]byte, used, error) {
	held, trouble := k.held(now)
	candidates, known, failure := choose(held, token)
	for i := range candidates {
		if ctx.Err() != nil {
			return nil, used{}, authz.Deny(authz.ReasonDeadline, "no time to try every key")
		}
		plaintext, err := token.Decrypt(candidates[i].key)
		switch {
		case err == nil:
			return plaintext, candidates[i], nil
		case !errors.Is(err, authz.ErrRejected):
			return nil, used{}, err //nolint:wrapcheck // a bug
		}
		if known {
			failure = err
		}
	}
	if trouble != nil {
		return nil, used{}, trouble // a key that is not there might have opened it
	}
	return nil, used{}, failure
}

// held returns all keys that are accepted at now, the newest of every set first.
// trouble says that one is missing.
func (k *keys) held(now time.Time) (held []used, trouble error) {
	for i := range k.sets {
		set := &k.sets[i]
		keys, err := set.Set.Keys(now)
		if err == nil && keys == nil {
			err = authz.Deny(authz.ReasonBug, "a key set returned nothing")
		}
		if err != nil {
			trouble = scheme.WorseTrouble(trouble, err)
			continue
		}
		trouble = scheme.WorseTrouble(trouble, keys.Unusable)
		for j := range keys.Accepted {
			held = append(held, used{key: &keys.Accepted[j], set: set, stale: keys.Stale})
		}
	}
	if len(held) == 0 && trouble == nil {
		trouble = authz.Deny(authz.ReasonSecretMissing, "there is no key to decrypt with")
	}
	slices.SortStableFunc(held, func(a, b used) int { return previous(a) - previous(b) })
	return held, trouble
}

func previous(u used) int {
	if u.key.Previous {
		return 1
	}
	return 0
}

// choose returns the keys that token may mean: those of its "kid", or all if it
// has none. If known is false no key has that id. Then those may be meant that
// nobody gave a name, since senders have names of their own for our keys. Of these
// it takes the first few that fit the token's algorithms. failure says why there is
// none, or none that opens it.
func choose(held []used, token *jwe.Token) (candidates []used, known bool, failure error) {
	id := token.KeyID()
	named := id != "" && slices.ContainsFunc(held, func(u used) bool { return u.key.ID == id })
	known = named || id == ""
	failure = authz.Deny(authz.ReasonAlgNotAllowed, "the key that the token means is not for its algorithms")
	if !known {
		failure = authz.Deny(authz.ReasonKidUnknown, "no key set has the key that the token names, and no key without a name opens it")
	}
	for _, u := range held {
		meant := !named && (known || !jose.IsNamed(u.key)) || named && u.key.ID == id
		if meant && token.Fits(u.key) && len(candidates) < maxTried {
			candidates = append(candidates, u)
		}
	}
	return candidates, known, failure
}

// Package mac verifies message authentication codes: HMAC (RFC 2104) over the
// body and chosen parts of a request, under a key that the sender shares.
package mac

import (
	"context"
	"crypto/hmac"
	"fmt"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/signed"
)

// A Check verifies the codes of one sender. It is built by [Kind], immutable
// but for its caches, and may be used by many goroutines.
type Check struct {
	scheme *signed.Scheme
	keys   *scheme.Keyring[*key]
}

var _ authz.Check = (*Check)(nil)

// Verify implements [authz.Check]. It looks, in this order, whether a code is
// there, whether the body came whole, whether the code can be read, whether it
// holds, whether it is recent, and whether the assertions hold. So a code is
// called stale only if it is authentic.
//
// The Identity's principal is the name of the secret that matched. If none
// matches and a secret could not be read or used, that is the error, since the
// missing key might have matched: unavailable before not configured.
func (c *Check) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	w := c.scheme.Begin()
	defer c.scheme.End(w)

	if err := c.scheme.Read(w, r); err != nil {
		return authz.Identity{}, err
	}
	found, group, err := c.prove(ctx, r.Received, w)
	if err != nil {
		return authz.Identity{}, err
	}
	identity := authz.Identity{
		Principal:  found.Secret,
		Secret:     found.Secret,
		Version:    found.Version,
		Previous:   found.Previous,
		Stale:      found.Stale,
		Credential: true,
	}
	if err := c.scheme.Finish(w, group, r, &identity); err != nil {
		return authz.Identity{}, err
	}
	return identity, nil
}

// prove looks for a key under which the code of some group holds. Newer
// versions of a secret come first. The work is bounded by groups times keys, and
// by ctx.
func (c *Check) prove(ctx context.Context, now time.Time, w *signed.Work) (scheme.Key[*key], int, error) {
	var trouble error
	tried := 0
	for i := range c.keys.Len() {
		keys, err := c.keys.At(i, now)
		trouble = scheme.WorseTrouble(trouble, err)
		for _, candidate := range keys {
			tried++
			for group := range w.Groups() {
				if ctx.Err() != nil {
					return scheme.Key[*key]{}, 0, authz.Deny(authz.ReasonDeadline, "no time to try every key")
				}
				ok, err := c.holds(w, group, candidate.Value)
				if err != nil {
					return scheme.Key[*key]{}, 0, err
				}
				if ok {
					return candidate, group, nil
				}
			}
		}
	}
	if trouble == nil && tried == 0 {
		trouble = authz.Deny(authz.ReasonSecretMissing, "there is no key to verify with")
	}
	if trouble == nil {
		trouble = authz.Deny(authz.ReasonSignatureMismatch, fmt.Sprintf("matches none of %d keys", tried))
	}
	return scheme.Key[*key]{}, 0, trouble
}

// holds reports whether any code of group is that of the group's message under
// k.
func (c *Check) holds(w *signed.Work, group int, k *key) (bool, error) {
	state, ok := k.state()
	if !ok {
		return false, authz.Deny(authz.ReasonBug, "no HMAC state")
	}
	if err := c.scheme.WriteMessage(w, group, state); err != nil {
		return false, err // the state holds half a message and is not used again
	}
	sum := state.Sum(w.Memory())
	k.release(state)

	first, end := w.Signatures(group)
	for i := first; i < end; i++ {
		if hmac.Equal(sum, w.Signature(i)) {
			return true, nil
		}
	}
	return false, nil
}

// Package mac verifies message authentication codes: HMAC (RFC 2104) over the
// body and chosen parts of a request, under a key that the sender shares.
package mac

import (
	"context"
	"crypto/hmac"
	"fmt"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A Check verifies the codes of one sender. It is built by [Kind], immutable
// but for its caches, and may be used by many goroutines.
type Check struct {
	credential *scheme.Reader
	encoding   scheme.Encoding
	algorithm  algorithm
	message    *template.Template
	clock      *scheme.Clock // nil: no time is looked at
	assertions *scheme.Assertions
	body       bodyRule
	keys       *scheme.Keyring[*key]
	work       sync.Pool // of *work
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
	w, ok := c.work.Get().(*work)
	if !ok {
		w = new(work)
	}
	defer c.release(w)

	if err := c.credential.Locate(r, &w.presented); err != nil {
		return authz.Identity{}, err
	}
	body, err := c.body.take(r)
	if err != nil {
		return authz.Identity{}, err
	}
	w.input.Request, w.input.Body = r, body
	if err := c.decode(w); err != nil {
		return authz.Identity{}, err
	}
	found, group, err := c.prove(ctx, r.Received, w)
	if err != nil {
		return authz.Identity{}, err
	}
	if c.clock != nil {
		if err := c.clock.Check(w.claims[group].signed, r.Received); err != nil {
			return authz.Identity{}, err
		}
	}
	w.enter(group)
	if w.buffer, err = c.assertions.Check(w.buffer, &w.input); err != nil {
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
	if c.clock != nil {
		identity.Signed = w.claims[group].signed
	}
	return identity, nil
}

// A work is the memory of one verification.
type work struct {
	presented scheme.Presented
	claims    []claim // one a group
	codes     []byte  // decoded, one after the other, in the order of the groups
	sum       []byte
	buffer    []byte
	input     template.Input
}

// maxBuffer is what a work keeps for the next request. An assertion about the
// body may need much more, once.
const maxBuffer = 16 << 10

// A claim is what a group of the credential claims.
type claim struct {
	timestamp string
	signed    time.Time
	end       int // of the group's codes
}

func (c *Check) release(w *work) {
	w.presented.Reset()
	clear(w.claims)
	w.claims = w.claims[:0]
	w.input = template.Input{}
	if cap(w.buffer) > maxBuffer {
		w.buffer = nil
	}
	c.work.Put(w)
}

// enter makes group the one that templates read.
func (w *work) enter(group int) {
	w.input.Credential = w.presented.Fields(group)
	w.input.Timestamp = w.claims[group].timestamp
}

// candidates returns the codes of group.
func (w *work) candidates(group int) []byte {
	begin := 0
	if group > 0 {
		begin = w.claims[group-1].end
	}
	return w.codes[begin:w.claims[group].end]
}

// decode reads the credential and the time of every group. One code that can't
// be read makes the whole malformed, even beside others: no sender writes it.
func (c *Check) decode(w *work) error {
	if err := c.credential.Parse(&w.presented); err != nil {
		return err
	}
	w.codes = w.codes[:0]
	for group := range w.presented.Groups() {
		for _, text := range w.presented.Signatures(group) {
			codes, ok := c.encoding.AppendExact(w.codes, text, c.algorithm.size)
			if !ok {
				return authz.Deny(authz.ReasonCredentialMalformed, "a code is not written in its encoding or has another length")
			}
			w.codes = codes
		}
		w.claims = append(w.claims, claim{end: len(w.codes)})
		if err := c.readTime(w, group); err != nil {
			return err
		}
		if err := c.coversBody(w, group); err != nil {
			return err
		}
	}
	return nil
}

func (c *Check) readTime(w *work, group int) (err error) {
	if c.clock == nil {
		return nil
	}
	w.enter(group)
	one := &w.claims[group]
	one.timestamp, one.signed, w.buffer, err = c.clock.Read(w.buffer, &w.input)
	return err
}

// coversBody refuses a body that the message of group leaves out, where that
// depends on the request.
func (c *Check) coversBody(w *work, group int) error {
	if c.body != bodySometimes || len(w.input.Body) == 0 {
		return nil
	}
	w.enter(group)
	covered, err := c.message.CoversBody(&w.input)
	if err == nil && !covered {
		return authz.Deny(authz.ReasonBodyUnsigned, "the message of this request leaves the body out")
	}
	return err
}

// prove looks for a key under which the code of some group holds. Newer
// versions of a secret come first. The work is bounded by groups times keys, and
// by ctx.
func (c *Check) prove(ctx context.Context, now time.Time, w *work) (scheme.Key[*key], int, error) {
	var trouble error
	tried := 0
	for i := range c.keys.Len() {
		keys, err := c.keys.At(i, now)
		trouble = scheme.WorseTrouble(trouble, err)
		for _, candidate := range keys {
			tried++
			for group := range w.claims {
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
func (c *Check) holds(w *work, group int, k *key) (bool, error) {
	state, ok := k.state()
	if !ok {
		return false, authz.Deny(authz.ReasonBug, "no HMAC state")
	}
	w.enter(group)
	if err := c.message.WriteTo(state, &w.input); err != nil {
		return false, err // the state holds half a message and is not used again
	}
	w.sum = state.Sum(w.sum[:0])
	k.release(state)

	codes := w.candidates(group)
	for size := len(w.sum); len(codes) >= size && size > 0; codes = codes[size:] {
		if hmac.Equal(w.sum, codes[:size]) {
			return true, nil
		}
	}
	return false, nil
}

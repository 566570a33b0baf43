// Package basic is the check of kind basic: the sender knows a user's password
// (RFC 7617).
package basic

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// A Check passes requests that present a user and that user's password. Both
// are compared byte for byte, in whatever charset the sender wrote them: nothing
// is converted or normalised, and bytes that are not UTF-8 are only bytes.
type Check struct {
	header string    // lower case
	buffer sync.Pool // of *[]byte, for decoding

	sealer *stored.Sealer
	keys   []*scheme.Keyring[stored.Known] // one a user, or one for all
}

var _ authz.Check = (*Check)(nil)

func newCheck(header string, form stored.Form, accounts []account) *Check {
	c := &Check{header: header, sealer: stored.NewSealer()}
	c.buffer.New = func() any { return new([]byte) }
	for _, account := range accounts {
		c.keys = append(c.keys, scheme.NewKeyring(account.refs, func(ref authz.Reference, secret authz.Secret) (stored.Known, error) {
			return c.known(form, account.user, ref, secret.Reveal())
		}))
	}
	return c
}

// known derives what must be presented from one value of a secret.
func (c *Check) known(form stored.Form, user string, ref authz.Reference, value []byte) (stored.Known, error) {
	if user == "" {
		name, password, err := splitSecret(ref, value)
		if err != nil {
			return stored.Known{}, err
		}
		user, value = name, password
	}
	digest, err := form.Digest(ref, value, func(password []byte) error { return checkPassword(ref, password) })
	if err != nil {
		return stored.Known{}, err
	}
	return stored.Known{Tag: c.sealer.Seal(sha256.Sum256([]byte(user)), digest), Principal: user}, nil
}

// Verify implements [authz.Check]. The principal is the user. User and password
// are compared as one with those of every account, so an unknown user costs what
// a known one does.
func (c *Check) Verify(_ context.Context, r *authz.Request) (authz.Identity, error) {
	tag, err := c.presented(r)
	if err != nil {
		return authz.Identity{}, err
	}
	return stored.Match(c.keys, tag, r.Received, authz.ReasonBasicInvalid) //nolint:wrapcheck // a denial
}

// unfit is that of [authz.Part].
func (c *Check) unfit(now time.Time, tell func(secret string, why error)) {
	for _, ring := range c.keys {
		ring.Unfit(now, tell)
	}
}

// presented returns the tag of the user and the password that r presents.
func (c *Check) presented(r *authz.Request) (stored.Tag, error) {
	value, presence := r.Header.Get(c.header)
	switch presence {
	case authz.None:
		return stored.Tag{}, authz.Deny(authz.ReasonCredentialMissing, "nothing in header "+c.header)
	case authz.Many:
		return stored.Tag{}, authz.Deny(authz.ReasonDuplicateHeader, fmt.Sprintf("header %s stands more than once", c.header))
	case authz.One:
	}
	encoded, err := cutScheme(value)
	if err != nil {
		return stored.Tag{}, err
	}

	buffer, ok := c.buffer.Get().(*[]byte)
	if !ok {
		return stored.Tag{}, authz.Deny(authz.ReasonBug, "no room to decode the credentials")
	}
	defer func() {
		clear((*buffer)[:cap(*buffer)]) // it held a password
		c.buffer.Put(buffer)
	}()
	var user, password []byte
	*buffer, user, password, err = decode((*buffer)[:0], encoded)
	if err != nil {
		return stored.Tag{}, err
	}
	return c.sealer.Seal(sha256.Sum256(user), sha256.Sum256(password)), nil
}

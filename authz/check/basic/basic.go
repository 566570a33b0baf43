// Package basic is the check of kind basic: the sender knows a user's password
// (RFC 7617).
package basic

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// A Check passes requests that present a user and that user's password. Both
// are compared byte for byte, in whatever charset the sender wrote them: nothing
// is converted or normalised, and bytes that are not UTF-8 are only bytes.
type Check struct {
	header string    // lower case
	buffer sync.Pool // of *[]byte, for decoding
	judge  judge
}

var _ authz.Check = (*Check)(nil)

// A judge knows the accounts. Many goroutines may use it.
type judge interface {
	// verify returns whose password it is. It keeps neither user nor password.
	verify(ctx context.Context, r *authz.Request, user, password []byte) (authz.Identity, error)
	// unfit is that of [authz.Part].
	unfit(now time.Time, tell func(secret string, why error))
}

func newCheck(header string, judge judge) *Check {
	c := &Check{header: header, judge: judge}
	c.buffer.New = func() any { return new([]byte) }
	return c
}

// Verify implements [authz.Check]. The principal is the user. An unknown user
// costs what a known one does.
func (c *Check) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	value, presence := r.Header.Get(c.header)
	switch presence {
	case authz.None:
		return authz.Identity{}, authz.Deny(authz.ReasonCredentialMissing, "nothing in header "+c.header)
	case authz.Many:
		return authz.Identity{}, authz.Deny(authz.ReasonDuplicateHeader, fmt.Sprintf("header %s stands more than once", c.header))
	case authz.One:
	}
	if len(value) > scheme.MaxValueBytes {
		return authz.Identity{}, malformed("the header is over 8 KiB")
	}
	encoded, err := scheme.CutScheme(value, "Basic")
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}

	buffer, ok := c.buffer.Get().(*[]byte)
	if !ok {
		return authz.Identity{}, authz.Deny(authz.ReasonBug, "no room to decode the credentials")
	}
	defer func() {
		clear((*buffer)[:cap(*buffer)]) // it held a password
		c.buffer.Put(buffer)
	}()
	var user, password []byte
	*buffer, user, password, err = decode((*buffer)[:0], encoded)
	if err != nil {
		return authz.Identity{}, err
	}
	return c.judge.verify(ctx, r, user, password) //nolint:wrapcheck // a denial
}

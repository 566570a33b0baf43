// Package bearer is the check of kind bearer: whoever has the token is the sender
// (RFC 6750). A token is a JWT of an issuer whose keys we have, or one that an
// authorization server is asked about, or one of our own.
package bearer

import (
	"context"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A Check passes requests whose token holds.
type Check struct {
	place place
	judge judge
}

var _ authz.Check = (*Check)(nil)

// A judge says whose token it is. Its error is that of [authz.Check].
type judge interface {
	judge(ctx context.Context, token string, now time.Time) (authz.Identity, error)
}

// Verify implements [authz.Check]. The principal is the token's subject, or its
// client. What a token says is only told of once it is proven who says it: an
// expired token, or one for somebody else, is an authentic one.
func (c *Check) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	token, err := c.place.token(r)
	if err != nil {
		return authz.Identity{}, err
	}
	identity, err := c.judge.judge(ctx, token, r.Received)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	identity.Credential = true
	return identity, nil
}

// maxPrincipal is how long a principal may be, in bytes. OpenID Connect Core 1.0,
// section 2, bounds "sub" to 255; those of build systems, which put together
// several names, are longer.
const maxPrincipal = 512

// principal returns who holds the token: its subject, or its client if it has
// none; otherwise a denial. It goes to logs and into headers, so it is printable
// ASCII without a blank at either end: a header would lose that, and be another
// principal's. A subject that is no text is not passed over: it is not the client.
func principal(c *jose.Claims) (string, error) {
	for _, name := range [...]string{"sub", "client_id"} {
		if !c.Has(name) || c.IsNull(name) {
			continue
		}
		value, ok := c.Text(name)
		if !ok || value == "" || len(value) > maxPrincipal || strings.Trim(value, " ") != value || strings.ContainsFunc(value, unprintable) {
			return "", authz.Deny(authz.ReasonTokenInvalid, `"`+name+`" is no text, empty, too long, or not printable ASCII`)
		}
		return value, nil
	}
	return "", authz.Deny(authz.ReasonTokenInvalid, `the token has neither "sub" nor "client_id"`)
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

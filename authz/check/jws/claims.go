package jws

import (
	"bytes"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/settings"
	"github.com/hookauthz/hookauthz/authz/template"
)

// claims returns the claims of a token that holds, nil if its payload has none and
// nothing is asked of them. What looks like claims must be claims, since nobody
// could tell whether it has expired; a detached payload is the application's, and
// its members mean what the application says unless something is asked of them.
func (c *Check) claims(token *jose.Token, limit int64) (*jose.Claims, error) {
	payload := token.Payload()
	object := c.form.Detached == jose.Attached && bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{"))
	if !c.claimed && !object {
		return nil, nil //nolint:nilnil // there are none
	}
	return jose.ParseLargeClaims(payload, limit) //nolint:wrapcheck // a denial
}

// texts are claims as templates read them.
type texts struct{ *jose.Claims }

var _ template.Claims = texts{}

// Text implements [template.Claims].
func (t texts) Text(name string) (string, bool) { return t.Scalar(name) }

// noClaims are those of a payload that has none.
type noClaims struct{}

// Text implements [template.Claims].
func (noClaims) Text(string) (string, bool) { return "", false }

// A clock judges when a token was signed.
type clock struct {
	claim  string // or
	header string
	unit   scheme.Unit
	window scheme.Window
}

// clock returns nil if no time is looked at.
func (b *builder) clock() *clock {
	t := b.settings.GetTime()
	if t == nil {
		return nil
	}
	c := &clock{claim: t.GetClaim(), header: t.GetHeader()}
	switch {
	case c.claim != "" && c.header != "":
		b.mistake("time", "want at most one of claim and header")
	case c.claim == "" && c.header == "":
		c.claim = "iat"
	case c.claim == "exp" || c.claim == "nbf":
		b.mistake("time.claim", "this claim is judged anyway, and says nothing of when the token was signed")
	case c.header != "" && jose.IsHeaderName(c.header):
		b.mistake("time.header", "this member of the header has another meaning")
	}
	unit := t.GetUnit()
	if unit == "" {
		unit = "seconds"
	}
	var mistakes []authz.Problem
	c.unit, mistakes = scheme.ParseUnit(unit)
	b.report("time.unit", mistakes)
	c.window, mistakes = scheme.NewWindow(settings.Duration(t.GetTolerance()), nil)
	b.report("time", mistakes)
	return c
}

// check returns the time that the token says, if it is recent. The error is a
// denial.
func (c *clock) check(token *jose.Token, claims *jose.Claims, now time.Time) (time.Time, error) {
	from, name := claims, c.claim
	if c.header != "" {
		from, name = token.Header(), c.header
	}
	at, ok := c.read(from, name)
	if !ok {
		return time.Time{}, authz.Deny(authz.ReasonTokenInvalid, "the time at which the token was signed is absent, or not written in its unit")
	}
	return at, c.window.Check(at, now) //nolint:wrapcheck // a denial
}

// read returns the time of that name. Seconds may have a fraction, as a NumericDate
// may (RFC 7519, section 2).
func (c *clock) read(from *jose.Claims, name string) (time.Time, bool) {
	if c.unit == scheme.Seconds {
		if at, ok := from.Time(name); ok {
			return at, true
		}
	}
	text, _ := from.Scalar(name)
	return c.unit.Parse(text)
}

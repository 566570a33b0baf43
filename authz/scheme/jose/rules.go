package jose

import (
	"fmt"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Rules say what claims must be. They are immutable and may be used by many
// goroutines.
type Rules struct {
	// Issuer is what "iss" must be, byte by byte. Empty: anything.
	Issuer string
	// Audiences are those of which "aud", a string or an array of strings, must
	// hold one. Empty: anything.
	Audiences []string
	// Required are claims of which each must have one of its values.
	Required []Claim
	// Skew is how far the issuer's clock may be from ours, either way.
	Skew time.Duration
	// IssuedFreely leaves "iat" alone, for who judges it otherwise.
	IssuedFreely bool
	// ExpiryOptional permits claims without "exp". A token must have it, the
	// answer of an introspection need not (RFC 7662, section 2.2).
	ExpiryOptional bool
}

// A Claim is required to hold one of the texts OneOf; see [Claims.Values].
type Claim struct {
	Name  string
	OneOf []string
}

// Check returns nil if c is good at now. The error is a denial:
// [authz.ReasonTokenInvalid] if "exp" is missing or a time can't be read,
// [authz.ReasonTokenExpired], [authz.ReasonTokenNotYetValid] if "nbf" or "iat" is
// in the future, [authz.ReasonClaimMismatch] if "iss", "aud" or a required claim
// is absent or another. Times are judged first.
func (r *Rules) Check(c *Claims, now time.Time) error {
	if err := r.checkTimes(c, now); err != nil {
		return err
	}
	if r.Issuer != "" {
		if issuer, ok := c.Text("iss"); !ok || issuer != r.Issuer {
			return mismatch("iss is absent or another")
		}
	}
	if len(r.Audiences) > 0 && !r.holdsAudience(c) {
		return mismatch("aud is absent or names somebody else")
	}
	for i := range r.Required {
		if !r.Required[i].holds(c) {
			return mismatch(fmt.Sprintf("required claim %d is absent or another", i))
		}
	}
	return nil
}

func (r *Rules) checkTimes(c *Claims, now time.Time) error {
	for _, name := range [...]string{"exp", "nbf", "iat"} {
		at, ok := c.Time(name)
		switch {
		case name == "iat" && r.IssuedFreely:
		case !ok && c.Has(name):
			return invalid(name + " is not a time")
		case !ok && name == "exp" && !r.ExpiryOptional:
			return invalid("exp is missing")
		case !ok:
		case name == "exp":
			// "The current date/time MUST be before" it (RFC 7519, section 4.1.4).
			if !now.Before(at.Add(r.Skew)) {
				return authz.Deny(authz.ReasonTokenExpired, "exp is past")
			}
		case now.Before(at.Add(-r.Skew)):
			return authz.Deny(authz.ReasonTokenNotYetValid, name+" is in the future")
		}
	}
	return nil
}

// holdsAudience reports whether "aud" holds one of ours. With anything but strings
// in it, nobody can say whom the token is for.
func (r *Rules) holdsAudience(c *Claims) bool {
	v, _ := c.all.get("aud")
	if text, ok := v.text(); ok {
		return slices.Contains(r.Audiences, text)
	}
	if v.kind != kindArray {
		return false
	}
	held, strange := false, false
	_ = v.elements(func(e value) error {
		text, ok := e.text()
		strange = strange || !ok
		held = held || slices.Contains(r.Audiences, text)
		return nil
	})
	return held && !strange
}

func (q *Claim) holds(c *Claims) bool {
	return slices.ContainsFunc(c.Values(q.Name), func(v string) bool { return slices.Contains(q.OneOf, v) })
}

func mismatch(detail string) error { return authz.Deny(authz.ReasonClaimMismatch, detail) }

package httpsig

import (
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// maxHeader is how long a header that holds a part of the credential may be, in
// bytes. The longest signature that is taken, of an RSA key of 8192 bits, has 1368.
const maxHeader = 8 << 10

// maxComponents bounds what one signature covers.
const maxComponents = 64

// A claim is what a signature says of itself. Nothing of it is proven yet.
type claim struct {
	components []component
	// params is what stands in the last line of the base; empty in the draft.
	params    string
	signature []byte

	keyID string
	nonce string
	// stated is the algorithm that the signature names, empty if it names none or
	// leaves it to the key.
	stated algorithm
	// signed is when the signature was made, if it covers that; zero if not. byDate
	// says that the date header is what tells it.
	signed time.Time
	byDate bool
	// expires is when it ends, zero for never.
	expires time.Time
	// created and until are how the draft writes the two.
	created, until string
}

// covers reports whether the signature covers all of a component.
func (c *claim) covers(name string) bool {
	return slices.ContainsFunc(c.components, func(one component) bool { return one.name == name && one.form.whole() })
}

// A clock judges when a signature was made.
type clock struct {
	window scheme.Window
	// undated permits that it is not said.
	undated bool
}

// check judges a signature that holds.
func (k *clock) check(c *claim, received time.Time) error {
	if !c.signed.IsZero() {
		if err := k.window.Check(c.signed, received); err != nil {
			return err //nolint:wrapcheck // a denial
		}
	}
	if !c.expires.IsZero() && !received.Before(c.expires) {
		return authz.Deny(authz.ReasonTimestampStale, "the signature has expired")
	}
	return nil
}

// readDate takes the time from the date header, which the signature covers.
func readDate(r *authz.Request, c *claim) error {
	value, presence := r.Header.Line("date")
	switch presence {
	case authz.None:
		return authz.Deny(authz.ReasonPartMissing, "header date")
	case authz.Many:
		return duplicate("date")
	case authz.One:
	}
	at, ok := scheme.HTTPDate.Parse(value)
	if !ok {
		return malformed("header date is not a date as HTTP writes it")
	}
	c.signed = at
	return nil
}

// located returns a header that holds a part of the credential. Its grammar has
// commas.
func located(r *authz.Request, name string) (value string, found bool, _ error) {
	value, presence := r.Header.Line(name)
	switch {
	case presence == authz.Many:
		return "", false, duplicate(name)
	case presence == authz.None:
		return "", false, nil
	case len(value) > maxHeader:
		return "", true, malformed("header " + name + " is over 8 KiB")
	case r.Header.Altered(value):
		return "", true, altered(name)
	}
	return value, true, nil
}

package jws

import (
	"github.com/hookauthz/hookauthz/authz"
)

// A bodyRule is what a request must prove of its body. Its zero value is the
// strictest.
type bodyRule uint8

const (
	// bodyAbsent: the token never covers the body, so there must be none.
	bodyAbsent bodyRule = iota
	// bodyIs: the body is the token, and holds nothing else.
	bodyIs
	// bodyHolds: the body holds the token. What else it holds is not signed, and
	// is replaced or accepted.
	bodyHolds
	// bodyBound: the token covers the body, by what it signs or by a digest.
	bodyBound
	// bodyRead: it need not be covered, but something is read from it.
	bodyRead
	// bodyIgnored: it need not even be here.
	bodyIgnored
)

// A found token, and what is known of the body beside it.
type found struct {
	text string
	body []byte // as far as the rule wants it
	// whole says that the token vouches for the whole body, if it holds.
	whole bool
}

// find returns the token in r. The error is a denial.
func (c *Check) find(r *authz.Request) (found, error) {
	text, body, alone, err := c.place.Find(r)
	if err != nil {
		return found{}, err //nolint:wrapcheck // a denial
	}
	f := found{text: text, body: body}
	switch c.body {
	case bodyIs:
		if !alone {
			return found{}, authz.Deny(authz.ReasonBodyUnsigned, "something besides the token stands in the body")
		}
		f.whole = true
	case bodyHolds:
		f.whole = alone || c.payload
	case bodyBound:
		f.whole = true
		f.body, err = r.WholeBody()
	case bodyRead:
		f.body, err = r.WholeBody()
	case bodyAbsent:
		err = r.NoBody()
	case bodyIgnored:
	}
	if err != nil {
		return found{}, err
	}
	return f, nil
}

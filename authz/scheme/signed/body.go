package signed

import (
	"github.com/hookauthz/hookauthz/authz"
)

// A bodyRule is what a request must prove of its body. Its zero value is the
// strictest.
type bodyRule uint8

const (
	// bodyAbsent: the message never covers the body, so there must be none.
	bodyAbsent bodyRule = iota
	// bodyCovered: the message covers it, so all of it must be here.
	bodyCovered
	// bodySometimes: all of it must be here, and if it isn't empty the message
	// of this request must cover it.
	bodySometimes
	// bodyRead: it need not be covered, but something is read from it.
	bodyRead
	// bodyIgnored: it need not even be here.
	bodyIgnored
)

// take returns the body as far as the rule wants it.
func (b bodyRule) take(r *authz.Request) ([]byte, error) {
	switch b {
	case bodyAbsent:
		return nil, r.NoBody()
	case bodyIgnored:
		return nil, nil
	case bodyCovered, bodySometimes, bodyRead:
	}
	return r.WholeBody()
}

// signs reports whether a request that passed has the body that was signed. One
// whose message leaves the body out may have lost it on the way.
func (b bodyRule) signs(body []byte) bool {
	return b == bodyCovered || b == bodySometimes && len(body) > 0
}

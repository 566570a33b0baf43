package extauthz

import (
	"strconv"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// The context extensions of a route that mean something here. No other name may
// begin with extensionPrefix.
const (
	extensionPrefix          = "hookauthz."
	extensionPolicy          = "hookauthz.policy"
	extensionBody            = "hookauthz.body"
	extensionMaxRequestBytes = "hookauthz.max_request_bytes"
	extensionXFF             = "hookauthz.xff"
	extensionXFCC            = "hookauthz.xfcc"
)

// extensions are the context extensions of the route. They are the gateway's
// configuration, so they are trusted.
type extensions struct {
	policy, body, maxRequestBytes, xff, xfcc named

	unknown bool // one begins with our prefix and is none of ours
}

// entry reads one entry of AttributeContext.context_extensions.
func (e *extensions) entry(s *scanner, end int) {
	key, value := entryOf(s, end)
	if !strings.HasPrefix(key, extensionPrefix) {
		return
	}
	var to *named
	switch key {
	case extensionPolicy:
		to = &e.policy
	case extensionBody:
		to = &e.body
	case extensionMaxRequestBytes:
		to = &e.maxRequestBytes
	case extensionXFF:
		to = &e.xff
	case extensionXFCC:
		to = &e.xfcc
	default:
		e.unknown = true
		return
	}
	if to.present {
		s.fail(errRepeated)
		return
	}
	*to = named{present: true, valid: true, name: value}
}

// attest returns what is stated of the gateway for this route: base, changed by
// what the route says itself. A statement that is not understood might be one
// that takes trust away, so it is an error.
func (e *extensions) attest(base authz.Gateway) (authz.Gateway, error) {
	if e.unknown {
		return authz.Gateway{}, authz.Deny(authz.ReasonGatewayNotAttested, "a context extension that begins with \"hookauthz.\" is not known")
	}
	if e.body.present {
		switch e.body.name {
		case "raw-full":
			base.BodyRawFull, base.BodyByRoute = true, true
		case "none":
			base.BodyRawFull, base.BodyByRoute = false, false
		default:
			return authz.Gateway{}, authz.Deny(authz.ReasonGatewayNotAttested, "context extension hookauthz.body is neither raw-full nor none")
		}
	}
	if e.maxRequestBytes.present {
		n, ok := decimal(e.maxRequestBytes.name)
		if !ok {
			return authz.Gateway{}, authz.Deny(authz.ReasonGatewayNotAttested, "context extension hookauthz.max_request_bytes is not a number of bytes")
		}
		base.MaxRequestBytes = n
	}
	if err := e.xff.states(extensionXFF, "appended", &base.XFFAppended); err != nil {
		return authz.Gateway{}, err
	}
	if err := e.xfcc.states(extensionXFCC, "sanitize_set", &base.XFCCSanitized); err != nil {
		return authz.Gateway{}, err
	}
	return base, nil
}

// states sets property if the extension is there: word states it, "none" takes it
// back, and anything else is an error.
func (n *named) states(extension, word string, property *bool) error {
	switch {
	case !n.present:
	case n.name == word:
		*property = true
	case n.name == "none":
		*property = false
	default:
		return authz.Deny(authz.ReasonGatewayNotAttested, "context extension "+extension+" is neither "+word+" nor none")
	}
	return nil
}

// decimal reads a positive number of plain digits. Envoy's max_request_bytes is
// a 32-bit number above 0.
func decimal(text string) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 || text[0] == '0' || text[0] == '+' {
		return 0, false
	}
	return int64(n), true
}

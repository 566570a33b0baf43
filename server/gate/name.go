package gate

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// The largest header that is read, in lines and in bytes of names and values.
// Envoy's own defaults are 100 lines and 60 KiB.
const (
	MaxHeaderFields = 1024
	MaxHeaderBytes  = 256 << 10
)

// MaxCertificateBytes is the longest certificate that is looked at. One is 2 KiB
// as a rule.
const MaxCertificateBytes = 64 << 10

// PartialBody is what Envoy's ext_authz filter says of the body it buffered:
// "true" if there is more than it sends us. A client's own header of that name
// says nothing, and does not reach the upstream.
const PartialBody = "x-envoy-auth-partial-body"

const requestID = "x-request-id"

// A NameClass says how a header's name is spelt.
type NameClass uint8

// The classes.
const (
	NameOdd   NameClass = iota // not a token of RFC 9110, section 5.6.2
	NameUpper                  // a token with upper-case letters
	NameLower                  // a token without
)

// Classify looks at a header's name. Envoy writes lower case; other gateways
// that speak its API may not, and a name means the same either way.
func Classify(name string) NameClass {
	class := NameLower
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z' || c == '-' || '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z':
			class = NameUpper
		case strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0:
		default:
			return NameOdd
		}
	}
	if name == "" {
		return NameOdd
	}
	return class
}

// BreaksLine reports whether value holds what no header line can: RFC 9110,
// section 5.5. A template that joins values by line breaks relies on it.
func BreaksLine(value string) bool {
	return strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 || strings.IndexByte(value, 0) >= 0
}

// RequestID returns the gateway's id of the request, for the log. It is the
// sender's where the gateway lets it through.
func RequestID(h *authz.Header) string {
	value, presence := h.Line(requestID)
	if presence != authz.One {
		return ""
	}
	return value
}

// HasName reports whether one of fields has that name.
func HasName(fields []authz.Field, name string) bool {
	for i := range fields {
		if fields[i].Name == name {
			return true
		}
	}
	return false
}

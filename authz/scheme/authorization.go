package scheme

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// AuthScheme returns the authentication scheme that prefix, in the header of that
// name, stands for: a token and one space (RFC 9110, section 11.4). It is false
// for headers without schemes.
func AuthScheme(header, prefix string) (name string, ok bool) {
	name, ok = strings.CutSuffix(prefix, " ")
	if !ok || header != "authorization" && header != "proxy-authorization" {
		return "", false
	}
	return name, name != "" && tokenEnd(name) == len(name)
}

// CutScheme returns what follows the authentication scheme want, whose case does
// not matter, and exactly one space. The error is a denial. A header of another
// scheme holds somebody else's credentials, so ours are absent (RFC 9110, section
// 11.6.2); what begins with no scheme, or has nothing behind ours, is malformed.
func CutScheme(value, want string) (credentials string, err error) {
	end := tokenEnd(value)
	name, rest := value[:end], value[end:]
	switch {
	case name == "" || rest != "" && rest[0] != ' ':
		return "", malformed("the header begins with no authentication scheme")
	case !strings.EqualFold(name, want):
		return "", authz.Deny(authz.ReasonCredentialMissing, "the header holds another authentication scheme")
	case rest == "":
		return "", malformed("nothing follows the authentication scheme")
	}
	return rest[1:], nil
}

// tokenEnd returns how many bytes at the start of s may stand in a token
// (RFC 9110, section 5.6.2).
func tokenEnd(s string) int {
	end := 0
	for end < len(s) && isTokenChar(s[end]) {
		end++
	}
	return end
}

func isTokenChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

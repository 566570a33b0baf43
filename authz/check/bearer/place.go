package bearer

import (
	"fmt"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const (
	defaultHeader = "authorization"
	defaultPrefix = "Bearer "
)

// A place is where the token stands.
type place struct {
	header string // lower case
	scheme string // an authentication scheme, or empty: then
	prefix string // stands before the token as it is
}

func placeOf(settings *policypb.Bearer) (place, []authz.Problem) {
	p := place{header: strings.ToLower(settings.GetHeader()), prefix: defaultPrefix}
	if p.header == "" {
		p.header = defaultHeader
	}
	if settings.Prefix != nil {
		p.prefix = settings.GetPrefix()
	}
	if strings.HasPrefix(p.prefix, " ") {
		return place{}, []authz.Problem{mistake("prefix", "header values never begin with white space")}
	}
	if strings.ContainsFunc(p.prefix, unprintable) {
		return place{}, []authz.Problem{mistake("prefix", "want printable ASCII")}
	}
	if name, ok := scheme.AuthScheme(p.header, p.prefix); ok {
		p.scheme, p.prefix = name, ""
	}
	return p, nil
}

// challenge is what a 401 asks for (RFC 6750, section 3).
func (p *place) challenge() string {
	if p.scheme == "" {
		return `Bearer realm="webhook"`
	}
	return p.scheme + ` realm="webhook"`
}

// token returns the token that r presents. Of an authentication scheme the case
// does not matter, and a header of another one holds no token of ours; any other
// prefix is part of the credential.
func (p *place) token(r *authz.Request) (string, error) {
	value, presence := r.Header.Get(p.header)
	switch presence {
	case authz.None:
		return "", authz.Deny(authz.ReasonCredentialMissing, "nothing in header "+p.header)
	case authz.Many:
		return "", authz.Deny(authz.ReasonDuplicateHeader, fmt.Sprintf("header %s stands more than once", p.header))
	case authz.One:
	}

	if p.scheme != "" {
		rest, err := scheme.CutScheme(value, p.scheme)
		if err != nil {
			return "", err //nolint:wrapcheck // a denial
		}
		return checkToken(rest)
	}
	rest, ok := strings.CutPrefix(value, p.prefix)
	if !ok {
		return "", malformed("the token lacks its prefix")
	}
	return checkToken(rest)
}

// checkToken returns token if it is one (b64token in RFC 6750, section 2.1).
func checkToken(token string) (string, error) {
	body := strings.TrimRight(token, "=")
	switch {
	case token == "":
		return "", malformed("there is no token where it should be")
	case len(token) > jose.MaxToken:
		return "", malformed("the token is over 16 KiB")
	case body == "":
		return "", malformed("the token holds nothing but padding")
	}
	for i := range len(body) {
		if !isTokenByte(body[i]) {
			return "", malformed("the token holds characters that tokens don't have")
		}
	}
	return token, nil
}

func isTokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/'
}

func malformed(detail string) error { return authz.Deny(authz.ReasonCredentialMalformed, detail) }

// Package place finds a token in a request: as the whole body, in a JSON or form
// body, or in a header.
package place

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// MaxHeaderToken is the longest token that is read from a header, in bytes, if
// nothing else is said. Header lines of gateways end there too.
const MaxHeaderToken = 16 << 10

// Code marks every [authz.Problem] of this package.
const Code = "place"

// Config says where a token stands: exactly one of Body, JSON, Form and Header.
type Config struct {
	// Body: the body is the token, without anything around it.
	Body bool
	// JSON is the pointer (RFC 6901) to a string in the JSON body.
	JSON string
	// Form is the name of a field in the form body.
	Form string
	// Header is the name of a header, in any case, and Prefix what must stand
	// before the token there. An authentication scheme and one space, in an
	// Authorization header, is compared as such.
	Header, Prefix string
	// Max is the longest token in a header, in bytes; 0 is [MaxHeaderToken].
	Max int
}

// A Place is where a token stands. It is immutable and may be used by many
// goroutines.
type Place struct {
	pointer []string // or
	form    string   // or
	header  string   // lower case; or else the body is the token
	scheme  string   // an authentication scheme, or empty: then
	prefix  string   // stands before the token as it is
	max     int
}

// New returns the place that c describes, or every mistake in c. Their paths are
// the fields of the policy schema: json, form, header and prefix.
func New(c Config) (*Place, []authz.Problem) {
	set := 0
	for _, is := range [...]bool{c.Body, c.JSON != "", c.Form != "", c.Header != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		return nil, []authz.Problem{mistake("", "want exactly one of body, json, form and header")}
	}
	p := &Place{form: c.Form, header: strings.ToLower(c.Header), prefix: c.Prefix, max: c.Max}
	if p.max <= 0 {
		p.max = MaxHeaderToken
	}
	var problems []authz.Problem
	if c.JSON != "" {
		var wrong string
		if p.pointer, wrong = parsePointer(c.JSON); wrong != "" {
			problems = append(problems, mistake("json", wrong))
		}
	}
	return p, append(problems, p.readPrefix()...)
}

func (p *Place) readPrefix() []authz.Problem {
	switch {
	case p.prefix != "" && p.header == "":
		return []authz.Problem{mistake("prefix", "a prefix stands in a header only: set header")}
	case strings.HasPrefix(p.prefix, " "):
		return []authz.Problem{mistake("prefix", "header values never begin with white space")}
	case strings.ContainsFunc(p.prefix, func(r rune) bool { return r < ' ' || r > '~' }):
		return []authz.Problem{mistake("prefix", "want printable ASCII")}
	}
	if name, ok := scheme.AuthScheme(p.header, p.prefix); ok {
		p.scheme, p.prefix = name, ""
	}
	return nil
}

// InBody reports whether the token stands in the body.
func (p *Place) InBody() bool { return p.header == "" }

// Locations returns the header that holds the token, if one does.
func (p *Place) Locations() []authz.Location {
	if p.InBody() {
		return nil
	}
	return []authz.Location{{Header: p.header}}
}

// Find returns the text of the token in r, which has not been looked at, the body
// if the token stands there, and whether it is alone: nothing but the token stands
// in that body. In a header it is never alone.
//
// The error is a denial: [authz.ReasonCredentialMissing] if nothing is there,
// which wraps [authz.ErrAbsent]; [authz.ReasonDuplicateHeader];
// [authz.ReasonCredentialMalformed] if a body can't be read in exactly one way, or
// something else stands in the token's place; or that of
// [authz.Request.WholeBody]. An empty body holds no token, whatever the policy
// says of empty ones.
func (p *Place) Find(r *authz.Request) (token string, body []byte, alone bool, err error) {
	if !p.InBody() {
		token, err = p.inHeader(r)
		return token, nil, false, err
	}
	body, err = r.WholeBody()
	var denial *authz.Denial
	if errors.As(err, &denial) && denial.Reason() == authz.ReasonBodyEmpty {
		err = missing("the body is empty")
	}
	switch {
	case err != nil:
		return "", nil, false, err
	case len(body) == 0:
		return "", nil, false, missing("the body is empty")
	}
	switch {
	case p.pointer != nil:
		token, alone, err = inJSON(body, p.pointer)
	case p.form != "":
		token, alone, err = inForm(body, p.form)
	default:
		token, alone = string(body), true
	}
	if err != nil {
		return "", nil, false, err
	}
	return token, body, alone, nil
}

// inHeader returns what stands behind the prefix. Of an authentication scheme the
// case does not matter, and a header of another one holds no token of ours; any
// other prefix is part of the credential.
func (p *Place) inHeader(r *authz.Request) (string, error) {
	value, presence := r.Header.Get(p.header)
	switch presence {
	case authz.None:
		return "", missing("nothing in header " + p.header)
	case authz.Many:
		return "", authz.Deny(authz.ReasonDuplicateHeader, fmt.Sprintf("header %s stands more than once", p.header))
	case authz.One:
	}
	if p.scheme != "" {
		rest, err := scheme.CutScheme(value, p.scheme)
		if err != nil {
			return "", err //nolint:wrapcheck // a denial
		}
		value = rest
	} else {
		rest, ok := strings.CutPrefix(value, p.prefix)
		if !ok {
			return "", malformed("the token lacks its prefix")
		}
		value = rest
	}
	switch {
	case value == "":
		return "", malformed("there is no token where it should be")
	case len(value) > p.max:
		return "", malformed(fmt.Sprintf("the token is over %d bytes", p.max))
	case r.Header.Altered(value):
		return "", malformed("the gateway may have replaced bytes of the token")
	}
	return value, nil
}

func mistake(path, message string) authz.Problem {
	return authz.Problem{Path: path, Message: message, Code: Code}
}

func missing(detail string) error { return authz.Deny(authz.ReasonCredentialMissing, detail) }

func malformed(detail string) error { return authz.Deny(authz.ReasonCredentialMalformed, detail) }

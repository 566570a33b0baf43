package httpsig

import (
	"slices"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

const headerAuthorization = "authorization"

// maxParameters bounds those of one signature. The draft has six.
const maxParameters = 32

// A cavage reads signatures as draft-cavage-http-signatures-12, section 2.1, writes
// them, in the header Signature or with the authentication scheme Signature.
type cavage struct{ header string }

var _ dialect = cavage{}

func (d cavage) locations() []authz.Location { return []authz.Location{{Header: d.header}} }

func (d cavage) locate(r *authz.Request) (presented, error) {
	value, found, err := located(r, d.header)
	switch {
	case err != nil:
		return presented{}, err
	case !found:
		return presented{}, authz.Deny(authz.ReasonCredentialMissing, "nothing in header "+d.header)
	case d.header == headerAuthorization:
		if value, err = scheme.CutScheme(value, "Signature"); err != nil {
			return presented{}, err //nolint:wrapcheck // a denial
		}
	case r.Header.Has(headerInput):
		return presented{}, authz.Deny(authz.ReasonCredentialMissing, "header signature-input makes it a signature of RFC 9421")
	}
	return presented{signature: value}, nil
}

func (cavage) parse(p presented) (*claim, error) {
	c := &claim{}
	var seen []string
	headers, written := "", ""
	for rest := p.signature; ; {
		if len(seen) == maxParameters {
			return nil, malformed("the signature has over 32 parameters")
		}
		name, value, behind, ok := nextParameter(rest)
		if !ok {
			return nil, malformed("the signature is not a list of parameters")
		}
		if slices.ContainsFunc(seen, func(other string) bool { return strings.EqualFold(other, name) }) {
			return nil, malformed("a parameter of the signature stands twice")
		}
		seen = append(seen, name)
		switch name {
		case "keyId":
			c.keyID = value
		case "algorithm":
			c.stated = draftAlgorithm(value)
		case "headers":
			headers = value
		case "signature":
			written = value
		case "created":
			c.created = value
		case "expires":
			c.until = value
		default:
			if isAlike(name) {
				return nil, malformed("a parameter of the signature is written in another case")
			}
		}
		if behind == "" {
			break
		}
		rest = behind
	}
	if c.keyID == "" || written == "" {
		return nil, malformed("the signature lacks its keyId or the signature itself")
	}
	if !slices.Contains(seen, "headers") {
		headers = defaultHeaders(c, slices.Contains(seen, "algorithm"))
	}
	return c, c.draft(headers, written)
}

// draft reads the covered headers, the signature and the times.
func (c *claim) draft(headers, written string) error {
	names := strings.Split(headers, " ")
	if len(names) > maxComponents {
		return malformed("the signature covers over 64 headers")
	}
	for i, name := range names {
		if !isSpecial(name) && !isHeaderName(name) {
			return malformed("a covered header is not a name in lower case")
		}
		if slices.Contains(names[:i], name) {
			return malformed("the signature covers a header twice")
		}
		c.components = append(c.components, component{name: name, id: name})
	}
	var ok bool
	if c.signature, ok = scheme.Base64.Append(nil, written); !ok {
		return malformed("the signature is not base64")
	}
	// What isn't covered, anybody could write: as the time it would be worth nothing.
	if c.covers(draftCreated) {
		if c.signed, ok = scheme.Seconds.Parse(c.created); !ok {
			return malformed("the signature covers (created), and created is not a time in seconds")
		}
	}
	if c.until != "" || c.covers(draftExpires) {
		var at time.Time
		if at, ok = scheme.Seconds.Parse(c.until); !ok {
			return malformed("expires is not a time in seconds")
		}
		c.expires = at
	}
	c.byDate = c.signed.IsZero() && c.covers("date")
	return nil
}

// defaultHeaders is what a signature without "headers" covers: the time that it was
// made in the last drafts, where it says that, and the date header in all before.
func defaultHeaders(c *claim, algorithm bool) string {
	if c.created != "" && (!algorithm || c.stated == "") {
		return draftCreated
	}
	return "date"
}

// nextParameter cuts name=value off the start of text, and the comma behind it. The
// value is a token or stands in quotes, without escapes. One blank may follow the
// comma. behind is empty at the end.
func nextParameter(text string) (name, value, behind string, ok bool) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }) {
		return "", "", "", false
	}
	if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
		if value, rest, ok = strings.Cut(quoted, `"`); !ok || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' }) {
			return "", "", "", false
		}
	} else {
		end := strings.IndexFunc(rest, func(r rune) bool { return !isToken(r) })
		if end < 0 {
			end = len(rest)
		}
		if value, rest = rest[:end], rest[end:]; value == "" {
			return "", "", "", false
		}
	}
	if rest == "" {
		return name, value, "", true
	}
	if behind, ok = strings.CutPrefix(rest, ","); !ok {
		return "", "", "", false
	}
	behind = strings.TrimPrefix(behind, " ")
	return name, value, behind, behind != ""
}

// isToken reports whether r may stand in a token (RFC 9110, section 5.6.2).
func isToken(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// isAlike reports whether name is one of the draft's parameters but for its case.
func isAlike(name string) bool {
	known := []string{"keyId", "algorithm", "headers", "signature", "created", "expires"}
	return slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
}

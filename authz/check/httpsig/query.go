package httpsig

import (
	"strings"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
)

// maxQuery bounds the parameters of a query.
const maxQuery = 256

// parameters are those of a query, decoded and written again as RFC 9421, section
// 2.2.8, has it. err says why they can't be read.
type parameters struct {
	all []authz.Field
	err error
}

// readParameters reads the query as HTML forms are read, but takes no percent sign
// that escapes nothing, no text that isn't UTF-8, and no semicolon, which some
// parsers take for an "&".
func readParameters(r *authz.Request) *parameters {
	p := &parameters{}
	text, _ := r.Query()
	if strings.Contains(text, ";") {
		p.err = malformed("a query parameter is covered, and there is a semicolon in the query")
		return p
	}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		if len(p.all) == maxQuery {
			p.err = malformed("a query parameter is covered, and there are over 256")
			return p
		}
		name, value, _ := strings.Cut(pair, "=")
		name, okName := normalize(name)
		value, okValue := normalize(value)
		if !okName || !okValue {
			p.err = malformed("a query parameter is covered, and the query can't be decoded")
			return p
		}
		p.all = append(p.all, authz.Field{Name: name, Value: value})
	}
	return p
}

// value returns the parameter of that name, which must stand once.
func (p *parameters) value(name string) (string, error) {
	if p.err != nil {
		return "", p.err
	}
	value, found := "", false
	for i := range p.all {
		if p.all[i].Name != name {
			continue
		}
		if found {
			return "", malformed("a covered query parameter stands twice")
		}
		value, found = p.all[i].Value, true
	}
	if !found {
		return "", authz.Deny(authz.ReasonPartMissing, "a query parameter that the signature covers")
	}
	return value, nil
}

// normalize decodes text and encodes it again, so that there is one way to write it.
func normalize(text string) (string, bool) {
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '+':
			decoded = append(decoded, ' ')
		case '%':
			if i+2 >= len(text) {
				return "", false
			}
			high, low := hexDigit(text[i+1]), hexDigit(text[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			decoded = append(decoded, byte(high<<4|low)) //nolint:gosec // both are below 16
			i += 2
		default:
			decoded = append(decoded, text[i])
		}
	}
	if !utf8.Valid(decoded) {
		return "", false
	}
	const digits = "0123456789ABCDEF"
	encoded := make([]byte, 0, len(decoded))
	for _, c := range decoded {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("*-._", c) >= 0 {
			encoded = append(encoded, c)
			continue
		}
		encoded = append(encoded, '%', digits[c>>4], digits[c&15])
	}
	return string(encoded), true
}

// hexDigit returns the value of a hex digit, -1 if c is none.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

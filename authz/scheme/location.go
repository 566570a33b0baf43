package scheme

import (
	"fmt"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// MaxValueBytes is the longest credential value that is looked at. The longest
// that any known sender writes is a list of a hundred signatures of 88 bytes.
const MaxValueBytes = 8 << 10

// collect appends the credential's values, as they stand in the request, to
// dst. The error is a denial: [authz.ReasonCredentialMissing] if none of the
// places holds anything.
func (c *Reader) collect(dst []string, r *authz.Request) ([]string, error) {
	if c.query != "" {
		value, err := queryValue(r, c.query)
		if err != nil {
			return nil, err
		}
		if value != "" {
			dst = append(dst, value)
		}
	}
	for _, name := range c.headers {
		value, err := c.headerValue(r, name)
		if err != nil {
			return nil, err
		}
		if value != "" {
			dst = append(dst, value)
		}
	}
	if len(dst) == 0 {
		return nil, authz.Deny(authz.ReasonCredentialMissing, c.places)
	}
	return dst, nil
}

// headerValue returns "" if the header is not there or empty.
func (c *Reader) headerValue(r *authz.Request, name string) (string, error) {
	get := r.Header.Get
	if c.commas {
		get = r.Header.Line
	}
	value, presence := get(name)
	switch presence {
	case authz.None:
		return "", nil
	case authz.Many:
		return "", authz.Deny(authz.ReasonDuplicateHeader, fmt.Sprintf("header %s stands more than once", name))
	case authz.One:
	}
	switch {
	case OtherScheme(name, value, c.prefix):
		return "", nil
	case len(value) > MaxValueBytes:
		return "", malformed("the credential is over 8 KiB")
	case r.Header.Altered(value):
		return "", malformed("the gateway may have replaced bytes of the credential")
	}
	return value, nil
}

// OtherScheme reports whether value is an Authorization header of another
// scheme than the one that prefix begins with (RFC 9110, section 11.6.2). Such a
// header holds somebody else's credential. Scheme names are compared without
// case here, so that ours in another case is malformed and not overlooked.
func OtherScheme(name, value, prefix string) bool {
	if name != "authorization" && name != "proxy-authorization" {
		return false
	}
	want, _, ok := strings.Cut(prefix, " ")
	if !ok {
		return false
	}
	got, _, _ := strings.Cut(value, " ")
	return !strings.EqualFold(got, want)
}

// queryValue returns the decoded value of the one parameter whose raw name is
// name, "" if there is none or it is empty.
//
// A parameter that only decodes to name is refused: what removes or logs
// parameters by name would not see it. "+" is a plus sign, as RFC 3986 has it,
// and not a space as in forms: it is common in base64, which has no space.
func queryValue(r *authz.Request, name string) (string, error) {
	query, _ := r.Query()
	var raw string
	found := false
	for query != "" {
		var item string
		item, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(item, "=")
		if key != name {
			if spells(key, name) {
				return "", malformed("the query parameter's name is percent-encoded")
			}
			continue
		}
		if found {
			return "", malformed("the query parameter stands more than once")
		}
		raw, found = value, true
	}
	if len(raw) > MaxValueBytes {
		return "", malformed("the credential is over 8 KiB")
	}
	value, ok := percentDecode(raw)
	if !ok {
		return "", malformed("the query parameter is not percent-encoded correctly")
	}
	return value, nil
}

// spells reports whether key is another spelling of name.
func spells(key, name string) bool {
	if !strings.Contains(key, "%") || len(key) > 3*len(name) {
		return false
	}
	decoded, ok := percentDecode(key)
	return ok && decoded == name
}

// percentDecode is strict: every "%" must start two hex digits. A value without
// "%" is returned as it is.
func percentDecode(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	decoded := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			decoded = append(decoded, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		high, okHigh := nibble(s[i+1])
		low, okLow := nibble(s[i+2])
		if !okHigh || !okLow {
			return "", false
		}
		decoded = append(decoded, high<<4|low)
		i += 2
	}
	return string(decoded), true
}

func malformed(detail string) error {
	return authz.Deny(authz.ReasonCredentialMalformed, detail)
}

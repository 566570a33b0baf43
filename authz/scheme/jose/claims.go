package jose

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// MaxClaims is the largest set of claims that is read, in bytes. That of a token
// is smaller, see [MaxToken]; the answer of an introspection may be larger.
const MaxClaims = 64 << 10

// Claims are the members of a JWT's payload (RFC 7519), or of another JSON object
// with one reading, such as an introspection's answer or an issuer's document. They
// are immutable and may be used by many goroutines.
type Claims struct{ all object }

// claimNames are the claims of RFC 7519, section 4.1, and those of RFC 8693,
// section 4, and RFC 7662, section 2.2, that decide who somebody is.
var claimNames = []string{ //nolint:gochecknoglobals // a table that nobody writes
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "client_id", "azp", "act", "cnf", "active",
}

// ParseClaims reads a JSON object, which must be valid UTF-8, at most [MaxClaims]
// long and 16 levels deep, without a name that stands twice in any object. Names
// at the top that differ in case only are refused, and so are other spellings of
// the claims of RFC 7519: decoders that ignore case would read another token. The
// error is a denial with [authz.ReasonTokenInvalid].
func ParseClaims(payload []byte) (*Claims, error) { return ParseLargeClaims(payload, MaxClaims) }

// ParseLargeClaims is [ParseClaims] of at most limit bytes.
func ParseLargeClaims(payload []byte, limit int64) (*Claims, error) {
	if int64(len(payload)) > limit {
		return nil, invalid(fmt.Sprintf("the claims are over %d bytes", limit))
	}
	// One copy, of which the names and texts are parts.
	all, err := parseObject(string(payload), claimNames)
	if err != nil {
		return nil, invalid("the claims: " + err.Error())
	}
	return &Claims{all: all}, nil
}

func invalid(detail string) error { return authz.Deny(authz.ReasonTokenInvalid, detail) }

// Has reports whether there is a claim of that name, null included.
func (c *Claims) Has(name string) bool {
	_, found := c.all.get(name)
	return found
}

// IsNull reports whether there is a claim of that name that is null.
func (c *Claims) IsNull(name string) bool {
	v, _ := c.all.get(name)
	return v.kind == kindNull
}

// Text returns a claim that is a string, false if it is absent or anything else.
func (c *Claims) Text(name string) (string, bool) {
	v, _ := c.all.get(name)
	return v.text()
}

// Scalar returns the text of a claim that is a string, a number or a boolean,
// false if it is absent or anything else. A number is as the token writes it.
func (c *Claims) Scalar(name string) (string, bool) {
	v, _ := c.all.get(name)
	return v.scalar()
}

// Bool returns a claim that is true or false, ok false if it is absent or
// anything else.
func (c *Claims) Bool(name string) (value, ok bool) {
	v, _ := c.all.get(name)
	return v.kind == kindTrue, v.kind == kindTrue || v.kind == kindFalse
}

// Time returns a claim that is a NumericDate (RFC 7519, section 2) from the years
// 1970 to 9999, an integer or a decimal without exponent. It is false if the claim
// is absent or anything else.
func (c *Claims) Time(name string) (time.Time, bool) {
	v, _ := c.all.get(name)
	if v.kind != kindNumber {
		return time.Time{}, false
	}
	return numericDate(v.raw)
}

// maxNumericDate is the last second of the year 9999, after which RFC 3339 has no
// way to write a time and arithmetic with durations would overflow.
const maxNumericDate = 253402300799

func numericDate(number string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(number, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || whole[0] == '-' || seconds > maxNumericDate {
		return time.Time{}, false
	}
	nanos := int64(0)
	for i := range len(fraction) {
		if !isDigit(fraction[i]) {
			return time.Time{}, false // an exponent
		}
		if i < 9 {
			nanos = nanos*10 + int64(fraction[i]-'0')
		}
	}
	for range 9 - min(9, len(fraction)) {
		nanos *= 10
	}
	return time.Unix(seconds, nanos).UTC(), true
}

// Values returns the text of a claim that is a string, a number or a boolean, or
// of each such element of an array, in order. A number is as the token writes it.
// Objects, null and arrays in arrays have none.
func (c *Claims) Values(name string) []string {
	v, found := c.all.get(name)
	if !found {
		return nil
	}
	if v.kind != kindArray {
		if text, ok := v.scalar(); ok {
			return []string{text}
		}
		return nil
	}
	var all []string
	// The grammar was checked, so there is nothing left that could fail.
	_ = v.elements(func(e value) error {
		if text, ok := e.scalar(); ok {
			all = append(all, text)
		}
		return nil
	})
	return all
}

func (v value) scalar() (string, bool) {
	switch v.kind {
	case kindString:
		return v.text()
	case kindNumber, kindTrue, kindFalse:
		return v.raw, true
	default:
		return "", false
	}
}

package place

import (
	"bytes"
	"strings"
)

// maxFields is how many fields a form may have.
const maxFields = 256

// inForm returns the field of that name in a form body, and whether it is the only
// one. Fields stand between "&", names before the first "=", and in both "+" is a
// space and %XX a byte. What programs read differently is refused: a ";", which
// some take for an "&", a percent sign without two hex digits, and the name again,
// in another spelling or with a bracket behind it.
func inForm(body []byte, name string) (token string, alone bool, err error) {
	found := false
	rest, more := string(body), true
	for count := 0; more; count++ {
		if count == maxFields {
			return "", false, malformed("the form has too many fields")
		}
		var field string
		field, rest, more = strings.Cut(rest, "&")
		if strings.Contains(field, ";") {
			return "", false, malformed("the form holds a semicolon")
		}
		rawName, rawValue, _ := strings.Cut(field, "=")
		key, ok := unescape(rawName)
		value, valid := unescape(rawValue)
		switch {
		case !ok || !valid:
			return "", false, malformed("the form holds a bad percent sign")
		case key == name && !found:
			token, found = value, true
		case isAlike(key, name):
			return "", false, malformed("the token's field stands twice, or in another spelling")
		}
	}
	switch {
	case !found:
		return "", false, missing("the form has no field of the token's name")
	case token == "":
		return "", false, malformed("the token's field is empty")
	}
	return token, !bytes.ContainsRune(body, '&'), nil
}

// isAlike reports whether some programs take key for name. PHP passes over blanks
// before a name and all from a zero byte on, and writes "_" for a blank, a point
// and a bracket that nothing closes.
func isAlike(key, name string) bool {
	if len(key) > len(name) && key[len(name)] == '[' && strings.EqualFold(key[:len(name)], name) {
		return true
	}
	return strings.EqualFold(plain(key), plain(name))
}

func plain(key string) string {
	key, _, _ = strings.Cut(key, "\x00")
	return strings.Map(func(c rune) rune {
		switch c {
		case ' ', '.', '[':
			return '_'
		}
		return c
	}, strings.TrimLeft(key, " "))
}

// unescape decodes "+" and percent signs, false if one has no two hex digits.
func unescape(text string) (string, bool) {
	if !strings.ContainsAny(text, "+%") {
		return text, true
	}
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '+':
			decoded = append(decoded, ' ')
		case '%':
			if i+2 >= len(text) {
				return "", false
			}
			high, low := hexDigit(text[i+1]), hexDigit(text[i+2])
			if high > 15 || low > 15 {
				return "", false
			}
			decoded = append(decoded, high<<4|low)
			i += 2
		default:
			decoded = append(decoded, c)
		}
	}
	return string(decoded), true
}

// hexDigit returns the value of a hex digit, over 15 if c is none.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

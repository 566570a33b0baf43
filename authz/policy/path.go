package policy

import (
	"strings"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
)

// plainPath returns path, the raw path without its query, if all programs read
// it alike, else [authz.ReasonPathAmbiguous]. It decodes nothing: proxies and
// applications differ in whether they decode before or after they compare, so
// every spelling that decoding could turn into another path is refused.
func plainPath(path string) (string, error) {
	if flaw := pathFlaw(path); flaw != "" {
		return "", authz.Deny(authz.ReasonPathAmbiguous, flaw)
	}
	return path, nil
}

// pathFlaw says why path is ambiguous, "" if it is not.
func pathFlaw(path string) string {
	if path == "" || path[0] != '/' {
		return "the path does not begin with a slash"
	}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c <= ' ' || c >= 0x7f:
			return "the path holds a control, blank or non-ASCII byte"
		case c == '\\' || c == ';' || c == '#' || c == '?':
			return "the path holds a backslash, semicolon, number sign or question mark"
		case c == '%':
			if flaw := escapeFlaw(path[i:]); flaw != "" {
				return flaw
			}
		case c == '/':
			if flaw := segmentFlaw(path[i+1:]); flaw != "" {
				return flaw
			}
		}
	}
	return textFlaw(path)
}

// textFlaw judges what the escapes of path spell, which are all well formed. Some
// programs read overlong UTF-8, such as %c0%ae for a full stop, and UTF-8 itself
// forbids it (RFC 3629, section 3).
func textFlaw(path string) string {
	if !strings.Contains(path, "%") {
		return ""
	}
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			c = byte(unhex(path[i+1])<<4 | unhex(path[i+2])) //nolint:gosec // G115: two hex digits
			i += 2
		}
		decoded = append(decoded, c)
	}
	if !utf8.Valid(decoded) {
		return "the path encodes bytes that are not UTF-8"
	}
	return ""
}

// escapeFlaw judges the percent-escape at the start of s.
func escapeFlaw(s string) string {
	if len(s) < 3 {
		return "the path holds a cut percent-escape"
	}
	high, low := unhex(s[1]), unhex(s[2])
	if high < 0 || low < 0 {
		return "the path holds a percent sign without two hex digits"
	}
	c := byte(high<<4 | low) //nolint:gosec // G115: two hex digits
	switch {
	case c == '%':
		return "the path is encoded twice"
	case c == '/' || c == '\\' || c == ';' || c == '#' || c < ' ' || c == 0x7f:
		return "the path holds an encoded separator or control character"
	case unreserved(c):
		return "the path encodes a character that needs no encoding"
	}
	return ""
}

// segmentFlaw judges the segment at the start of s, which follows a slash.
func segmentFlaw(s string) string {
	segment, _, more := strings.Cut(s, "/")
	switch {
	case segment == "" && more:
		return "the path holds an empty segment"
	case segment == "." || segment == "..":
		return "the path holds a dot segment"
	}
	return ""
}

// unreserved reports whether c is an unreserved character of RFC 3986, section
// 2.3, which never needs an escape.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

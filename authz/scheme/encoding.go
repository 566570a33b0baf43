package scheme

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// An Encoding says how bytes are written as text. Its zero value decodes
// nothing.
type Encoding uint8

// The encodings.
const (
	encodingNone Encoding = iota
	// Hex is RFC 4648, section 8, in either case.
	Hex
	// Base64 is RFC 4648, section 4; padding may be left out.
	Base64
	// Base64URL is RFC 4648, section 5; padding may be left out.
	Base64URL
)

// ParseEncoding returns the encoding that policy files call name.
func ParseEncoding(name string) (Encoding, []authz.Problem) {
	switch name {
	case "hex":
		return Hex, nil
	case "base64":
		return Base64, nil
	case "base64url":
		return Base64URL, nil
	}
	return encodingNone, mistake("", "unknown encoding, want hex, base64 or base64url")
}

// Append decodes text and appends the bytes to dst. It reports false, and
// returns dst as it was, unless text is exactly what the encoding writes for
// some bytes: one alphabet, no white space or line ends, padding either right
// or absent, and the unused bits of the last character zero.
//
// encoding/base64 is not used because it skips CR and LF even when strict.
func (e Encoding) Append(dst []byte, text string) ([]byte, bool) {
	switch e {
	case Hex:
		return appendHex(dst, text)
	case Base64, Base64URL:
		return e.appendBase64(dst, text)
	case encodingNone:
	}
	return dst, false
}

// AppendExact is [Encoding.Append] for text that must stand for size bytes.
func (e Encoding) AppendExact(dst []byte, text string, size int) ([]byte, bool) {
	return e.AppendSized(dst, text, size, size)
}

// AppendSized is [Encoding.Append] for text that must stand for least to most
// bytes.
func (e Encoding) AppendSized(dst []byte, text string, least, most int) ([]byte, bool) {
	if len(text) > 2*most+4 { // longer than any of the encodings
		return dst, false
	}
	decoded, ok := e.Append(dst, text)
	if size := len(decoded) - len(dst); !ok || size < least || size > most {
		return dst, false
	}
	return decoded, true
}

func appendHex(dst []byte, text string) ([]byte, bool) {
	if len(text)%2 != 0 {
		return dst, false
	}
	decoded := dst
	for i := 0; i < len(text); i += 2 {
		high, okHigh := nibble(text[i])
		low, okLow := nibble(text[i+1])
		if !okHigh || !okLow {
			return dst, false
		}
		decoded = append(decoded, high<<4|low)
	}
	return decoded, true
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func (e Encoding) appendBase64(dst []byte, text string) ([]byte, bool) {
	digits := strings.TrimRight(text, "=")
	if padding := len(text) - len(digits); padding > 0 && (padding > 2 || len(text)%4 != 0) {
		return dst, false
	}
	decoded := dst
	var bits uint32
	count := 0 // bits that wait
	for i := range len(digits) {
		value, ok := e.sextet(digits[i])
		if !ok {
			return dst, false
		}
		bits = bits<<6 | uint32(value)
		count += 6
		if count >= 8 {
			count -= 8
			decoded = append(decoded, byte(bits>>count)) //nolint:gosec // the lowest 8 bits are meant
			bits &= 1<<count - 1
		}
	}
	// 6 left-over bits are a character that ends no byte.
	if count == 6 || bits != 0 {
		return dst, false
	}
	return decoded, true
}

func (e Encoding) sextet(c byte) (byte, bool) {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A', true
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26, true
	case c >= '0' && c <= '9':
		return c - '0' + 52, true
	}
	plus, slash := byte('+'), byte('/')
	if e == Base64URL {
		plus, slash = '-', '_'
	}
	switch c {
	case plus:
		return 62, true
	case slash:
		return 63, true
	}
	return 0, false
}

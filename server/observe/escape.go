package observe

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// ellipsis ends a value that was cut.
const ellipsis = "…"

// appendString appends s as a JSON string (RFC 8259, section 7), at most limit
// bytes of it. s is untrusted: besides what JSON wants escaped, everything that
// is not printable is, so that a line can neither break out of the log nor
// command the terminal that shows it. Bytes that are not UTF-8 become U+FFFD.
func appendString(dst []byte, s string, limit int) []byte {
	dst = append(dst, '"')
	cut := len(s) > limit
	if cut {
		s = s[:runeStart(s, limit)]
	}
	clean := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < utf8.RuneSelf-1 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[clean:i]...)
		r, size := utf8.DecodeRuneInString(s[i:])
		dst = appendRune(dst, r)
		i += size
		clean = i
	}
	dst = append(dst, s[clean:]...)
	if cut {
		dst = append(dst, ellipsis...)
	}
	return append(dst, '"')
}

// runeStart returns the largest i up to limit at which a rune of s starts, so
// that cutting there splits none. Bytes that are no UTF-8 are cut anywhere.
func runeStart(s string, limit int) int {
	for i := limit; i > limit-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return limit
}

func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case unicode.IsPrint(r):
		return utf8.AppendRune(dst, r)
	case r > 0xFFFF:
		r -= 0x10000
		dst = appendUnit(dst, 0xD800+r>>10)
		return appendUnit(dst, 0xDC00+r&0x3FF)
	}
	return appendUnit(dst, r)
}

// appendUnit appends one UTF-16 code unit as an escape.
func appendUnit(dst []byte, u rune) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12&0xF], hexDigits[u>>8&0xF], hexDigits[u>>4&0xF], hexDigits[u&0xF])
}

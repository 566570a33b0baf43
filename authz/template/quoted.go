package template

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote appends the text of a string that was walked over. It reports false
// if half a surrogate pair stands in it.
func unquote(dst, quoted []byte) ([]byte, bool) {
	for i := 1; i < len(quoted)-1; i++ {
		if quoted[i] != '\\' {
			dst = append(dst, quoted[i])
			continue
		}
		i++
		if quoted[i] != 'u' {
			const escapes, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
			dst = append(dst, meanings[strings.IndexByte(escapes, quoted[i])])
			continue
		}
		r, _ := hex4(quoted[i+1:])
		i += 4
		if utf16.IsSurrogate(r) {
			if i+2 >= len(quoted) || quoted[i+1] != '\\' || quoted[i+2] != 'u' {
				return dst, false
			}
			low, _ := hex4(quoted[i+3:])
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return dst, false
			}
			i += 6
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, true
}

// hex4 reads four hex digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		digit := hexDigit(c)
		if digit < 0 {
			return 0, false
		}
		r = r<<4 | rune(digit) //nolint:gosec // below 16
	}
	return r, true
}

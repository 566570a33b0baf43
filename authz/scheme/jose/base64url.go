package jose

import "encoding/base64"

// isBase64URL reports whether text is base64url as RFC 7515 writes it: no padding,
// no white space, and no bits in the last character that decoding drops. So there
// is one text for each sequence of bytes. The empty text is one.
func isBase64URL(text string) bool {
	last := byte(0)
	for i := range len(text) {
		v := sextet(text[i])
		if v > 63 {
			return false
		}
		last = v
	}
	switch len(text) % 4 {
	case 1:
		return false
	case 2:
		return last&0x0f == 0
	case 3:
		return last&0x03 == 0
	}
	return true
}

// sextet returns the value of a character, over 63 if it has none.
func sextet(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A'
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26
	case isDigit(c):
		return c - '0' + 52
	case c == '-':
		return 62
	case c == '_':
		return 63
	}
	return 64
}

// decode returns the bytes of text, false unless isBase64URL holds.
func decode(text string) ([]byte, bool) {
	if !isBase64URL(text) {
		return nil, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	return b, err == nil
}

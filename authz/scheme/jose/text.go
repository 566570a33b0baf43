package jose

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string with its quotes and checks its escapes.
func (s *scanner) string() error {
	s.at++
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return s.unexpected()
		default:
			s.at++
		}
	}
	return errEnd
}

func (s *scanner) escape() error {
	rest := s.text[s.at:]
	if len(rest) < 2 {
		return errEnd
	}
	if rest[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, rest[1]) < 0 {
			return s.unexpected()
		}
		s.at += 2
		return nil
	}
	_, n := unescape(rest)
	if n == 0 {
		return fmt.Errorf("byte %d: an escape that is no character", s.at)
	}
	s.at += n
	return nil
}

// unescape returns the character of the \u escape, or of the pair of them, that
// text begins with, and their length, 0 if they are none.
func unescape(text string) (rune, int) {
	first, ok := hex4(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	second, ok := hex4(text[6:])
	if !ok {
		return 0, 0
	}
	r := utf16.DecodeRune(first, second)
	if r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}

// unquote returns what a checked string says. Without escapes it shares the
// memory of the text.
func unquote(raw string) string {
	raw = raw[1 : len(raw)-1]
	next := strings.IndexByte(raw, '\\')
	if next < 0 {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw))
	for next >= 0 {
		b.WriteString(raw[:next])
		if raw[next+1] == 'u' {
			r, n := unescape(raw[next:])
			b.WriteRune(r)
			raw = raw[next+n:]
		} else {
			b.WriteByte(plain(raw[next+1]))
			raw = raw[next+2:]
		}
		next = strings.IndexByte(raw, '\\')
	}
	b.WriteString(raw)
	return b.String()
}

// plain returns the character of a two-character escape.
func plain(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

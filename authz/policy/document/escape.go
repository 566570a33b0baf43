package document

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// pairLength is the length of a surrogate pair as JSON writes it.
const pairLength = len(`\ud83d\ude00`)

func validJSON(data []byte) bool { return json.Valid(data) }

func hasSurrogates(text string) bool {
	return strings.Contains(text, `\ud`) || strings.Contains(text, `\uD`)
}

// surrogatePair returns the character that text begins with as a pair of
// escapes, 0 if it does not.
func surrogatePair(text string) rune {
	if len(text) < pairLength || text[:2] != `\u` || text[6:8] != `\u` {
		return 0
	}
	high, err1 := strconv.ParseUint(text[2:6], 16, 16)
	low, err2 := strconv.ParseUint(text[8:12], 16, 16)
	if err1 != nil || err2 != nil {
		return 0
	}
	r := utf16.DecodeRune(rune(high), rune(low))
	if r == utf8.RuneError {
		return 0
	}
	return r
}

// escapes gives the length of what follows a backslash in a double-quoted text,
// where it is not one character.
func escapeLength(c byte) int {
	switch c {
	case 'x':
		return len(`\x00`)
	case 'u':
		return len(`\u0000`)
	case 'U':
		return len(`\U00000000`)
	}
	return len(`\n`)
}

// escaped returns the character that an escape of a double-quoted text stands
// for. The parser has accepted it before.
func escaped(text string) rune {
	if len(text) > 2 {
		n, err := strconv.ParseUint(text[2:], 16, 32)
		if err != nil || n > utf8.MaxRune {
			return utf8.RuneError
		}
		return rune(n)
	}
	const names, values = `0abtnvfreN_LP`, "\x00\a\b\t\n\v\f\r\x1b\u0085\u00a0\u2028\u2029"
	if i := strings.IndexByte(names, text[1]); i >= 0 {
		return []rune(values)[i]
	}
	return rune(text[1])
}

// shift returns how many characters after the start of node the byte offset of
// its decoded text is written, and whether it could be found: it is not in text
// that spans several lines.
func (s *source) shift(node *yaml.Node, offset int) (int, bool) {
	raw := string(s.tail(node.Line, node.Column))
	if offset <= 0 || offset >= len(node.Value) {
		return 0, false
	}
	switch {
	case node.Style&yaml.DoubleQuotedStyle != 0:
		return shiftQuoted(raw, offset, doubleQuoted)
	case node.Style&yaml.SingleQuotedStyle != 0:
		return shiftQuoted(raw, offset, singleQuoted)
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && strings.HasPrefix(raw, node.Value):
		return utf8.RuneCountInString(raw[:offset]), true
	}
	return 0, false
}

// shiftQuoted walks the pieces of a quoted text until they decode to offset
// bytes.
func shiftQuoted(raw string, offset int, next func(string) (int, int)) (int, bool) {
	at, decoded := 1, 0
	for decoded < offset {
		if at >= len(raw) {
			return 0, false
		}
		size, bytes := next(raw[at:])
		if size == 0 {
			return 0, false
		}
		at += size
		decoded += bytes
	}
	return utf8.RuneCountInString(raw[:at]), decoded == offset
}

// doubleQuoted returns how long the first character of text is as it is written
// and how many bytes it decodes to; 0 at the end of the text.
func doubleQuoted(text string) (size, bytes int) {
	switch {
	case text[0] == '"' || text == `\`:
		return 0, 0
	case text[0] != '\\':
		_, size = utf8.DecodeRuneInString(text)
		return size, size
	}
	if r := surrogatePair(text); r != 0 {
		return pairLength, utf8.RuneLen(r)
	}
	size = escapeLength(text[1])
	if size > len(text) {
		return 0, 0
	}
	return size, utf8.RuneLen(escaped(text[:size]))
}

// singleQuoted is the same for the other quotes, where only ” is special.
func singleQuoted(text string) (size, bytes int) {
	if text[0] == '\'' {
		if strings.HasPrefix(text, "''") {
			return len("''"), 1
		}
		return 0, 0
	}
	_, size = utf8.DecodeRuneInString(text)
	return size, size
}

// width is how many characters node takes on its line.
func (s *source) width(node *yaml.Node) int {
	if node.Kind != yaml.ScalarNode {
		return 1
	}
	raw := string(s.tail(node.Line, node.Column))
	next := doubleQuoted
	switch {
	case node.Style&yaml.DoubleQuotedStyle != 0 && raw != "":
	case node.Style&yaml.SingleQuotedStyle != 0 && raw != "":
		next = singleQuoted
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && strings.HasPrefix(raw, node.Value):
		return max(utf8.RuneCountInString(node.Value), 1)
	default:
		return 1
	}
	at := 1
	for at < len(raw) {
		size, _ := next(raw[at:])
		if size == 0 {
			return utf8.RuneCountInString(raw[:at]) + 1
		}
		at += size
	}
	return utf8.RuneCountInString(raw)
}

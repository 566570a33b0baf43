package document

import (
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// A visibility says whether the text of a scalar may be shown to people.
type visibility uint8

const (
	never      visibility = iota // may be a secret in the wrong place
	ordinarily                   // if the text is ordinary
	always                       // a name of the schema or of the file, a number
)

func visible(ok bool) visibility {
	if ok {
		return always
	}
	return never
}

// A token is a key or a value in the text.
type token struct {
	node  *yaml.Node
	shown visibility
}

// longestExcerpt is the longest line that is shown, in bytes.
const longestExcerpt = 200

// excerpt returns a source line without its comment, or "" if anything on it
// may be a secret: a text that is hidden or not ordinary, or what is not a
// token of the tree, such as a further line of a text.
func (s *source) excerpt(line int, hidden map[*yaml.Node]struct{}) string {
	whole := s.line(line)
	if len(whole) > longestExcerpt || s.root == nil {
		return ""
	}
	text := string(whole)
	first := sort.Search(len(s.scalars), func(i int) bool { return s.scalars[i].node.Line >= line })
	at := 0
	for _, t := range s.scalars[first:] {
		if t.node.Line != line {
			break
		}
		if _, secret := hidden[t.node]; secret || t.shown == never || t.shown == ordinarily && !ordinary(t.node.Value) {
			return ""
		}
		start := len(text) - len(s.tail(line, t.node.Column))
		if start < at || !structural(text[at:start]) {
			return ""
		}
		at = start + byteLength(text[start:], s.width(t.node))
	}
	rest, _, _ := strings.Cut(text[at:], "#")
	if !structural(strings.TrimLeft(rest, "|>-+0123456789")) {
		return ""
	}
	return strings.TrimRight(text[:at]+rest, " \t")
}

// byteLength is the length of the first n characters of text.
func byteLength(text string, n int) int {
	at := 0
	for range n {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// structural reports whether text is what stands between the tokens of a line.
func structural(text string) bool {
	return strings.Trim(text, " \t{}[],:-?") == ""
}

// ordinary reports whether text is made of words and short numbers, as names,
// hosts, paths and templates are, and secrets, if anybody can help it, are not.
func ordinary(text string) bool {
	if len(text) > longestWord {
		return false
	}
	for at := 0; at < len(text); {
		end := at
		for end < len(text) && isWordByte(text[end]) {
			end++
		}
		if end < len(text) && !strings.Contains("{}[]:._-/*=,;|&\n", text[end:end+1]) || !ordinaryWord(text[at:end]) {
			return false
		}
		at = end + 1
	}
	return true
}

// ordinaryWord reports whether word is written as words are, in one case or in
// humps as camelCase has, with at most three digits after it; or is a number
// with a unit.
func ordinaryWord(word string) bool {
	const longestNumber, longestUnit = 6, 3
	unit := strings.TrimLeft(word, "0123456789")
	if n := len(word) - len(unit); n > 0 && n <= longestNumber && len(unit) <= longestUnit && strings.Trim(unit, "BGKMhims") == "" {
		return true
	}
	letters := strings.TrimRight(word, "0123456789")
	digits := len(word) - len(letters)
	if digits > 3 || len(letters) > 20 || strings.ContainsAny(letters, "0123456789") {
		return false
	}
	if strings.ToUpper(letters) == letters {
		return len(letters) <= 12
	}
	hump := 2 // lower-case letters since the last capital; the first may stand alone
	for i := range len(letters) {
		switch capital := letters[i] < 'a'; {
		case capital && i > 0 && hump < 2:
			return false
		case capital:
			hump = 0
		default:
			hump++
		}
	}
	return hump >= 2
}

// repeatable reports whether an unknown key may stand in a message: it is near
// one of the names that belong there, or an ordinary word.
func repeatable(key string, names []string) bool {
	if len(key) > longestWord || strings.Trim(key, ".-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return false
	}
	for _, name := range names {
		if d := distance(snake(key), name, closeBy+1); d <= closeBy && 2*d < len(name) {
			return true
		}
	}
	return len(key) < 24 && ordinary(key) && !strings.ContainsAny(key, "0123456789")
}

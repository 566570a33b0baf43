package template

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a JSON body.
const maxDepth = 64

// fromJSON reads the value that v's pointer finds in a JSON body: a string
// decoded, a number as it is written, true or false. An empty body holds no
// values. It is malformed if
//
//   - the body is not exactly one JSON text (RFC 8259) in valid UTF-8, nested up
//     to maxDepth, with nothing but white space around it;
//   - a name on the way stands twice in its object, or stands in other capitals,
//     since parsers differ in which they take;
//   - the value is an object, an array or null, or a string or name with half a
//     surrogate pair.
//
// So 1 and "1" are the same value: a template with {json:...} never covers the
// body.
func (s *sink) fromJSON(v *value, body []byte) (field, error) {
	if len(body) == 0 {
		return field{}, nil
	}
	if !utf8.Valid(body) {
		return field{}, malformed(v, "is wanted, and the body is not UTF-8")
	}
	j := scanner{data: body, name: s.decoded}
	wrong := j.document(v.pointer)
	s.decoded = j.name
	switch {
	case wrong != "":
		return field{}, malformed(v, "can't be read: "+wrong)
	case len(j.found) == 0:
		return field{}, nil
	}

	switch first := j.found[0]; {
	case first == '{' || first == '[' || first == 'n':
		return field{}, malformed(v, "is an object, an array or null")
	case first != '"':
		return field{data: j.found}, nil
	}
	var ok bool
	if s.decoded, ok = unquote(s.decoded[:0], j.found); !ok {
		return field{}, malformed(v, "holds half a surrogate pair")
	}
	if len(s.decoded) == 0 && v.group {
		return field{}, malformed(v, "is there and empty")
	}
	return field{data: s.decoded}, nil
}

// A scanner walks over a JSON text. Its methods return what is wrong, or "".
type scanner struct {
	data  []byte
	at    int
	found []byte // the value that the pointer finds
	name  []byte // memory for a decoded name
}

func (j *scanner) document(pointer []string) string {
	if wrong := j.value(pointer, true, 0); wrong != "" {
		return wrong
	}
	j.space()
	if j.at < len(j.data) {
		return "something follows the JSON text"
	}
	return ""
}

// peek returns the byte at hand, 0 at the end: no byte 0 is part of JSON.
func (j *scanner) peek() byte {
	if j.at < len(j.data) {
		return j.data[j.at]
	}
	return 0
}

func (j *scanner) space() {
	for j.at < len(j.data) {
		switch j.data[j.at] {
		case ' ', '\t', '\n', '\r':
			j.at++
		default:
			return
		}
	}
}

const notJSON = "it is not JSON"

// value walks over a value. onPath says that the pointer led here, and pointer
// is what is left of it.
func (j *scanner) value(pointer []string, onPath bool, depth int) string {
	if depth > maxDepth {
		return "it is nested too deeply"
	}
	if !onPath {
		return j.skip(depth)
	}
	j.space()
	start := j.at
	var wrong string
	switch b := j.peek(); {
	case b == '{':
		wrong = j.object(pointer, len(pointer) > 0, depth)
	case b == '[':
		wrong = j.array(pointer, len(pointer) > 0, depth)
	case b == '"':
		wrong = j.text()
	case b == '-' || (b >= '0' && b <= '9'):
		wrong = j.number()
	default:
		wrong = j.word()
	}
	if wrong == "" && len(pointer) == 0 {
		j.found = j.data[start:j.at]
	}
	return wrong
}

// skip walks over a value that the pointer does not lead to. Such values may be
// most of a large body, so it makes few calls for each.
func (j *scanner) skip(depth int) string {
	var closings [maxDepth + 1]byte // of what is open, by depth
	for at := depth; ; {
		if at > maxDepth {
			return "it is nested too deeply"
		}
		j.space()
		var wrong string
		switch b := j.peek(); {
		case b == '{' || b == '[':
			j.at++
			j.space()
			closings[at] = b + 2 // as ASCII has it
			if j.peek() == closings[at] {
				j.at++
				break
			}
			if wrong = j.named(b + 2); wrong != "" {
				return wrong
			}
			at++
			continue
		case b == '"':
			wrong = j.text()
		case b == '-' || (b >= '0' && b <= '9'):
			wrong = j.number()
		default:
			wrong = j.word()
		}
		for more := false; wrong == "" && !more; {
			if at == depth {
				return ""
			}
			if more, wrong = j.more(closings[at-1]); more {
				wrong = j.named(closings[at-1])
			} else {
				at--
			}
		}
		if wrong != "" {
			return wrong
		}
	}
}

// named walks over the name of a member and its colon, where closing is that of
// an object.
func (j *scanner) named(closing byte) string {
	if closing != '}' {
		return ""
	}
	j.space()
	if wrong := j.text(); wrong != "" {
		return wrong
	}
	j.space()
	if j.peek() != ':' {
		return notJSON
	}
	j.at++
	return ""
}

func (j *scanner) object(pointer []string, onPath bool, depth int) string {
	j.at++
	seen := false
	for first := true; ; first = false {
		j.space()
		if j.peek() == '}' && first {
			j.at++
			return ""
		}
		start := j.at
		if wrong := j.text(); wrong != "" {
			return wrong
		}
		child := false
		if onPath {
			switch j.compare(j.data[start:j.at], pointer[0]) {
			case nameOther:
			case nameAlike:
				return "a name on the way stands in another spelling"
			case nameSame:
				if seen {
					return "a name on the way stands twice"
				}
				seen, child = true, true
			}
		}
		j.space()
		if j.peek() != ':' {
			return notJSON
		}
		j.at++
		if wrong := j.value(rest(pointer, child), child, depth+1); wrong != "" {
			return wrong
		}
		if more, wrong := j.more('}'); !more {
			return wrong
		}
	}
}

func (j *scanner) array(pointer []string, onPath bool, depth int) string {
	j.at++
	wanted := -1
	if onPath {
		wanted = index(pointer[0])
	}
	for i := 0; ; i++ {
		j.space()
		if j.peek() == ']' && i == 0 {
			j.at++
			return ""
		}
		if wrong := j.value(rest(pointer, i == wanted), i == wanted, depth+1); wrong != "" {
			return wrong
		}
		if more, wrong := j.more(']'); !more {
			return wrong
		}
	}
}

// more goes on behind a comma, or ends behind the closing bracket.
func (j *scanner) more(closing byte) (bool, string) {
	j.space()
	b := j.peek()
	j.at++
	switch b {
	case ',':
		return true, ""
	case closing:
		return false, ""
	}
	return false, notJSON
}

// rest is the pointer below its first token, for the child it leads to.
func rest(pointer []string, child bool) []string {
	if child {
		return pointer[1:]
	}
	return nil
}

// compare compares a quoted name with a token.
func (j *scanner) compare(quoted []byte, token string) likeness {
	var ok bool
	if j.name, ok = unquote(j.name[:0], quoted); !ok {
		return nameAlike
	}
	if string(j.name) == token {
		return nameSame
	}
	if bytes.EqualFold(j.name, []byte(token)) {
		return nameAlike
	}
	return nameOther
}

// text walks over a string.
func (j *scanner) text() string {
	if j.peek() != '"' {
		return notJSON
	}
	for j.at++; j.at < len(j.data); j.at++ {
		switch b := j.data[j.at]; {
		case b == '"':
			j.at++
			return ""
		case b < ' ':
			return notJSON
		case b == '\\':
			j.at++
			switch escape := j.peek(); {
			case escape == 'u':
				if _, ok := hex4(j.data[j.at+1:]); !ok {
					return notJSON
				}
				j.at += 4
			case escape == 0 || strings.IndexByte(`"\/bfnrt`, escape) < 0:
				return notJSON
			}
		}
	}
	return notJSON
}

// number walks over a number: no plus, no leading zeros, no bare point.
func (j *scanner) number() string {
	if j.peek() == '-' {
		j.at++
	}
	if j.peek() == '0' {
		j.at++
	} else if !j.digits() {
		return notJSON
	}
	if j.peek() == '.' {
		j.at++
		if !j.digits() {
			return notJSON
		}
	}
	if b := j.peek(); b == 'e' || b == 'E' {
		j.at++
		if b := j.peek(); b == '+' || b == '-' {
			j.at++
		}
		if !j.digits() {
			return notJSON
		}
	}
	return ""
}

// digits walks over digits and reports whether there is one.
func (j *scanner) digits() bool {
	start := j.at
	for b := j.peek(); b >= '0' && b <= '9'; b = j.peek() {
		j.at++
	}
	return j.at > start
}

func (j *scanner) word() string {
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(j.data[j.at:], []byte(word)) {
			j.at += len(word)
			return ""
		}
	}
	return notJSON
}

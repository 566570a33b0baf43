package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Caps on what is read. A policy takes about 100 bytes, so the largest file
// holds a hundred thousand of them; more go into several files.
const (
	// MaxFileBytes is the largest file.
	MaxFileBytes = 16 << 20
	// MaxNodes is how many values, keys included, all files may hold together.
	MaxNodes = 8 << 20
	// MaxDepth is how deeply lists and maps may be nested.
	MaxDepth = 32
)

// A source is one file: its text, and its tree once it is parsed.
type source struct {
	name  string
	data  []byte // without a byte order mark, escapes as written
	lines []int  // where each line begins in data
	runes []int  // how many characters each line has
	ascii bool
	root  *yaml.Node

	// scalars are all keys and values in the order of the text.
	scalars []token
}

func newSource(file File) *source {
	s := &source{name: file.Name, data: bytes.TrimPrefix(file.Data, []byte("\ufeff"))}
	s.lines, s.runes = append(s.lines, 0), append(s.runes, 0)
	s.ascii = true
	for i, c := range s.data {
		switch {
		case c == '\n':
			s.lines, s.runes = append(s.lines, i+1), append(s.runes, 0)
		case utf8.RuneStart(c) && (c != '\r' || !bytes.HasPrefix(s.data[i:], []byte("\r\n"))):
			s.runes[len(s.runes)-1]++
		}
		s.ascii = s.ascii && c < utf8.RuneSelf
	}
	return s
}

// A fault is what is wrong with a file as a whole.
type fault struct {
	code, message string
	line, column  int
}

// parse sets s.root, unless it returns a fault.
func (s *source) parse() *fault {
	if flaw := s.checkBytes(); flaw != nil {
		return flaw
	}
	loader, err := yaml.NewLoader(bytes.NewReader(joinSurrogates(s.data)))
	if err != nil {
		return &fault{codeSchema, "the YAML parser does not start", 1, 1}
	}
	var first, second yaml.Node
	err = load(loader, &first)
	if errors.Is(err, io.EOF) {
		return &fault{codeSize, "the file is empty", 1, 1}
	}
	if err != nil {
		return s.syntaxFault(err)
	}
	err = load(loader, &second)
	if err == nil {
		line, column := s.within(second.Line, second.Column)
		return &fault{codeDocuments, "a second document begins here: a policy file holds one", line, column}
	}
	if !errors.Is(err, io.EOF) {
		return s.syntaxFault(err)
	}
	if len(first.Content) != 1 || isNull(first.Content[0]) {
		return &fault{codeSize, "the file is empty", 1, 1}
	}
	s.root = first.Content[0]
	return nil
}

// load is loader.Load for which a bug of the parser is a syntax error.
func load(loader *yaml.Loader, node *yaml.Node) (err error) {
	defer func() {
		if recover() != nil {
			err = errParser
		}
	}()
	return loader.Load(node)
}

var errParser = errors.New("the parser gave up")

// checkBytes refuses what a YAML reader, an editor and a person may see
// differently: other encodings, and control characters, among them the line
// ends that only some programs know.
func (s *source) checkBytes() *fault {
	if len(s.data) > MaxFileBytes {
		return &fault{codeSize, fmt.Sprintf("the file has over %d MiB: split it", MaxFileBytes>>20), 1, 1}
	}
	if len(bytes.TrimSpace(s.data)) == 0 {
		return &fault{codeSize, "the file is empty", 1, 1}
	}
	for i := 0; i < len(s.data); {
		r, size := rune(s.data[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(s.data[i:])
		}
		line, column := 0, 0
		if size == 1 && r == utf8.RuneError || isControl(r) && (r != '\r' || !bytes.HasPrefix(s.data[i:], []byte("\r\n"))) {
			line, column = s.position(i)
		}
		switch {
		case line == 0:
		case r == utf8.RuneError:
			return &fault{codeEncoding, "the file is not UTF-8", line, column}
		default:
			return &fault{codeEncoding, fmt.Sprintf("the character U+%04X must not stand in a file; in quotes it can be written as an escape", r), line, column}
		}
		i += size
	}
	return nil
}

func isControl(r rune) bool {
	switch {
	case r == '\t' || r == '\n':
		return false
	case r < ' ', r >= 0x7f && r <= 0x9f: // C0, DEL, C1 with NEL
		return true
	case r == 0x2028, r == 0x2029, r == 0xfeff, r&0xfffe == 0xfffe: // line ends, byte order mark, no characters
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // reorder the line on screen
		return true
	}
	return false
}

// position converts an offset in data.
func (s *source) position(offset int) (line, column int) {
	line = sort.SearchInts(s.lines, offset+1)
	return line, utf8.RuneCount(s.data[s.lines[line-1]:offset]) + 1
}

// within moves a position that the parser gave into the file.
func (s *source) within(line, column int) (int, int) {
	if line < 1 {
		return 1, 1
	}
	if line > len(s.lines) {
		line, column = len(s.lines), 1<<30
	}
	return line, min(max(column, 1), s.runes[line-1]+1)
}

// line returns a line without its end; the first is 1.
func (s *source) line(n int) []byte {
	if n < 1 || n > len(s.lines) {
		return nil
	}
	text := s.data[s.lines[n-1]:]
	if n < len(s.lines) {
		text = s.data[s.lines[n-1] : s.lines[n]-1]
	}
	return bytes.TrimSuffix(text, []byte("\r"))
}

// longestLine bounds the work that a finding makes: a file may be one line with
// many mistakes.
const longestLine = 1 << 16

// tail returns the text from a position to the end of its line, of at most
// longestLine bytes; nil if the line is too long to look for the position.
func (s *source) tail(line, column int) []byte {
	text := s.line(line)
	if column < 1 {
		return nil
	}
	if s.ascii {
		text = text[min(column-1, len(text)):]
		return text[:min(len(text), longestLine)]
	}
	if len(text) > longestLine {
		return nil
	}
	for range column - 1 {
		_, size := utf8.DecodeRune(text)
		text = text[size:]
	}
	return text
}

// joinSurrogates rewrites the surrogate pairs of JSON, which YAML does not
// know, as YAML's own escape. What that saves in length follows the text as
// spaces, so all that comes after keeps its column. Anything but JSON is
// returned as it is.
func joinSurrogates(data []byte) []byte {
	text := string(data)
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") || !hasSurrogates(text) || !validJSON(data) {
		return data
	}
	var out strings.Builder
	quoted, spare := false, 0
	for i := 0; i < len(text); i++ {
		switch r := surrogatePair(text[i:]); {
		case quoted && r != 0:
			fmt.Fprintf(&out, `\U%08x`, r)
			i += pairLength - 1
			spare += pairLength - len(`\U00000000`)
		case quoted && text[i] == '\\':
			out.WriteString(text[i : i+2])
			i++
		case text[i] == '"':
			out.WriteByte('"')
			out.WriteString(strings.Repeat(" ", spare))
			quoted, spare = !quoted, 0
		default:
			out.WriteByte(text[i])
		}
	}
	return []byte(out.String())
}

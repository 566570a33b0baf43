package document

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"
)

// syntaxFault words what the parser says. Its own texts are not passed on: some
// of them quote the file.
func (s *source) syntaxFault(err error) *fault {
	failure, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return &fault{codeSyntax, "this is not YAML", 1, 1}
	}
	mark := failure.Mark
	if mark.Line > len(s.lines) || s.ends(mark.Line, mark.Column) && failure.ContextMark.Line > 0 {
		mark = failure.ContextMark // what was never closed says more than the end of the file
	}
	line, column := s.within(mark.Line, mark.Column)

	switch {
	case failure.Stage == yaml.ComposerStage && strings.Contains(failure.Message, "anchor"):
		return &fault{codeYAML, "aliases are not allowed: write the value out (text that begins with * needs quotes)", line, column}
	case strings.Contains(failure.Message, "max depth"):
		return &fault{codeDepth, "nested too deeply", line, column}
	}
	if tab := s.tab(line); tab > 0 {
		return &fault{codeSyntax, "a tab can't indent: use spaces", line, tab}
	}
	return &fault{codeSyntax, syntaxMessage(failure), line, column}
}

// ends reports whether nothing but space follows in the file.
func (s *source) ends(line, column int) bool {
	rest := s.tail(line, column)
	return len(bytes.TrimSpace(rest)) == 0 && (line >= len(s.lines) || len(bytes.TrimSpace(s.data[s.lines[line]:])) == 0)
}

// tab returns the column of a tab in the indentation of a line, 0 if there is
// none.
func (s *source) tab(line int) int {
	text := s.line(line)
	indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
	return bytes.IndexByte(indent, '\t') + 1
}

func syntaxMessage(failure *yaml.LoadError) string {
	known := []struct{ part, words string }{
		{"cannot start any token", "text that begins with this character needs quotes"},
		{"mapping values are not allowed", "a second \": \" on one line: write text with a colon in quotes"},
		{"unknown escape character", `there is no such escape; a backslash in double quotes is written \\`},
		{"hexadecimal number", "hexadecimal digits belong here"},
		{"invalid Unicode character escape", "this escape is not a character"},
		{"unexpected end of stream", "this quote is not closed"},
		{"document indicator", "this quote is not closed"},
		{"',' or ']'", "a comma or ] is missing, or the list is not closed"},
		{"',' or '}'", "a comma or } is missing, or the map is not closed"},
		{"could not find expected ':'", "a colon is missing after the name"},
		{"did not find expected key", "the indentation fits nothing above, or a bracket or quote is not closed"},
		{"'-' indicator", "the indentation fits nothing above: another list item belongs here"},
		{"expected node content", "a value is missing"},
		{"<document start>", "the file should end here: a bracket too many, or text after the end"},
		{"sequence entries are not allowed", "a list item can't stand here: begin a new line"},
		{"mapping keys are not allowed", "a name can't stand here: begin a new line"},
		{"comment without preceding whitespace", "a comment wants a space before the #"},
		{"tag", "tags are not allowed: " + untag},
	}
	for _, k := range known {
		if strings.Contains(failure.Message, k.part) {
			return k.words
		}
	}
	return "this is not YAML"
}

const untag = "text that begins with ! needs quotes"

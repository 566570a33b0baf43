package document

import (
	"cmp"
	"slices"
)

// Codes of the findings of [Read]. They are stable: machines match on them.
const (
	codeSize      = "file_size"      // empty, or over a cap
	codeEncoding  = "encoding"       // not UTF-8, or a control character
	codeSyntax    = "syntax"         // not YAML
	codeDocuments = "documents"      // more than one document
	codeYAML      = "yaml_feature"   // anchor, alias, merge key, tag
	codeDepth     = "depth"          // nested too deeply
	codeDuplicate = "duplicate"      // stands twice
	codeUnknown   = "unknown_field"  // not in the schema
	codeEmpty     = "empty"          // nothing where a value belongs
	codeUnquoted  = "unquoted"       // text that YAML takes for something else
	codeType      = "type"           // a list, map or text where another belongs
	codeDuration  = "duration"       // not a number and a unit
	codeRequired  = "required"       // left out
	codeExclusive = "exclusive"      // one of several, and several are there
	codeValue     = "unknown_value"  // not one of the words of the field
	codePattern   = "pattern"        // not written as the field wants it
	codeRange     = "range"          // too small or too large
	codeLength    = "length"         // too short or too long
	codeRule      = "rule"           // another rule of the schema
	codeSchema    = "schema_mistake" // a bug of ours, not of the file
)

// MaxShown is how many findings [Render] prints.
const MaxShown = 50

// A Finding is a mistake in a policy file, or a warning. Message and Text never
// hold what could be a secret.
type Finding struct {
	// File is the name given in [File].
	File string
	// Line and Column are 1-based, Column and Width count characters. They
	// are 0 only where the finding is about no file.
	Line, Column, Width int
	// Path names the field, such as "policies.github.require.mac.encoding" or
	// "routes[0].match"; for something unknown, the field it stands in.
	Path string
	// Code is a stable word for machines.
	Code string
	// Message says what is wrong and, where known, what to write instead.
	Message string
	// Warning says that the file may be used all the same.
	Warning bool
	// Text is the source line, empty if it must not or can't be shown.
	Text string
	// Related are the other places of a finding that has several.
	Related []Place
}

// A Place is a position in a file, both numbers 1-based.
type Place struct {
	File         string
	Line, Column int
}

// Sort orders findings by file, then by position.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int { return compareFindings(&a, &b) })
}

func compareFindings(a, b *Finding) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Message, b.Message),
	)
}

// Mistakes counts the findings that are not warnings.
func Mistakes(findings []Finding) int {
	n := 0
	for i := range findings {
		if !findings[i].Warning {
			n++
		}
	}
	return n
}

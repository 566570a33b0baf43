package document

import (
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
)

// A step is one element of a path: a field, a key of a map or an index.
type step struct {
	name   string
	index  int // -1 for names
	hidden bool
}

func named(name string) step { return step{name: name, index: -1} }

// Join appends the name of a field or of a map entry to a path. A name that is
// not made of letters, digits, "-" and "_" is quoted.
func Join(path, name string) string {
	switch {
	case !simple(name):
		return path + "[" + strconv.Quote(name) + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

func simple(name string) bool {
	for i := range len(name) {
		if !isWordByte(name[i]) && name[i] != '-' && name[i] != '_' {
			return false
		}
	}
	return name != ""
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// format writes steps for people. A key that must not be repeated is "[?]".
func format(steps []step) string {
	var path string
	for _, s := range steps {
		switch {
		case s.index >= 0:
			path += "[" + strconv.Itoa(s.index) + "]"
		case s.hidden:
			path += "[?]"
		default:
			path = Join(path, s.name)
		}
	}
	return path
}

// marker writes steps so that no two paths are alike.
func marker(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(strconv.Itoa(s.index))
		b.WriteString(s.name)
		b.WriteByte(0)
	}
	return b.String()
}

// parsePath reads what [Join] and indices made. What it can't read is dropped
// from the end.
func parsePath(path string) []step {
	var steps []step
	for path != "" {
		switch {
		case strings.HasPrefix(path, `["`):
			quoted, err := strconv.QuotedPrefix(path[1:])
			if err != nil {
				return steps
			}
			name, err := strconv.Unquote(quoted)
			if err != nil {
				return steps
			}
			steps = append(steps, named(name))
			path = strings.TrimPrefix(path[1+len(quoted):], "]")
		case path[0] == '[':
			digits, rest, _ := strings.Cut(path[1:], "]")
			index, err := strconv.Atoi(digits)
			if err != nil || index < 0 {
				return steps
			}
			steps = append(steps, step{index: index})
			path = rest
		default:
			path = strings.TrimPrefix(path, ".")
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			steps = append(steps, named(path[:end]))
			if end == 0 {
				return steps
			}
			path = path[end:]
		}
	}
	return steps
}

// fieldSteps converts the path of a broken rule.
func fieldSteps(path *validate.FieldPath) []step {
	var steps []step
	for _, e := range path.GetElements() {
		steps = append(steps, named(e.GetFieldName()))
		switch e.WhichSubscript() {
		case validate.FieldPathElement_Index_case:
			steps = append(steps, step{index: int(e.GetIndex())}) //nolint:gosec // the index of a list in memory
		case validate.FieldPathElement_StringKey_case:
			steps = append(steps, named(e.GetStringKey()))
		default: // maps of the schema have text as keys
		}
	}
	return steps
}

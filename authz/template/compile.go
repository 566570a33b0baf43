package template

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// The bounds of a template. They are far above what senders need.
const (
	maxParts   = 64 // texts, values and brackets
	maxFilters = 8  // of a value
	maxGrowth  = 12 // times that filters may lengthen a value, which may be a body
	maxGrown   = 24 // times that those of all values may add to the body
	maxGroups  = 8
	maxScans   = 16 // values that each read the body as JSON or as a form
)

// A part is a piece of a compiled template. A group is an opening part, its
// values and texts, and a closing part.
type part struct {
	kind   partKind
	text   string // of a text
	value  *value
	column int
	end    int // of an opening part: the index of its closing part

	// run is set on the first value of a run that text ends and check, on its
	// last, is that text: see ambiguity.go.
	run   bool
	check *separator
}

type partKind uint8

const (
	partText partKind = iota
	partValue
	partOpen
	partClose
)

// mayBeAbsent reports whether p can make its group drop out.
func (p part) mayBeAbsent() bool {
	if p.kind != partValue {
		return false
	}
	switch p.value.source {
	case sourceMethod, sourceURL, sourceOrigin, sourcePath, sourcePathQuery:
		return false
	default:
		return true
	}
}

// A compiler turns a text into parts.
type compiler struct {
	text     string
	options  Options
	base     base
	problems []authz.Problem

	parts  []part
	group  bool            // inside of brackets
	open   int             // the index of the opening part
	before int             // how many problems there were then
	grown  int             // how many more bodies the filters may add
	plain  strings.Builder // text that is not a part yet
	from   int             // where it began
}

func (c *compiler) compile() *Template {
	c.base = parseBase(c.options.PublicURL)
	c.parse()
	if len(c.problems) == 0 {
		c.bounds()
	}
	if len(c.problems) > 0 {
		return nil
	}
	proven := c.separate()
	return &Template{place: c.options.Place, weak: c.options.AcceptWeak, vague: c.options.AcceptAmbiguous, proven: proven, parts: c.parts}
}

// addValue compiles what was parsed. {origin} never differs, so it is text.
func (c *compiler) addValue(ref *reference) {
	v, ok := c.newValue(ref)
	known := c.addFilters(v, ref)
	if !ok || !known {
		return
	}
	if v.source == sourceOrigin {
		text := []byte(v.base)
		for _, f := range v.filters {
			if text, ok = f.append(nil, text); !ok {
				c.problem(ref.nameAt, CodeFilter, "the origin is not in the alphabet of its filter only")
				return
			}
		}
		if c.plain.Len() == 0 {
			c.from = ref.nameAt - 1
		}
		c.plain.Write(text)
		return
	}
	c.endText()
	c.parts = append(c.parts, part{kind: partValue, value: v, column: ref.nameAt - 1})
}

// bounds reports what is too much.
func (c *compiler) bounds() {
	groups, scans := 0, 0
	for _, p := range c.parts {
		switch p.kind {
		case partOpen:
			groups++
		case partValue:
			if p.value.source == sourceJSON || p.value.source == sourceForm {
				scans++
			}
		case partText, partClose:
		}
	}
	switch {
	case len(c.parts) > maxParts:
		c.problem(c.parts[maxParts].column, CodeLimit, "over %d parts", maxParts)
	case groups > maxGroups:
		c.problem(0, CodeLimit, "over %d optional groups", maxGroups)
	case scans > maxScans:
		c.problem(0, CodeLimit, "over %d values that read the body as JSON or as a form", maxScans)
	}
}

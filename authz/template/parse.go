package template

import (
	"slices"
	"strings"
)

// A reference is a value as it is written, before its names are looked up.
type reference struct {
	name, arg     string
	hasArg        bool
	nameAt, argAt int
	filters       []filterReference
}

type filterReference struct {
	name, arg     string
	hasArg        bool
	nameAt, argAt int
}

// parse reads the whole text. After a mistake it goes on behind it.
func (c *compiler) parse() {
	text := c.text
	if text == "" {
		c.problem(0, CodeSyntax, "the template is empty")
	}
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case strings.IndexByte("{}[]", b) >= 0 && i+1 < len(text) && text[i+1] == b:
			c.literal(i, b)
			i += 2
		case b == '{':
			i = c.parseValue(i)
		case b == '}':
			c.problem(i, CodeSyntax, "this } closes nothing; write }} for the character itself")
			i++
		case b == '[':
			c.openGroup(i)
			i++
		case b == ']':
			c.closeGroup(i)
			i++
		default:
			c.literal(i, b)
			i++
		}
	}
	c.endText()
	if c.group {
		c.problem(c.parts[c.open].column, CodeSyntax, "this [ is never closed; write [[ for the character itself")
	}
}

// literal adds a byte of text. An upstream header takes printable ASCII only.
func (c *compiler) literal(at int, b byte) {
	if c.plain.Len() == 0 {
		c.from = at
	}
	if c.options.Place == PlaceUpstream && (b < ' ' || b > '~') {
		c.problem(at, CodeSyntax, "a header's value is printable ASCII")
	}
	c.plain.WriteByte(b)
}

// endText makes a part of the text so far.
func (c *compiler) endText() {
	if c.plain.Len() > 0 {
		c.parts = append(c.parts, part{kind: partText, text: c.plain.String(), column: c.from})
		c.plain.Reset()
	}
}

func (c *compiler) openGroup(at int) {
	if c.group {
		c.problem(at, CodeSyntax, "optional groups can't be nested; write [[ for the character itself")
		return
	}
	c.endText()
	c.group, c.open, c.before = true, len(c.parts), len(c.problems)
	c.parts = append(c.parts, part{kind: partOpen, column: at})
}

func (c *compiler) closeGroup(at int) {
	if !c.group {
		c.problem(at, CodeSyntax, "this ] closes nothing; write ]] for the character itself")
		return
	}
	c.endText()
	c.group = false
	if len(c.problems) == c.before && !slices.ContainsFunc(c.parts[c.open:], part.mayBeAbsent) {
		c.problem(c.parts[c.open].column, CodeSyntax, "nothing in this group can be absent, so it is not optional; write [[ for the character itself")
	}
	c.parts[c.open].end = len(c.parts)
	c.parts = append(c.parts, part{kind: partClose, column: at})
}

// parseValue reads {name:argument|filter:argument} at i and returns the index
// behind it.
func (c *compiler) parseValue(i int) int {
	open := i
	ref := reference{nameAt: i + 1}
	for piece := 0; ; piece++ {
		var word filterReference
		var ok bool
		word, i, ok = c.parseWord(i + 1)
		if !ok {
			return i
		}
		if i == len(c.text) {
			c.problem(open, CodeSyntax, "this { is never closed; write {{ for the character itself")
			return i
		}
		if piece == 0 {
			ref = reference{name: word.name, arg: word.arg, hasArg: word.hasArg, nameAt: word.nameAt, argAt: word.argAt}
		} else {
			ref.filters = append(ref.filters, word)
		}
		if c.text[i] == '}' {
			break
		}
	}
	c.addValue(&ref)
	return i + 1
}

// parseWord reads name:argument from i up to a | or }, whose index it returns,
// or up to the end of the text.
func (c *compiler) parseWord(i int) (word filterReference, end int, ok bool) {
	word.nameAt = i
	for i < len(c.text) && strings.IndexByte(":|}{", c.text[i]) < 0 {
		i++
	}
	word.name = c.text[word.nameAt:i]
	if i < len(c.text) && c.text[i] == '{' {
		c.problem(word.nameAt-1, CodeSyntax, "this { is not closed before the next one; write {{ for the character itself")
		return word, i, false
	}
	if i == len(c.text) || c.text[i] != ':' {
		return word, i, true
	}

	i++
	word.hasArg, word.argAt = true, i
	var arg strings.Builder
	for ; i < len(c.text) && c.text[i] != '|' && c.text[i] != '}'; i++ {
		b := c.text[i]
		switch {
		case b == '\\' && i+1 < len(c.text) && strings.IndexByte(`|}{\`, c.text[i+1]) >= 0:
			i++
			b = c.text[i]
		case b == '\\':
			c.problem(i, CodeSyntax, `in an argument write \\ for a backslash, \| and \} for | and }`)
		case b == '{':
			c.problem(i, CodeSyntax, `a { in an argument: is a } missing before it? write \{ for the character itself`)
			return word, i, false
		case b < ' ' || b == 0x7f:
			c.problem(i, CodeSyntax, "a control character in an argument")
		}
		arg.WriteByte(b)
	}
	word.arg = arg.String()
	return word, i, true
}

package jose

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may stand in one another. Tokens have
// two or three levels.
const maxDepth = 16

// A kind is what a JSON value is.
type kind uint8

const (
	kindString kind = iota + 1
	kindNumber
	kindTrue
	kindFalse
	kindNull
	kindObject
	kindArray
)

// A value is a part of a JSON text whose grammar was checked.
type value struct {
	kind kind
	// raw is the part of the text, without white space around it.
	raw string
}

// text returns what a string says, false for other values.
func (v value) text() (string, bool) {
	if v.kind != kindString {
		return "", false
	}
	return unquote(v.raw), true
}

type member struct {
	name  string
	value value
}

// An object is what the top level of a JSON text holds.
type object struct{ members []member }

// get returns the member of that name. Names in an object are few, and unlike a
// map the list costs one allocation.
func (o *object) get(name string) (value, bool) {
	for i := range o.members {
		if o.members[i].name == name {
			return o.members[i].value, true
		}
	}
	return value{}, false
}

// parseObject reads text as one JSON object (RFC 8259) and nothing else. It takes
// time in proportion to the text and refuses what decoders read differently:
// invalid UTF-8, half of a surrogate pair, a name twice in one object at any
// depth, and at the top level names that differ in case only, or that differ in
// case only from one of registered. Errors name no content.
func parseObject(text string, registered []string) (object, error) {
	if !utf8.ValidString(text) {
		return object{}, errors.New("not valid UTF-8")
	}
	s := scanner{text: text}
	s.space()
	if s.peek() != '{' {
		return object{}, errors.New("not a JSON object")
	}
	o := object{members: make([]member, 0, 12)}
	err := s.object(0, func(m member) error {
		o.members = append(o.members, m)
		return nil
	})
	if err != nil {
		return object{}, err
	}
	s.space()
	if s.at != len(text) {
		return object{}, errors.New("bytes after the JSON object")
	}
	return o, o.distinct(registered)
}

// distinct refuses names that a decoder which ignores case would confuse.
func (o *object) distinct(registered []string) error {
	var folded names
	for i := range o.members {
		name := o.members[i].name
		for _, r := range registered {
			if name != r && strings.EqualFold(name, r) {
				return fmt.Errorf("a name that differs from %q in case only", r)
			}
		}
		if !folded.add(fold(name)) {
			return errors.New("two names that differ in case only")
		}
	}
	return nil
}

// fold returns the same text for all that strings.EqualFold holds for equal. A
// name in lower case is returned as it is.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return unicode.ToLower(r)
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		if least < utf8.RuneSelf {
			return unicode.ToLower(least)
		}
		return least
	}, name)
}

// names is a set. It is built for the few names of an object, and takes time in
// proportion for any number.
type names struct {
	few  [12]string
	n    int
	many map[string]struct{}
}

// add returns false if name is there already.
func (s *names) add(name string) bool {
	if s.many != nil {
		before := len(s.many)
		s.many[name] = struct{}{}
		return len(s.many) > before
	}
	for i := range s.n {
		if s.few[i] == name {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	s.many = make(map[string]struct{}, 4*len(s.few))
	for _, old := range s.few {
		s.many[old] = struct{}{}
	}
	s.many[name] = struct{}{}
	return true
}

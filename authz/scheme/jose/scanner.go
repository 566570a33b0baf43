package jose

import (
	"errors"
	"fmt"
	"strings"
)

// A scanner walks over a JSON text once, from left to right.
type scanner struct {
	text string
	at   int
	// checked says that no name stands twice in an object of the text, which
	// takes most of the time to find out.
	checked bool
}

var errEnd = errors.New("JSON ends too early")

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end. A byte 0 is no JSON outside strings
// and none inside either.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) unexpected() error {
	if s.at >= len(s.text) {
		return errEnd
	}
	return fmt.Errorf("byte %d is no JSON", s.at)
}

// value reads one value that stands depth levels deep.
func (s *scanner) value(depth int) (value, error) {
	start := s.at
	var k kind
	var err error
	switch c := s.peek(); {
	case c == '{':
		k, err = kindObject, s.object(depth, nil)
	case c == '[':
		k, err = kindArray, s.array(depth, nil)
	case c == '"':
		k, err = kindString, s.string()
	case c == '-' || isDigit(c):
		k, err = kindNumber, s.number()
	case c == 't':
		k, err = kindTrue, s.word("true")
	case c == 'f':
		k, err = kindFalse, s.word("false")
	case c == 'n':
		k, err = kindNull, s.word("null")
	default:
		err = s.unexpected()
	}
	if err != nil {
		return value{}, err
	}
	return value{kind: k, raw: s.text[start:s.at]}, nil
}

// object reads an object and hands each member to found, if not nil.
func (s *scanner) object(depth int, found func(member) error) error {
	if depth >= maxDepth {
		return fmt.Errorf("nested over %d levels", maxDepth)
	}
	s.at++
	s.space()
	if s.take('}') {
		return nil
	}
	var seen names
	for {
		start := s.at
		if s.peek() != '"' {
			return s.unexpected()
		}
		if err := s.string(); err != nil {
			return err
		}
		name := ""
		if !s.checked || found != nil {
			name = unquote(s.text[start:s.at])
		}
		if !s.checked && !seen.add(name) {
			return errors.New("a name twice in one object")
		}
		s.space()
		if !s.take(':') {
			return s.unexpected()
		}
		s.space()
		v, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		if found != nil {
			if err := found(member{name: name, value: v}); err != nil {
				return err
			}
		}
		s.space()
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.unexpected()
		}
		s.space()
	}
}

// array reads an array and hands each element to found, if not nil.
func (s *scanner) array(depth int, found func(value) error) error {
	if depth >= maxDepth {
		return fmt.Errorf("nested over %d levels", maxDepth)
	}
	s.at++
	s.space()
	if s.take(']') {
		return nil
	}
	for {
		v, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		if found != nil {
			if err := found(v); err != nil {
				return err
			}
		}
		s.space()
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.unexpected()
		}
		s.space()
	}
}

// elements calls found for each element of an array whose grammar was checked.
func (v value) elements(found func(value) error) error {
	s := scanner{text: v.raw, checked: true}
	return s.array(0, found)
}

func (s *scanner) word(word string) error {
	if !strings.HasPrefix(s.text[s.at:], word) {
		return s.unexpected()
	}
	s.at += len(word)
	return nil
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return s.unexpected()
	}
	if s.take('.') && !s.digits() {
		return s.unexpected()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return s.unexpected()
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

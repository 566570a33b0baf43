package jose

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Found is what stands at a place in a JSON text.
type Found struct {
	// There says that something stands there, IsText that it is a string, and
	// Text what that says.
	There  bool
	IsText bool
	Text   string
	// Alone says that nothing else stands in the text: on the way there every
	// object has one member, and there is no array.
	Alone bool
}

// FindText looks up what stands in text, one JSON value (RFC 8259), at pointer:
// names of objects, or indexes of arrays, from the outermost to the innermost. It
// takes time in proportion to the text for each of them.
//
// It refuses what decoders read differently: bytes behind the value, invalid
// UTF-8, half of a surrogate pair, a name twice in one object at any depth, and on
// the way a name that differs from the pointer's in case only. Nested over 16
// levels the text is refused too. Errors name no content.
func FindText(text string, pointer []string) (Found, error) {
	if !utf8.ValidString(text) {
		return Found{}, errors.New("not valid UTF-8")
	}
	s := scanner{text: text}
	s.space()
	at, err := s.value(0)
	if err != nil {
		return Found{}, err
	}
	s.space()
	if s.at != len(text) {
		return Found{}, errors.New("bytes after the JSON value")
	}
	f := Found{Alone: true}
	for _, name := range pointer {
		switch at.kind {
		case kindObject:
			at, f.There, err = f.member(at, name)
		case kindArray:
			at, f.There = at.element(name)
			f.Alone = false
		default:
			f.There = false
		}
		if err != nil {
			return Found{}, err
		}
		if !f.There {
			return Found{}, nil
		}
	}
	f.Text, f.IsText = at.text()
	f.There = true
	return f, nil
}

// member returns the member of that name of an object whose grammar was checked.
func (f *Found) member(in value, name string) (found value, there bool, err error) {
	count := 0
	s := scanner{text: in.raw, checked: true}
	err = s.object(0, func(m member) error {
		count++
		switch {
		case m.name == name:
			found, there = m.value, true
		case strings.EqualFold(m.name, name):
			return errors.New("a name on the way that differs in case only")
		}
		return nil
	})
	f.Alone = f.Alone && count == 1
	return found, there, err
}

// element returns the element that name is the index of, as RFC 6901, section 4,
// writes it: without leading zeros.
func (v value) element(name string) (found value, there bool) {
	wanted, err := strconv.Atoi(name)
	if err != nil || strconv.Itoa(wanted) != name {
		return value{}, false
	}
	at := 0
	_ = v.elements(func(e value) error {
		if at == wanted {
			found, there = e, true
		}
		at++
		return nil
	})
	return found, there
}

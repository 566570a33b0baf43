package template

import "bytes"

// A separator is a text that ends a value. It does so only if it can't be found
// in value and separator before the value's end.
type separator struct {
	label string // of the value
	text  []byte
	// overlaps are the lengths of the beginnings of text with which a value may
	// not end: text would then be found early, half in the value and half in
	// itself. "--" overlaps "-", and "aba" overlaps "ab".
	overlaps []int
}

func newSeparator(label, text string) *separator {
	s := &separator{label: label, text: []byte(text)}
	for n := 1; n < len(text); n++ {
		if text[n:] == text[:len(text)-n] {
			s.overlaps = append(s.overlaps, n)
		}
	}
	return s
}

// clear reports whether value, followed by the separator, ends where the
// separator is first found.
func (s *separator) clear(value []byte) bool {
	if bytes.Contains(value, s.text) {
		return false
	}
	for _, n := range s.overlaps {
		if bytes.HasSuffix(value, s.text[:n]) {
			return false
		}
	}
	return true
}

package authz

import "strings"

// A Field is one header line. Name is lower case; Value is untrusted.
type Field struct{ Name, Value string }

// Header is the request's header lines in the order received.
//
// Two gateways show them differently. Faithfully, each line is a Field of its
// own. Merged, repeated lines arrive joined by "," and bytes that are not UTF-8
// were replaced by "!": see [Header.Merged].
type Header struct {
	Fields []Field
	// Merged says that the gateway joined repeated lines and replaced bytes
	// that are not UTF-8, so a value may not be what the sender sent.
	Merged bool
}

// Presence says how often a value stands in a request.
type Presence uint8

// The presences. Only [One] gives a value that may be used.
const (
	None Presence = iota
	One
	Many
)

// Get returns the value of a header that may stand only once. An empty value
// counts as none. In a merged header a comma that has no space after it may be
// the seam of two lines and counts as [Many]; name is lower case.
func (h *Header) Get(name string) (string, Presence) {
	value, presence := h.Line(name)
	if presence == One && h.Merged && hasSeam(value) {
		return "", Many
	}
	return value, presence
}

// Line is [Header.Get] for a header whose grammar uses commas itself: a merged
// value is returned as it is.
func (h *Header) Line(name string) (string, Presence) {
	var value string
	presence := None
	for i := range h.Fields {
		if h.Fields[i].Name != name {
			continue
		}
		if presence != None {
			return "", Many
		}
		value, presence = h.Fields[i].Value, One
	}
	if value == "" && presence == One {
		return "", None
	}
	return value, presence
}

// Has reports whether the header is there at all, empty or not.
func (h *Header) Has(name string) bool {
	for i := range h.Fields {
		if h.Fields[i].Name == name {
			return true
		}
	}
	return false
}

// Altered reports whether value, taken from h, may differ from what the sender
// sent because the gateway replaced bytes in it.
func (h *Header) Altered(value string) bool {
	return h.Merged && (strings.Contains(value, "!") || strings.Contains(value, "\uFFFD"))
}

// hasSeam reports whether a merged value may be two lines: gateways join with a
// bare comma, people write one with a space after it.
func hasSeam(value string) bool {
	for i := 0; i < len(value); i++ {
		if value[i] == ',' && (i+1 == len(value) || value[i+1] != ' ') {
			return true
		}
	}
	return false
}

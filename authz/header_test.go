package authz_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

func lines(values ...string) []authz.Field {
	fields := []authz.Field{{Name: "other", Value: "o"}}
	for _, value := range values {
		fields = append(fields, authz.Field{Name: "x-key", Value: value}, authz.Field{Name: "x-key2", Value: "no"})
	}
	return fields
}

func TestHeader(t *testing.T) {
	const none, one, many = authz.None, authz.One, authz.Many
	tests := []struct {
		name   string
		values []string
		merged bool
		get    authz.Presence
		line   authz.Presence
		value  string // where One
		has    bool
	}{
		{name: "not there", get: none, line: none},
		{name: "empty", values: []string{""}, get: none, line: none, has: true},
		{name: "one", values: []string{"v"}, get: one, line: one, value: "v", has: true},
		{name: "blanks are kept", values: []string{" v "}, get: one, line: one, value: " v ", has: true},
		{name: "comma, faithful", values: []string{"a,b"}, get: one, line: one, value: "a,b", has: true},
		{name: "twice the same", values: []string{"v", "v"}, get: many, line: many, has: true},
		{name: "empty, then one", values: []string{"", "v"}, get: many, line: many, has: true},
		{name: "one, then empty", values: []string{"v", ""}, get: many, line: many, has: true},
		{name: "twice empty", values: []string{"", ""}, get: many, line: many, has: true},
		{name: "three", values: []string{"a", "b", "c"}, get: many, line: many, has: true},
		{name: "merged: one", values: []string{"v"}, merged: true, get: one, line: one, value: "v", has: true},
		{name: "merged: empty", values: []string{""}, merged: true, get: none, line: none, has: true},
		{name: "merged: seam", values: []string{"a,b"}, merged: true, get: many, line: one, value: "a,b", has: true},
		{name: "merged: seam after an empty line", values: []string{",b"}, merged: true, get: many, line: one, value: ",b", has: true},
		{name: "merged: seam before an empty line", values: []string{"a,"}, merged: true, get: many, line: one, value: "a,", has: true},
		{name: "merged: two empty lines", values: []string{","}, merged: true, get: many, line: one, value: ",", has: true},
		{name: "merged: comma and space are one line's own", values: []string{"a, b"}, merged: true, get: one, line: one, value: "a, b", has: true},
		{name: "merged: seam after a list", values: []string{"a, b,c"}, merged: true, get: many, line: one, value: "a, b,c", has: true},
		{name: "merged: comma and tab", values: []string{"a,\tb"}, merged: true, get: many, line: one, value: "a,\tb", has: true},
		{name: "merged: two fields all the same", values: []string{"a", "b"}, merged: true, get: many, line: many, has: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &authz.Header{Fields: lines(tt.values...), Merged: tt.merged}
			check := func(what, value string, got, want authz.Presence) {
				wanted := ""
				if want == one {
					wanted = tt.value
				}
				if got != want || value != wanted {
					t.Errorf("%s() = %q, %d, want %q, %d", what, value, got, wanted, want)
				}
			}
			value, presence := h.Get("x-key")
			check("Get", value, presence, tt.get)
			value, presence = h.Line("x-key")
			check("Line", value, presence, tt.line)
			if h.Has("x-key") != tt.has {
				t.Errorf("Has() = %v, want %v", h.Has("x-key"), tt.has)
			}
		})
	}
}

func TestHeaderAltered(t *testing.T) {
	tests := []struct {
		value  string
		merged bool
		want   bool
	}{
		{value: "plain", merged: true},
		{value: "a!", merged: true, want: true},
		{value: "a\uFFFD", merged: true, want: true},
		{value: "a!", want: false},
		{value: "a\uFFFD", want: false},
	}
	for _, tt := range tests {
		h := &authz.Header{Merged: tt.merged}
		if got := h.Altered(tt.value); got != tt.want {
			t.Errorf("Altered(%q), merged %v, = %v, want %v", tt.value, tt.merged, got, tt.want)
		}
	}
}

// FuzzHeaderGet: whatever lines came, merged or not, Get gives a value only if
// exactly one line was sent, and then that line.
func FuzzHeaderGet(f *testing.F) {
	f.Add("v", "", true, false)
	f.Add("a", "b", true, true)
	f.Add("a, b", "", false, true)
	f.Fuzz(func(t *testing.T, first, second string, two, merged bool) {
		// As HTTP parsers hand lines on: without blanks around them.
		sent := []string{strings.Trim(first, " \t")}
		if two {
			sent = append(sent, strings.Trim(second, " \t"))
		}
		h := &authz.Header{Merged: merged}
		if merged {
			h.Fields = []authz.Field{{Name: "x", Value: strings.Join(sent, ",")}}
		} else {
			for _, value := range sent {
				h.Fields = append(h.Fields, authz.Field{Name: "x", Value: value})
			}
		}
		value, presence := h.Get("x")
		switch {
		case presence != authz.One && value != "":
			t.Errorf("Get(%q) = %q, %d: a value that may not be used", sent, value, presence)
		case presence == authz.One && (two || value != sent[0] || value == ""):
			t.Errorf("Get(%q), merged %v, = %q", sent, merged, value)
		case presence == authz.None && (two || sent[0] != ""):
			t.Errorf("Get(%q), merged %v, says none", sent, merged)
		case !two && !merged && sent[0] != "" && presence != authz.One:
			t.Errorf("Get(%q) = %d, want one", sent, presence)
		}
	})
}

package scheme_test

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A digest of the body that equals a claim binds the body to the token.
func TestBindBodyByClaim(t *testing.T) {
	const digest = "{body|sha256|hex}"
	tests := []struct {
		name string
		list []scheme.Assertion
		want bool
	}{
		{name: "none"},
		{name: "digest", list: []scheme.Assertion{{Value: "{claim:hash}", Equals: digest}}, want: true},
		{name: "the other way round", list: []scheme.Assertion{{Value: digest, Equals: "{claim:hash}"}}, want: true},
		{name: "second", list: []scheme.Assertion{{Value: "{claim:sub}", OneOf: []string{"a"}}, {Value: "{claim:hash}", Equals: digest}}, want: true},
		{name: "prefix", list: []scheme.Assertion{{Value: "{claim:hash}", Equals: "sha256:" + digest}}, want: true},
		{name: "in small letters", list: []scheme.Assertion{{Value: "{claim:hash|lower}", Equals: digest}}, want: true},
		{name: "the body itself", list: []scheme.Assertion{{Value: "{claim:body}", Equals: "{body}"}}, want: true},
		{name: "weak digest", list: []scheme.Assertion{{Value: "{claim:hash}", Equals: "{body|md5|hex}"}}},
		{name: "checksum", list: []scheme.Assertion{{Value: "{claim:hash}", Equals: "{body|crc32}"}}},
		{name: "header", list: []scheme.Assertion{{Value: "{header:Digest}", Equals: digest}}},
		{name: "one of", list: []scheme.Assertion{{Value: digest, OneOf: []string{"00"}}}},
		{name: "a field of the body", list: []scheme.Assertion{{Value: "{claim:id}", Equals: "{json:/id}"}}},
		{name: "optional claim", list: []scheme.Assertion{{Value: "[{claim:hash}]", Equals: digest}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assertions, problems := scheme.NewAssertions(tt.list, template.Options{Claims: true})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if got := assertions.BindBodyByClaim(); got != tt.want {
				t.Errorf("BindBodyByClaim() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestClockWindow(t *testing.T) {
	minute, none := time.Minute, time.Duration(0)
	for name, tt := range map[string]struct {
		from scheme.Timestamp
		want time.Duration
	}{
		"default":    {scheme.Timestamp{}, 600 * time.Second},
		"past":       {scheme.Timestamp{Tolerance: &minute}, 2 * time.Minute},
		"both sides": {scheme.Timestamp{Tolerance: &minute, FutureTolerance: &none}, time.Minute},
		"unchecked":  {scheme.Timestamp{Unchecked: true}, 0},
	} {
		tt.from.Value, tt.from.Unit = "{header:X-Time}", "seconds"
		clock, problems := scheme.NewClock(tt.from, template.Options{})
		if len(problems) > 0 || clock.Window() != tt.want {
			t.Errorf("%s: Window() = %v, %v, want %v", name, clock.Window(), problems, tt.want)
		}
	}
}

func TestAppendSized(t *testing.T) {
	for text, want := range map[string]string{
		"00": "", "0001": "\x00\x01", "000102": "\x00\x01\x02", "00010203": "", "000": "", "00010": "",
	} {
		got, ok := scheme.Hex.AppendSized([]byte("x"), text, 2, 3)
		if ok != (want != "") || string(got) != "x"+want {
			t.Errorf("AppendSized(%q) = %q, %v, want %q", text, got, ok, want)
		}
	}
}

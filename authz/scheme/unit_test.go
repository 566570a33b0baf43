package scheme_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/scheme"
)

func TestUnitParse(t *testing.T) {
	moment := time.Date(2021, time.February, 25, 15, 42, 10, 0, time.UTC) // 1614267730
	tests := []struct {
		name string
		unit scheme.Unit
		text string
		want time.Time // zero: refused
	}{
		{name: "seconds", unit: scheme.Seconds, text: "1614267730", want: moment},
		{name: "seconds with sign", unit: scheme.Seconds, text: "+1614267730"},
		{name: "nine digits and a sign", unit: scheme.Seconds, text: "+161426773"},
		{name: "seconds negative", unit: scheme.Seconds, text: "-161426773"},
		{name: "seconds with leading zero", unit: scheme.Seconds, text: "01614267730"},
		{name: "ten digits with leading zero", unit: scheme.Seconds, text: "0614267730"},
		{name: "seconds as float", unit: scheme.Seconds, text: "1614267730.0"},
		{name: "seconds as exponent", unit: scheme.Seconds, text: "1.61426e09"},
		{name: "seconds with blanks", unit: scheme.Seconds, text: " 1614267730"},
		{name: "milliseconds for seconds", unit: scheme.Seconds, text: "1614267730000"},
		{name: "separators", unit: scheme.Seconds, text: "1_614_267_7"},
		{name: "other digits", unit: scheme.Seconds, text: "\u0661614267730"},
		{name: "empty", unit: scheme.Seconds, text: ""},

		{name: "milliseconds", unit: scheme.Milliseconds, text: "1614267730123", want: moment.Add(123 * time.Millisecond)},
		{name: "seconds for milliseconds", unit: scheme.Milliseconds, text: "1614267730"},
		{name: "milliseconds with leading zero", unit: scheme.Milliseconds, text: "0614267730123"},
		{name: "milliseconds with sign", unit: scheme.Milliseconds, text: "+614267730123"},
		{name: "overflow", unit: scheme.Milliseconds, text: strings.Repeat("9", 30)},

		{name: "rfc3339", unit: scheme.RFC3339, text: "2021-02-25T15:42:10Z", want: moment},
		{name: "rfc3339 with fraction", unit: scheme.RFC3339, text: "2021-02-25T15:42:10.634234626Z", want: moment.Add(634234626)},
		{name: "rfc3339 with a zero in the fraction", unit: scheme.RFC3339, text: "2021-02-25T15:42:10.50Z", want: moment.Add(500 * time.Millisecond)},
		{name: "rfc3339 east", unit: scheme.RFC3339, text: "2021-02-25T17:12:10+01:30", want: moment},
		{name: "rfc3339 west", unit: scheme.RFC3339, text: "2021-02-25T07:42:10-08:00", want: moment},
		{name: "rfc3339 zero offset", unit: scheme.RFC3339, text: "2021-02-25T15:42:10+00:00", want: moment},
		{name: "leap day", unit: scheme.RFC3339, text: "2020-02-29T00:00:00Z", want: time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC)},
		{name: "unknown offset", unit: scheme.RFC3339, text: "2021-02-25T15:42:10-00:00"},
		{name: "lower-case t", unit: scheme.RFC3339, text: "2021-02-25t15:42:10Z"},
		{name: "lower-case z", unit: scheme.RFC3339, text: "2021-02-25T15:42:10z"},
		{name: "space for T", unit: scheme.RFC3339, text: "2021-02-25 15:42:10Z"},
		{name: "no zone", unit: scheme.RFC3339, text: "2021-02-25T15:42:10"},
		{name: "no zone after the fraction", unit: scheme.RFC3339, text: "2021-02-25T15:42:10.1"},
		{name: "offset without colon", unit: scheme.RFC3339, text: "2021-02-25T15:42:10+0130"},
		{name: "offset out of range", unit: scheme.RFC3339, text: "2021-02-25T15:42:10+24:00"},
		{name: "comma for the point", unit: scheme.RFC3339, text: "2021-02-25T15:42:10,5Z"},
		{name: "point without digits", unit: scheme.RFC3339, text: "2021-02-25T15:42:10.Z"},
		{name: "ten digits of fraction", unit: scheme.RFC3339, text: "2021-02-25T15:42:10.1234567890Z"},
		{name: "hour of one digit", unit: scheme.RFC3339, text: "2021-02-25T5:42:10Z"},
		{name: "no such day", unit: scheme.RFC3339, text: "2021-02-29T15:42:10Z"},
		{name: "day 0", unit: scheme.RFC3339, text: "2021-02-00T15:42:10Z"},
		{name: "month 13", unit: scheme.RFC3339, text: "2021-13-25T15:42:10Z"},
		{name: "hour 24", unit: scheme.RFC3339, text: "2021-02-25T24:00:00Z"},
		{name: "leap second", unit: scheme.RFC3339, text: "2016-12-31T23:59:60Z"},
		{name: "text after the zone", unit: scheme.RFC3339, text: "2021-02-25T15:42:10Z "},
		{name: "seconds for rfc3339", unit: scheme.RFC3339, text: "1614267730"},

		{name: "http-date", unit: scheme.HTTPDate, text: "Thu, 25 Feb 2021 15:42:10 GMT", want: moment},
		{name: "wrong day of the week", unit: scheme.HTTPDate, text: "Fri, 25 Feb 2021 15:42:10 GMT"},
		{name: "lower-case month", unit: scheme.HTTPDate, text: "Thu, 25 feb 2021 15:42:10 GMT"},
		{name: "UTC for GMT", unit: scheme.HTTPDate, text: "Thu, 25 Feb 2021 15:42:10 UTC"},
		{name: "without comma", unit: scheme.HTTPDate, text: "Thu 25 Feb 2021 15:42:10 GMT"},
		{name: "rfc850-date", unit: scheme.HTTPDate, text: "Thursday, 25-Feb-21 15:42:10 GMT"},
		{name: "asctime-date", unit: scheme.HTTPDate, text: "Thu Feb 25 15:42:10 2021"},
		{name: "day of one digit", unit: scheme.HTTPDate, text: "Thu,  4 Feb 2021 15:42:10 GMT"},

		{name: "zero unit", text: "1614267730"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.unit.Parse(tt.text)
			if !got.Equal(tt.want) || ok == tt.want.IsZero() {
				t.Errorf("Parse(%q) = %v, %v, want %v", tt.text, got, ok, tt.want)
			}
		})
	}
}

// FuzzUnit looks for two spellings of one time.
func FuzzUnit(f *testing.F) {
	f.Add("1614267730")
	f.Add("1614267730123")
	f.Add("2021-02-25T15:42:10.50-08:00")
	f.Add("2021-02-25T15:42:10+00:00")
	f.Add("0000-01-01T00:00:00Z")
	f.Add("Thu, 25 Feb 2021 15:42:10 GMT")
	f.Fuzz(func(t *testing.T, text string) {
		for _, unit := range []scheme.Unit{scheme.Seconds, scheme.Milliseconds, scheme.RFC3339, scheme.HTTPDate} {
			got, ok := unit.Parse(text)
			if !ok {
				if !got.IsZero() {
					t.Errorf("unit %d: %q is refused and gives %v", unit, text, got)
				}
				continue
			}
			if again := format(unit, got, text); again != text {
				t.Errorf("unit %d: %q is %v, which is written %q", unit, text, got, again)
			}
		}
	})
}

// format writes moment with the fraction and the zone that text has.
func format(unit scheme.Unit, moment time.Time, text string) string {
	switch unit {
	case scheme.Seconds:
		return fmt.Sprint(moment.Unix())
	case scheme.Milliseconds:
		return fmt.Sprint(moment.UnixMilli())
	case scheme.HTTPDate:
		return moment.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	default:
	}
	layout := "2006-01-02T15:04:05"
	zone := strings.TrimLeft(text[len(layout):], ".0123456789")
	if count := len(text) - len(layout) - len(zone); count > 0 {
		layout += "." + strings.Repeat("0", count-1)
	}
	if zone == "Z" {
		return moment.Format(layout + "Z")
	}
	offset, err := time.Parse("-07:00", zone)
	if err != nil {
		return err.Error()
	}
	return moment.In(offset.Location()).Format(layout + "-07:00")
}

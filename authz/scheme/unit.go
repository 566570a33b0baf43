package scheme

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A Unit is how a time is written. Each has one spelling for a time, so that
// what was signed can't be respelt. Its zero value parses nothing.
type Unit uint8

// The units.
const (
	unitNone Unit = iota
	// Seconds since 1970: ten digits, the first not 0 (2001 to 2286).
	Seconds
	// Milliseconds since 1970: thirteen digits, the first not 0.
	Milliseconds
	// RFC3339 is a date-time of RFC 3339 with upper-case T and Z, a fraction of
	// one to nine digits or none, and a zone that is Z or a known offset.
	RFC3339
	// HTTPDate is the IMF-fixdate of RFC 9110, section 5.6.7.
	HTTPDate
)

// ParseUnit returns the unit that policy files call name.
func ParseUnit(name string) (Unit, []authz.Problem) {
	switch name {
	case "seconds":
		return Seconds, nil
	case "milliseconds":
		return Milliseconds, nil
	case "rfc3339":
		return RFC3339, nil
	case "http-date":
		return HTTPDate, nil
	}
	return unitNone, mistake("", "unknown unit, want seconds, milliseconds, rfc3339 or http-date")
}

// Parse returns the time that text writes, in UTC. It reports false if text is
// not exactly one of the unit's spellings.
func (u Unit) Parse(text string) (time.Time, bool) {
	switch u {
	case Seconds:
		if n, ok := digits(text, 10); ok && text[0] != '0' {
			return time.Unix(n, 0).UTC(), true
		}
	case Milliseconds:
		if n, ok := digits(text, 13); ok && text[0] != '0' {
			return time.UnixMilli(n).UTC(), true
		}
	case RFC3339:
		return parseRFC3339(text)
	case HTTPDate:
		return parseHTTPDate(text)
	case unitNone:
	}
	return time.Time{}, false
}

// digits reads text if it is exactly count digits, at most 18.
func digits(text string, count int) (int64, bool) {
	if len(text) != count {
		return 0, false
	}
	var n int64
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(text[i]-'0')
	}
	return n, true
}

// lengthRFC3339 is that of "2006-01-02T15:04:05".
const lengthRFC3339 = 19

// parseRFC3339 does not use [time.Parse], which takes a comma for the point and
// hours without their zero, and allocates a zone.
func parseRFC3339(text string) (time.Time, bool) {
	if len(text) <= lengthRFC3339 {
		return time.Time{}, false
	}
	date, rest := text[:lengthRFC3339], text[lengthRFC3339:]
	if date[4] != '-' || date[7] != '-' || date[10] != 'T' || date[13] != ':' || date[16] != ':' {
		return time.Time{}, false
	}
	year, ok1 := digits(date[0:4], 4)
	month, ok2 := digits(date[5:7], 2)
	day, ok3 := digits(date[8:10], 2)
	hour, ok4 := digits(date[11:13], 2)
	minute, ok5 := digits(date[14:16], 2)
	second, ok6 := digits(date[17:19], 2)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 {
		return time.Time{}, false
	}
	nanoseconds, rest, ok := fraction(rest)
	if !ok {
		return time.Time{}, false
	}
	offset, ok := zone(rest)
	if !ok || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(int(year), time.Month(month), int(day), int(hour), int(minute), int(second), int(nanoseconds), time.UTC)
	if int64(t.Month()) != month || int64(t.Day()) != day { // such as 30 February
		return time.Time{}, false
	}
	return t.Add(-offset), true
}

// fraction reads ".123" off the start of text, in nanoseconds.
func fraction(text string) (nanoseconds int64, rest string, ok bool) {
	if text == "" || text[0] != '.' {
		return 0, text, true
	}
	end := 1
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	count := end - 1
	if count < 1 || count > 9 {
		return 0, "", false
	}
	n, ok := digits(text[1:end], count)
	for ; count < 9; count++ {
		n *= 10
	}
	return n, text[end:], ok
}

// zone reads "Z" or "+02:00". "-00:00" is refused: it says that the zone is not
// known (RFC 3339, section 4.3).
func zone(text string) (time.Duration, bool) {
	if text == "Z" {
		return 0, true
	}
	if len(text) != len("+02:00") || (text[0] != '+' && text[0] != '-') || text[3] != ':' || text == "-00:00" {
		return 0, false
	}
	hours, ok1 := digits(text[1:3], 2)
	minutes, ok2 := digits(text[4:6], 2)
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return 0, false
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if text[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// layoutHTTP is net/http's TimeFormat, without the package.
const layoutHTTP = "Mon, 02 Jan 2006 15:04:05 GMT"

// parseHTTPDate formats what it parsed again, because [time.Parse] takes other
// cases and a wrong day of the week.
func parseHTTPDate(text string) (time.Time, bool) {
	if len(text) != len(layoutHTTP) {
		return time.Time{}, false
	}
	t, err := time.Parse(layoutHTTP, text)
	if err != nil {
		return time.Time{}, false
	}
	var again [len(layoutHTTP)]byte
	if string(t.AppendFormat(again[:0], layoutHTTP)) != text {
		return time.Time{}, false
	}
	return t.UTC(), true
}

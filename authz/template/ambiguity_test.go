package template_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

func TestAmbiguousAtLoad(t *testing.T) {
	tests := []struct {
		name string
		text string
		unit string // of a bounded timestamp, "none" if it is not bounded, seconds if not said
		want bool   // it compiles
	}{
		{name: "body", text: "{body}", want: true},
		{name: "a text between", text: "{header:a}.{body}", want: true},
		{name: "side by side", text: "{header:a}{body}"},
		{name: "url and body", text: "{url}{body}"},
		{name: "url and body on two lines", text: "{url}\n{body}", want: true},
		{name: "body and url", text: "{body}{url}"},
		{name: "method and url", text: "{method}{url}", want: true},
		{name: "method and path", text: "{method}{path}", want: true},
		{name: "method and header", text: "{method}{header:a}"},
		{name: "match and path", text: "{match:a}{path}", want: true},
		{name: "path and match", text: "{path}{match:a}"},

		{name: "timestamp and body", text: "{timestamp}{body}", want: true},
		{name: "body and timestamp", text: "{body}{timestamp}", want: true},
		{name: "milliseconds and body", text: "{timestamp}{body}", unit: "milliseconds", want: true},
		{name: "unchecked timestamp and body", text: "{timestamp}{body}", unit: "none"},
		{name: "body and unchecked timestamp", text: "{body}{timestamp}", unit: "none"},
		{name: "a timestamp doesn't separate", text: "{header:a}{timestamp}{body}"},
		{name: "but text behind it does", text: "{header:a}{timestamp}.{body}", want: true},
		{name: "a digest doesn't separate", text: "{header:a}{body|sha256|hex}{header:b}"},
		{name: "digests are bounded", text: "{body|sha256|hex}{header:a|sha512|base64}{body}", want: true},
		{name: "crc32 is not", text: "{header:a|crc32}{body}"},
		{name: "hex of a value is not", text: "{header:a|hex}{body}"},
		{name: "hex of a digest's hex is", text: "{header:a|md5|hex|hex}{body}", want: true},

		{name: "alphabet before a date", text: "{header:a|only:A-Za-z0-9_-}{timestamp}{body}", unit: "rfc3339", want: true},
		{name: "alphabet before seconds", text: "{header:a|only:A-Za-z0-9_-}{timestamp}{body}", unit: "seconds"},
		{name: "letters before seconds", text: "{header:a|only:a-z}{timestamp}{body}", unit: "seconds", want: true},
		{name: "letters and zero before seconds", text: "{header:a|only:a-z0}{timestamp}{body}", unit: "seconds", want: true},
		{name: "letters and one before seconds", text: "{header:a|only:a-z1}{timestamp}{body}", unit: "seconds"},
		{name: "half the digits before a date", text: "{header:a|only:a-z0-5}{timestamp}{body}", unit: "rfc3339"},
		{name: "letters before an HTTP date", text: "{header:a|only:A-Za-z}{timestamp}{body}", unit: "http-date", want: true},
		{name: "capitals before an HTTP date", text: "{header:a|only:0-9}{timestamp}{body}", unit: "http-date", want: true},
		{name: "alphabet before an unknown unit", text: "{header:a|only:A-Za-z0-9_-}{timestamp}{body}", unit: "unknown"},
		{name: "alphabet before an unchecked date", text: "{header:a|only:A-Za-z0-9_-}{timestamp}{body}", unit: "none"},
		{name: "alphabet before the body", text: "{header:a|only:a-z}{body}"},
		{name: "alphabets that share nothing", text: "{header:a|only:a-z}{header:b|only:0-9}{header:c}"},
		{name: "the same, with an end", text: "{header:a|only:a-z}{header:b|only:0-9}", want: true},
		{name: "alphabets that share a letter", text: "{header:a|only:a-z}{header:b|only:z0-9}"},
		{name: "an alphabet that ends before text", text: "{header:a|only:a-z}0{body}", want: true},
		{name: "capitals end small letters", text: "{header:a|lower}X{body}", want: true},
		{name: "the body may be empty", text: "{method|only:A-Z}{body|only:a-z}{header:a|only:A-Z}"},

		{name: "groups as Mercado Pago has them", text: "[id:{query:data.id|lower};][request-id:{header:x-request-id};]ts:{timestamp};", want: true},
		{name: "group at the end behind the body", text: "{body}[.{header:a}]"},
		{name: "group at the end behind text", text: "{timestamp}[.{header:a}]", want: true},
		{name: "group at the start", text: "[a={header:a};]{body}"},
		{name: "group at the start before other text", text: "[a={header:a};]b={body}", want: true},
		{name: "group begins as what follows", text: "[a={header:a};]a={body}"},
		{name: "group begins with the beginning of it", text: "[a{header:a};]ab{body}"},
		{name: "group alone", text: "[{header:a}]", want: true},
		{name: "two groups alike", text: "[a={header:a};][a={header:b};]c"},
		{name: "two groups, the same beginning across", text: "[a={header:a};][b={header:b};]a={body}"},
		{name: "group without text", text: "[{header:a}]{timestamp}"},
		{name: "group without text, closed alphabet", text: "[{header:a|only:a-z}]{timestamp}", want: true},
		{name: "value right before a group", text: "{header:a}[;{header:b}];"},
		{name: "closed value right before a group", text: "{header:a|only:a-z}[;{header:b}]", want: true},
		{name: "value at a group's end before text", text: "[a={header:a}];{timestamp}", want: true},
		{name: "value at a group's end before a group", text: "[a={header:a}][;{header:b}]"},
		{name: "a date is no guide to a group", text: "{header:a|only:A-Za-z0-9_-}[.{header:b}.]{timestamp}", unit: "rfc3339"},
		{name: "body in a group", text: "{timestamp}[.{body}]", want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(template.PlaceMessage)
			switch tt.unit {
			case "none":
				o.TimestampBounded, o.TimestampUnit = false, ""
			case "unknown":
				o.TimestampUnit = ""
			case "": // seconds
			default:
				o.TimestampUnit = tt.unit
			}
			compiled, problems := template.Compile(tt.text, o)
			if (compiled != nil) != tt.want {
				t.Fatalf("Compile(%q) = %v, want compiles %v", tt.text, problems, tt.want)
			}
			for _, p := range problems {
				if p.Code != template.CodeAmbiguous {
					t.Errorf("got code %s, want %s: %s", p.Code, template.CodeAmbiguous, p.Message)
				}
			}
			o.AcceptAmbiguous = true
			if _, problems := template.Compile(tt.text, o); len(problems) > 0 {
				t.Errorf("accepted, and still %v", problems)
			}
		})
	}
}

func TestAmbiguousInRequest(t *testing.T) {
	const now = "1700000000"
	tests := []struct {
		name   string
		text   string
		header authz.Header
		body   string
		path   string
		want   string // "" if it is refused
	}{
		{name: "id without the point", text: "{header:id}.{timestamp}.{body}", header: headers("id", "msg_1"), body: "a.b", want: "msg_1." + now + ".a.b"},
		{name: "id with the point", text: "{header:id}.{timestamp}.{body}", header: headers("id", "msg.1"), body: "b"},
		{name: "id that ends with the point", text: "{header:id}.{timestamp}.{body}", header: headers("id", "msg."), body: "b"},
		{name: "the last may hold anything", text: "{header:a}.{header:b}", header: headers("a", "1", "b", "2.3"), want: "1.2.3"},
		{name: "the one before may not", text: "{header:a}.{header:b}", header: headers("a", "1.2", "b", "3")},
		{name: "body first", text: "{body}.{header:a}", header: headers("a", "x"), body: "a.b"},
		{name: "body first, a closed alphabet behind it", text: "{body}.{header:a|only:a-z}.{timestamp}", header: headers("a", "x"), body: "a.b.", want: "a.b..x." + now},
		{name: "body first, bounded behind it", text: "{body}.{timestamp}", body: "a.b.", want: "a.b.." + now},
		{name: "the text before a closed alphabet ends outside of it", text: "{body}a.{header:a|only:a-z}", header: headers("a", "x"), body: "a.", want: "a.a.x"},
		{name: "the text before a closed alphabet ends in it", text: "{body}.a{header:a|only:a-z}", header: headers("a", "x"), body: ".a"},
		{name: "longer separator", text: "{header:a}--{header:b}", header: headers("a", "x-y", "b", "--"), want: "x-y----"},
		{name: "longer separator inside", text: "{header:a}--{header:b}", header: headers("a", "x--y", "b", "z")},
		{name: "half the separator at the end", text: "{header:a}--{header:b}", header: headers("a", "x-", "b", "z")},
		{name: "a separator that overlaps itself", text: "{header:a}aba{header:b}", header: headers("a", "xab", "b", "z")},
		{name: "the same, not at its overlap", text: "{header:a}aba{header:b}", header: headers("a", "xa", "b", "z"), want: "xaabaz"},
		{name: "separator behind a timestamp", text: "{header:a}{timestamp}7{body}", header: headers("a", "x"), body: "y"},
		{name: "separator inside of both", text: "{header:a}{timestamp}x17{body}", header: headers("a", "x17"), body: "y"},
		{name: "separator behind both", text: "{header:a}{timestamp}.{body}", header: headers("a", "x"), body: "y.", want: "x" + now + ".y."},
		{name: "after filters", text: "{header:a|upper}X{body}", header: headers("a", "axb"), body: "y"},
		{name: "in a path", text: "{path}:{body}", path: "/a:b", body: "y"},
		{name: "in a group", text: "[a={header:a};]b={body}", header: headers("a", "x;"), body: "y"},
		{name: "in a dropped group", text: "[a={header:a}:{header:b};]b={body}", header: headers("a", "x;"), body: "y"},
		{name: "a dropped group's other value", text: "[t={header:a}&u={header:b}\n]b={body}", header: headers("b", "x"), body: "y"},
		{name: "a whole group dropped", text: "[t={header:a}&u={header:b}\n]b={body}", body: "y", want: "b=y"},
		{name: "behind a dropped group", text: "[a={header:a}]{timestamp}.{body}", body: "y.", want: now + ".y."},
		{name: "before a kept group's end", text: "[a={header:a}]{timestamp}.{body}", header: headers("a", "."), body: "y."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := &template.Input{Request: &authz.Request{Header: tt.header, Path: tt.path}, Body: []byte(tt.body), Timestamp: now}
			o := options(template.PlaceMessage)
			got, err := compile(t, tt.text, o).Append(nil, in)
			if string(got) != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
			if tt.want == "" && reason(err) != authz.ReasonValueAmbiguous {
				t.Errorf("got %v, want %v", err, authz.ReasonValueAmbiguous)
			}
			o.AcceptAmbiguous = true
			if got, err := compile(t, tt.text, o).Append(nil, in); err != nil || len(got) == 0 {
				t.Errorf("accepted, and still %v", err)
			}
		})
	}
}

// A large value is not copied to be checked.
func TestAmbiguousLargeBody(t *testing.T) {
	body := make([]byte, 1<<20)
	compiled := compile(t, "{body}\r\n{header:a}", options(template.PlaceMessage))
	in := &template.Input{Request: &authz.Request{Header: headers("a", "x")}, Body: body}
	for _, tt := range []struct {
		at   int
		text string
		want authz.Reason
	}{
		{at: 0, text: "\r", want: authz.ReasonVerified},
		{at: 5, text: "\r\n", want: authz.ReasonValueAmbiguous},
		{at: len(body) - 2, text: "\r\n", want: authz.ReasonValueAmbiguous},
		{at: len(body) - 1, text: "\r", want: authz.ReasonVerified},
	} {
		clear(body)
		copy(body[tt.at:], tt.text)
		h := &recorder{}
		err := compiled.WriteTo(h, in)
		if got := reason(err); err == nil && tt.want != authz.ReasonVerified || err != nil && got != tt.want {
			t.Errorf("at %d: got %v, want %v", tt.at, err, tt.want)
		}
		if err == nil && string(h.data) != string(body)+"\r\nx" {
			t.Errorf("at %d: hashed something else", tt.at)
		}
	}
}

package template_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/template"
)

func TestMistakes(t *testing.T) {
	long := strings.Repeat("{body}.", 40)
	tests := []struct {
		name   string
		text   string
		change func(*template.Options)
		column int
		code   string
		want   string
	}{
		{name: "empty", text: "", code: template.CodeSyntax, want: "empty"},
		{name: "unknown value", text: "v0:{bdy}", column: 4, code: template.CodeValue, want: `did you mean "body"?`},
		{name: "value in capitals", text: "{Body}", column: 1, code: template.CodeValue, want: `did you mean "body"?`},
		{name: "unknown value, nothing close", text: "{signature}", column: 1, code: template.CodeValue, want: "may hold body, timestamp"},
		{name: "short words are not close", text: "{id}", column: 1, code: template.CodeValue, want: "may hold body"},
		{name: "white space", text: "{ body }", column: 1, code: template.CodeValue, want: "without white space"},
		{name: "unknown filter", text: "{body|sha265|hex}", column: 6, code: template.CodeFilter, want: `did you mean "sha256"?`},
		{name: "unknown filter, nothing close", text: "{body|reverse}", column: 6, code: template.CodeFilter, want: "there are md5"},
		{name: "filter with white space", text: "{body| hex}", column: 6, code: template.CodeFilter, want: "without white space"},
		{name: "digest without encoding", text: "{body|sha256}", column: 6, code: template.CodeFilter, want: "|hex"},
		{name: "digest of a digest's bytes", text: "{body|sha256|sha512|hex}", column: 6, code: template.CodeFilter, want: "|hex"},
		{name: "digest, then another filter", text: "{body|sha256|lower}", column: 6, code: template.CodeFilter, want: "right after"},
		{name: "argument too many", text: "{body:x}", column: 6, code: template.CodeSyntax, want: "takes no argument"},
		{name: "argument missing", text: "{header}", column: 1, code: template.CodeSyntax, want: "{header:NAME}"},
		{name: "argument empty", text: "{header:}", column: 1, code: template.CodeSyntax, want: "{header:NAME}"},
		{name: "filter's argument too many", text: "{body|hex:up}", column: 10, code: template.CodeSyntax, want: "takes no argument"},
		{name: "only without alphabet", text: "{header:a|only}", column: 10, code: template.CodeSyntax, want: "only:A-Za-z0-9_-"},
		{name: "only with odd range", text: "{header:a|only:a-Z}", column: 15, code: template.CodeSyntax, want: "range"},
		{name: "only with open range", text: "{header:a|only:_-a}", column: 15, code: template.CodeSyntax, want: "range"},
		{name: "only with a hyphen inside", text: "{header:a|only:a-z-9}", column: 18, code: template.CodeSyntax, want: "at the end"},
		{name: "only beyond ASCII", text: "{header:a|only:aé}", column: 16, code: template.CodeSyntax, want: "ASCII"},
		{name: "only without overlap", text: "{method|only:a-z}", column: 8, code: template.CodeFilter, want: "none of these"},
		{name: "header's name", text: "{header:X Id}", column: 8, code: template.CodeSyntax, want: "byte 1"},
		{name: "pointer without slash", text: "{json:id}", column: 6, code: template.CodeSyntax, want: "slash"},
		{name: "pointer with a bad tilde", text: "{json:/a~2}", column: 6, code: template.CodeSyntax, want: "~0"},
		{name: "capture's name", text: "{match:a/b}", column: 7, code: template.CodeSyntax, want: "letters"},
		{name: "backslash", text: `{query:a\b}`, column: 8, code: template.CodeSyntax, want: "backslash"},
		{name: "control character", text: "{query:a\nb}", column: 8, code: template.CodeSyntax, want: "control"},
		{name: "unclosed value", text: "a{body", column: 1, code: template.CodeSyntax, want: "never closed"},
		{name: "unclosed value with filter", text: "{body|hex", column: 0, code: template.CodeSyntax, want: "never closed"},
		{name: "next value in a name", text: "{body{timestamp}", column: 0, code: template.CodeSyntax, want: "not closed"},
		{name: "next value in an argument", text: "{header:a.{body}", column: 10, code: template.CodeSyntax, want: "missing"},
		{name: "stray brace", text: "a}b", column: 1, code: template.CodeSyntax, want: "}}"},
		{name: "unclosed group", text: "a[{header:b}", column: 1, code: template.CodeSyntax, want: "[["},
		{name: "stray bracket", text: "a]b", column: 1, code: template.CodeSyntax, want: "]]"},
		{name: "nested groups", text: "[a[{header:b}]", column: 2, code: template.CodeSyntax, want: "nested"},
		{name: "group of text", text: "[a]", column: 0, code: template.CodeSyntax, want: "not optional"},
		{name: "group of what is always there", text: "[a{method}]", column: 0, code: template.CodeSyntax, want: "not optional"},
		{name: "empty group", text: "[]", column: 0, code: template.CodeSyntax, want: "not optional"},
		{name: "too many parts", text: long, column: 7 * 32, code: template.CodeLimit, want: "64"},
		{name: "filters that blow up", text: "{body|hex|hex|hex|hex}", column: 18, code: template.CodeLimit, want: "12"},
		{name: "filters that blow up together", text: "{body|json|hex}.{body|json|hex}.{body|json|hex}", column: 38, code: template.CodeLimit, want: "24"},
		{name: "too many filters", text: "{body" + strings.Repeat("|hex", 9) + "}", column: 6 + 4*8, code: template.CodeLimit, want: "8"},
		{name: "too many groups", text: strings.Repeat("[a{header:b}]", 9), code: template.CodeLimit, want: "8"},
		{name: "too many scans", text: strings.Repeat("{json:/a}.", 17), code: template.CodeLimit, want: "16"},
		{
			name: "no timestamp", text: "{timestamp}", change: func(o *template.Options) { o.Timestamp = false },
			column: 1, code: template.CodeValue, want: "needs a timestamp",
		},
		{
			name: "no public URL", text: "{url}", change: func(o *template.Options) { o.PublicURL = "" },
			column: 1, code: template.CodeValue, want: "needs public_url",
		},
		{
			name: "bad public URL", text: "{path}", change: func(o *template.Options) { o.PublicURL = "https://user@host" },
			column: 1, code: template.CodeValue, want: "scheme://host",
		},
		{
			name: "no credential fields", text: "{credential:t}", change: func(o *template.Options) { o.AnyField = false },
			column: 1, code: template.CodeValue, want: "no fields",
		},
		{
			name: "unknown credential field", text: "{credential:timestam}", column: 12, code: template.CodeValue, want: `did you mean "timestamp"?`,
			change: func(o *template.Options) { o.AnyField, o.Fields = false, []string{"timestamp", "nonce"} },
		},
		{name: "principal in a message", text: "{principal}", column: 1, code: template.CodeValue, want: "can't stand in a message"},
		{
			name: "body in a timestamp", text: "{body}", column: 1, code: template.CodeValue, want: "a timestamp",
			change: func(o *template.Options) { o.Place = template.PlaceTimestamp },
		},
		{
			name: "timestamp in a timestamp", text: "{timestamp}", column: 1, code: template.CodeValue, want: "a timestamp",
			change: func(o *template.Options) { o.Place = template.PlaceTimestamp },
		},
		{
			name: "control character in an upstream header", text: "{principal}\r\nX: y", column: 11, code: template.CodeSyntax, want: "ASCII",
			change: func(o *template.Options) { o.Place = template.PlaceUpstream },
		},
	}
	for _, name := range []string{"body", "timestamp", "url", "origin", "path", "path_query", "form:a", "json:/a", "credential:a"} {
		tests = append(tests, struct {
			name   string
			text   string
			change func(*template.Options)
			column int
			code   string
			want   string
		}{
			name: name + " in an upstream header", text: "{" + name + "}", column: 1, code: template.CodeValue, want: "upstream header",
			change: func(o *template.Options) { o.Place = template.PlaceUpstream },
		})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(template.PlaceMessage)
			if tt.change != nil {
				tt.change(&o)
			}
			compiled, problems := template.Compile(tt.text, o)
			if compiled != nil || len(problems) == 0 {
				t.Fatalf("Compile(%q) = %v, %v, want a problem and no template", tt.text, compiled, problems)
			}
			p := problems[0]
			if p.Column != tt.column || p.Code != tt.code || !strings.Contains(p.Message, tt.want) {
				t.Errorf("got column %d, code %s: %s\nwant column %d, code %s: … %s …", p.Column, p.Code, p.Message, tt.column, tt.code, tt.want)
			}
			if p.Path != "" || p.Warning {
				t.Errorf("got path %q, warning %v, want a mistake of the whole field", p.Path, p.Warning)
			}
		})
	}
}

// Every mistake is reported, not only the first.
func TestMistakesAreAllReported(t *testing.T) {
	_, problems := template.Compile("{bdy}{header:a b}]{body|sah256|hex}}", options(template.PlaceMessage))
	var got []int
	for _, p := range problems {
		got = append(got, p.Column)
	}
	want := []int{1, 13, 17, 24, 35}
	if len(got) != len(want) {
		t.Fatalf("got columns %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got columns %v, want %v", got, want)
		}
	}
}

// What stands between brackets may be a secret that was pasted.
func TestMistakesDontRepeatTheText(t *testing.T) {
	const secret = "whsecMfKQ9r8GKYqrTwjUPD8"
	for _, text := range []string{
		"{" + secret + "}", "{body|" + secret + "}", "{header:" + secret + " }", "{json:" + secret + "}", "{body:" + secret + "}",
		"{match:" + secret + "!}", "{credential:" + secret + "}", "{timestamp", "{header:" + secret + "}{body}",
	} {
		o := options(template.PlaceMessage)
		o.AnyField, o.Fields = false, []string{"t"}
		_, problems := template.Compile(text, o)
		if len(problems) == 0 {
			t.Errorf("Compile(%q) has no problems", text)
		}
		for _, p := range problems {
			if strings.Contains(p.Message, secret) {
				t.Errorf("the message repeats the text: %s", p.Message)
			}
		}
	}
}

func TestPlaces(t *testing.T) {
	tests := []struct {
		place template.Place
		text  string
	}{
		{template.PlaceMessage, "{timestamp}.{body}"},
		{template.PlaceTimestamp, "{header:Date}"},
		{template.PlaceTimestamp, "{query:t}"},
		{template.PlaceTimestamp, "{form:t}"},
		{template.PlaceTimestamp, "{json:/signature/timestamp}"},
		{template.PlaceTimestamp, "{credential:t}"},
		{template.PlaceAssertion, "{query:bodySHA256}"},
		{template.PlaceAssertion, "{header:a}{header:b}"}, // only a message can be ambiguous
		{template.PlaceUpstream, "{principal} {header:a} {query:b} {method} {match:c} {header:d|only:a-z}"},
	}
	for _, tt := range tests {
		if _, problems := template.Compile(tt.text, options(tt.place)); len(problems) > 0 {
			t.Errorf("%q in %s: %v", tt.text, tt.place, problems)
		}
	}
}

func TestReads(t *testing.T) {
	compiled := compile(t, "{header:B}.{match:tenant}.{header:A}.{match:app}.{header:a}.{json:/x}", options(template.PlaceMessage))
	if got := strings.Join(compiled.Headers(), " "); got != "a b" {
		t.Errorf("Headers() = %q, want %q", got, "a b")
	}
	if got := strings.Join(compiled.Captures(), " "); got != "app tenant" {
		t.Errorf("Captures() = %q, want %q", got, "app tenant")
	}
	for text, want := range map[string]bool{"{body|crc32}": true, "{json:/a}": true, "{form:a}": true, "{header:a}": false, "{timestamp}": false} {
		compiled := compile(t, text, options(template.PlaceMessage))
		if got := compiled.NeedsBody(); got != want {
			t.Errorf("NeedsBody() of %q = %v, want %v", text, got, want)
		}
		if got := compiled.NeedsTimestamp(); got != (text == "{timestamp}") {
			t.Errorf("NeedsTimestamp() of %q = %v", text, got)
		}
	}
}

package template_test

import (
	"bytes"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// FuzzCompile: either there are mistakes, all inside of the text, or there is a
// template that renders the same twice, into a buffer and into a hash.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"v0:{timestamp}:{body}", "{header:webhook-id}.{timestamp}.{body}", "[id:{query:data.id|lower};]ts:{timestamp};",
		"{method}{url}\n{body|sha256|hex}", `{query:a\|b\}|only:A-Za-z0-9_-}{{}}[[]]`, "{json:/a~1b/0|json}", "{form:a}[{match:b}{credential:c|md5|hex}]",
		"{bdy}", "{body", "]", "{header:a|only:z-a}", "{principal}",
	} {
		for place := range uint8(4) {
			f.Add(seed, place, []byte(`{"a":1}`), "/x?data.id=Y&a=1")
		}
	}
	f.Fuzz(func(t *testing.T, text string, place uint8, body []byte, path string) {
		o := options(template.Place(place % 4))
		o.AcceptAmbiguous = place >= 128
		compiled, problems := template.Compile(text, o)
		for _, p := range problems {
			if p.Column < 0 || p.Column > len(text) || p.Message == "" || p.Code == "" {
				t.Errorf("%q: odd problem %+v", text, p)
			}
		}
		if (compiled == nil) != (len(problems) > 0) {
			t.Fatalf("%q: got %v and %d problems", text, compiled, len(problems))
		}
		if compiled == nil {
			return
		}
		in := &template.Input{
			Request: &authz.Request{
				Method: "POST", Path: path, Header: headers("a", "x-y", "webhook-id", "msg_1", "content-type", "application/x-www-form-urlencoded"),
				Captures: []authz.Field{{Name: "b", Value: "seg"}},
			},
			Body: body, Timestamp: "1700000000", Principal: "acme", Credential: []authz.Field{{Name: "c", Value: "v"}},
		}
		first, err := compiled.Append(nil, in)
		second, again := compiled.Append(nil, in)
		h := &recorder{}
		hashErr := compiled.WriteTo(h, in)
		if (err == nil) != (again == nil) || (err == nil) != (hashErr == nil) {
			t.Fatalf("%q: got %v, then %v, hashed %v", text, err, again, hashErr)
		}
		if err != nil {
			switch reason(err) {
			case authz.ReasonPartMissing, authz.ReasonCredentialMalformed, authz.ReasonDuplicateHeader, authz.ReasonValueAmbiguous:
			default:
				t.Errorf("%q: got %v", text, err)
			}
			return
		}
		if !bytes.Equal(first, second) || !bytes.Equal(first, h.data) {
			t.Errorf("%q: got %q, then %q, hashed %q", text, first, second, h.data)
		}
		if o.Place == template.PlaceUpstream && bytes.ContainsAny(first, "\r\n\x00") {
			t.Errorf("%q: %q can't be a header", text, first)
		}
	})
}

// FuzzRender looks for a template and two inputs that it gives one text: see
// TestNoTwoInputsGiveOneMessage.
func FuzzRender(f *testing.F) {
	for i := range uint64(20) {
		f.Add(uint64(2), i)
	}
	f.Fuzz(func(t *testing.T, seed1, seed2 uint64) {
		property(t, seed1, seed2)
	})
}

// FuzzSeparators looks for two inputs that one of a few templates gives one
// text. The fuzzer chooses the values itself.
func FuzzSeparators(f *testing.F) {
	f.Add("a.", "b", "a", ".b", "", "c")
	f.Add("x-", "y", "x", "-y", "z", "")
	texts := []string{
		"{header:a}.{header:b}.{body}", "{header:a}--{header:b}", "{header:a}aba{body}{timestamp}", "[a={header:a};]b={header:b};{body}",
		"{header:a|only:a-z}[.{header:b}]", "{body}.{header:a|only:a-z0-9}.{timestamp}", "[x{header:a};][y{header:b};]{timestamp}{body}",
		`{{"a":"{header:a|json}","b":"{header:b|json}","c":"{body|json}"}}`, "{header:a|lower}X{header:b|upper}x{body}",
	}
	var compiled []*template.Template
	for _, text := range texts {
		compiled = append(compiled, compile(f, text, options(template.PlaceMessage)))
	}
	f.Fuzz(func(t *testing.T, a1, b1, a2, b2, body1, body2 string) {
		one := world{"header:a": a1, "header:b": b1, "body:": body1, "timestamp:": "1700000000"}
		two := world{"header:a": a2, "header:b": b2, "body:": body2, "timestamp:": "1700000000"}
		for i, c := range compiled {
			first, err1 := c.Append(nil, one.request())
			second, err2 := c.Append(nil, two.request())
			if err1 != nil || err2 != nil || !bytes.Equal(first, second) {
				continue
			}
			if keys := differs(texts[i], one, two); keys != "" {
				t.Errorf("%q: %q of %q and %q, which differ in %s", texts[i], first, one, two, keys)
			}
		}
	})
}

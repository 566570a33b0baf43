package template_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// claims are what a token says.
type claims map[string]string

func (c claims) Text(name string) (string, bool) {
	text, ok := c[name]
	return text, ok
}

func TestClaims(t *testing.T) {
	tests := []struct {
		name   string
		text   string
		claims template.Claims
		want   string
		reason authz.Reason
	}{
		{name: "there", text: "{claim:sub}", claims: claims{"sub": "crm"}, want: "crm"},
		{name: "name with dots and slashes", text: "<{claim:https://a.example/b.c}>", claims: claims{"https://a.example/b.c": "1"}, want: "<1>"},
		{name: "filtered", text: "{claim:sub|upper}", claims: claims{"sub": "crm"}, want: "CRM"},
		{name: "absent", text: "{claim:sub}", claims: claims{}, reason: authz.ReasonPartMissing},
		{name: "another case", text: "{claim:sub}", claims: claims{"Sub": "crm"}, reason: authz.ReasonPartMissing},
		{name: "empty", text: "{claim:sub}", claims: claims{"sub": ""}, reason: authz.ReasonPartMissing},
		{name: "absent in a group", text: "a[{claim:sub}]", claims: claims{}, want: "a"},
		{name: "empty in a group", text: "a[{claim:sub}]", claims: claims{"sub": ""}, reason: authz.ReasonCredentialMalformed},
		{name: "no token", text: "{claim:sub}", reason: authz.ReasonBug},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(template.PlaceAssertion)
			o.Claims = true
			got, err := compile(t, tt.text, o).Append(nil, &template.Input{Request: &authz.Request{}, Claims: tt.claims})
			if string(got) != tt.want || reason(err) != tt.reason {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.reason)
			}
		})
	}
}

// Claims stand in assertions of tokens and nowhere else.
func TestWhereClaimsStand(t *testing.T) {
	for _, place := range []template.Place{
		template.PlaceMessage, template.PlaceTimestamp, template.PlaceAssertion, template.PlaceUpstream, template.PlaceKey,
	} {
		for _, given := range []bool{false, true} {
			o := options(place)
			o.Claims = given
			_, problems := template.Compile("{claim:sub}", o)
			if good := place == template.PlaceAssertion && given; good != (len(problems) == 0) {
				t.Errorf("at %v, claims %v: %v", place, given, problems)
			}
			_, problems = template.Compile("{nothing:sub}", o)
			if told := strings.Contains(problems[0].Message, "claim"); told != (place == template.PlaceAssertion && given) {
				t.Errorf("at %v, claims %v: %v", place, given, problems)
			}
		}
	}
	o := options(template.PlaceAssertion)
	o.Claims = true
	for text, want := range map[string]bool{
		"{claim:digest}": true, "{claim:digest|lower}": true, "SHA-256={claim:digest}": false, "{claim:a}{claim:b}": false, "{header:a}": false, "text": false,
	} {
		if got := compile(t, text, o).Claim(); got != want {
			t.Errorf("Claim() of %q = %v, want %v", text, got, want)
		}
	}
}

// What names a key may stand where the time may, and nowhere else.
func TestPlaceKey(t *testing.T) {
	in := &template.Input{
		Request: &authz.Request{Path: "/h?k=q", Header: headers("x-key", "h", "content-type", "application/json")},
		Body:    []byte(`{"k":"j"}`), Credential: []authz.Field{{Name: "k", Value: "c"}},
	}
	for text, want := range map[string]string{
		"{header:X-Key}": "h", "{query:k}": "q", "{json:/k}": "j", "{credential:k}": "c", "a-{header:X-Key}{query:k}": "a-hq",
		"{body}": "", "{timestamp}": "", "{method}": "", "{url}": "", "{path}": "", "{principal}": "", "{match:k}": "", "{claim:k}": "",
	} {
		o := options(template.PlaceKey)
		o.AnyField = true
		compiled, problems := template.Compile(text, o)
		if (want == "") != (len(problems) > 0) {
			t.Errorf("Compile(%q) = %v", text, problems)
		}
		if want == "" {
			if !strings.Contains(problems[0].Message, "this field, which may hold header, query, form, json, credential") {
				t.Errorf("Compile(%q) = %v", text, problems)
			}
			continue
		}
		if got, err := compiled.Append(nil, in); string(got) != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	twice := &template.Input{Request: &authz.Request{Header: headers("x-key", "a", "x-key", "b")}}
	if _, err := compile(t, "{header:X-Key}", options(template.PlaceKey)).Append(nil, twice); reason(err) != authz.ReasonDuplicateHeader {
		t.Errorf("twice: %v", err)
	}
}

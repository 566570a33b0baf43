package template_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

func TestQuery(t *testing.T) {
	tests := []struct {
		name   string
		query  string
		want   string
		reason authz.Reason // where want is empty
	}{
		{name: "alone", query: "id=1", want: "1"},
		{name: "among others", query: "a=2&id=1&b=3", want: "1"},
		{name: "empty parts", query: "&&id=1&", want: "1"},
		{name: "equals sign in the value", query: "id=a=b", want: "a=b"},
		{name: "plus", query: "id=a+b", want: "a b"},
		{name: "percent", query: "id=%2B%c3%A9%00", want: "+é\x00"},
		{name: "name encoded", query: "%69d=1", want: "1"},
		{name: "longer name", query: "idx=2&id=1", want: "1"},
		{name: "question mark", query: "a=?&id=1", want: "1"},
		{name: "missing", query: "a=1", reason: authz.ReasonPartMissing},
		{name: "no query", query: "", reason: authz.ReasonPartMissing},
		{name: "empty", query: "id=", reason: authz.ReasonPartMissing},
		{name: "name alone", query: "id", reason: authz.ReasonPartMissing},
		{name: "twice", query: "id=1&id=1", reason: authz.ReasonCredentialMalformed},
		{name: "twice, once empty", query: "id&id=1", reason: authz.ReasonCredentialMalformed},
		{name: "twice, once encoded", query: "id=1&%69%64=2", reason: authz.ReasonCredentialMalformed},
		{name: "twice, other capitals", query: "id=1&ID=2", reason: authz.ReasonCredentialMalformed},
		{name: "other capitals only", query: "Id=2", reason: authz.ReasonCredentialMalformed},
		{name: "array", query: "id=1&id[]=2", reason: authz.ReasonCredentialMalformed},
		{name: "array, encoded", query: "id=1&id%5Bx%5D=2", reason: authz.ReasonCredentialMalformed},
		{name: "semicolon", query: "a=1;id=2&id=1", reason: authz.ReasonCredentialMalformed},
		{name: "semicolon in the value", query: "id=1;b", reason: authz.ReasonCredentialMalformed},
		{name: "semicolon encoded", query: "id=1%3Bb", want: "1;b"},
		{name: "bad percent in the value", query: "id=%zz", reason: authz.ReasonCredentialMalformed},
		{name: "short percent in the value", query: "id=%2", reason: authz.ReasonCredentialMalformed},
		{name: "bad percent elsewhere", query: "id=1&b=%", reason: authz.ReasonCredentialMalformed},
		{name: "bad percent in another name", query: "id=1&%g0", reason: authz.ReasonCredentialMalformed},
		{name: "as many as allowed", query: strings.Repeat("a=1&", 255) + "id=1", want: "1"},
		{name: "one more", query: strings.Repeat("a=1&", 256) + "id=1", reason: authz.ReasonCredentialMalformed},
	}
	inQuery := compile(t, "{query:id}", options(template.PlaceMessage))
	inForm := compile(t, "{form:id}", options(template.PlaceMessage))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := headers("content-type", "application/x-www-form-urlencoded")
			for text, compiled := range map[string]*template.Template{"query": inQuery, "form": inForm} {
				in := &template.Input{Request: &authz.Request{Path: "/x?" + tt.query, Header: form}, Body: []byte(tt.query)}
				got, err := compiled.Append(nil, in)
				if string(got) != tt.want || tt.want == "" && reason(err) != tt.reason {
					t.Errorf("%s: got %q, %v, want %q, %v", text, got, err, tt.want, tt.reason)
				}
			}
		})
	}
}

// FuzzQuery holds the strict reading against net/url's: what is read is what
// everybody reads.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"id=1", "a=2&id=%31+%", "id=1;id=2", "ID=1&id", "%69d=x&&=", "id[]=1", "id=%00&\xff=%ff"} {
		f.Add(seed)
	}
	compiled := compile(f, "{query:id}", options(template.PlaceMessage))
	f.Fuzz(func(t *testing.T, query string) {
		got, err := compiled.Append(nil, &template.Input{Request: &authz.Request{Path: "/?" + query}})
		values, lenient := url.ParseQuery(query)
		if err == nil && (lenient != nil || len(values["id"]) != 1 || values["id"][0] != string(got)) {
			t.Errorf("%q: got %q, net/url reads %q, %v", query, got, values["id"], lenient)
		}
		if err != nil && reason(err) == authz.ReasonPartMissing && values.Get("id") != "" {
			t.Errorf("%q: missing, net/url reads %q", query, values["id"])
		}
	})
}

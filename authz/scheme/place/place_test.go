package place_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/place"
)

const (
	verified  = authz.ReasonVerified
	missing   = authz.ReasonCredentialMissing
	malformed = authz.ReasonCredentialMalformed
)

func newPlace(tb testing.TB, c place.Config) *place.Place {
	tb.Helper()
	p, problems := place.New(c)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return p
}

func post(body string) *authz.Request {
	r := authztest.Request("POST", "/hook", body)
	if body == "" {
		authztest.AddHeader(r, "content-length", strconv.Itoa(0))
	}
	return r
}

func TestJSON(t *testing.T) {
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)
	tests := []struct {
		name, pointer, body string
		want                authz.Reason
		token               string
		more                bool // something stands beside it
	}{
		{name: "alone", pointer: "/a", body: `{"a":"tok"}`, want: verified, token: "tok"},
		{name: "white space", pointer: "/a", body: "\r\n{ \"a\" : \"tok\"\t}\n", want: verified, token: "tok"},
		{name: "escapes", pointer: "/a", body: `{"\u0061":"t\u006Fk\/"}`, want: verified, token: "tok/"},
		{name: "below", pointer: "/a/b", body: `{"a":{"b":"tok"}}`, want: verified, token: "tok"},
		{name: "a name with a slash and a tilde", pointer: "/a~1b~0c~01", body: `{"a/b~c~1":"tok"}`, want: verified, token: "tok"},
		{name: "an empty name", pointer: "/", body: `{"":"tok"}`, want: verified, token: "tok"},
		{name: "a number for a name", pointer: "/0", body: `{"0":"tok"}`, want: verified, token: "tok"},
		{name: "beside it", pointer: "/a", body: `{"a":"tok","b":1}`, want: verified, token: "tok", more: true},
		{name: "before it", pointer: "/a", body: `{"b":{},"a":"tok"}`, want: verified, token: "tok", more: true},
		{name: "beside it above", pointer: "/a/b", body: `{"a":{"b":"tok"},"c":null}`, want: verified, token: "tok", more: true},
		{name: "beside it below", pointer: "/a/b", body: `{"a":{"b":"tok","c":null}}`, want: verified, token: "tok", more: true},
		{name: "in an array", pointer: "/a/0", body: `{"a":["tok"]}`, want: verified, token: "tok", more: true},
		{name: "second in an array", pointer: "/1", body: `["x","tok"]`, want: verified, token: "tok", more: true},

		{name: "absent", pointer: "/a", body: `{"b":"tok"}`, want: missing},
		{name: "absent below", pointer: "/a/b", body: `{"a":{}}`, want: missing},
		{name: "below a string", pointer: "/a/b", body: `{"a":"tok"}`, want: missing},
		{name: "a list where an object is", pointer: "/a", body: `["tok"]`, want: missing},
		{name: "behind the end", pointer: "/1", body: `["tok"]`, want: missing},
		{name: "an index with a zero", pointer: "/00", body: `["tok"]`, want: missing},
		{name: "the element behind the last", pointer: "/-", body: `["tok"]`, want: missing},
		{name: "a huge index", pointer: "/99999999999999999999", body: `["tok"]`, want: missing},
		{name: "a scalar", pointer: "/a", body: `17`, want: missing},

		{name: "no JSON", pointer: "/a", body: `a=tok`, want: malformed},
		{name: "JSON twice", pointer: "/a", body: `{"a":"tok"}{"a":"x"}`, want: malformed},
		{name: "a zero byte behind", pointer: "/a", body: "{\"a\":\"tok\"}\x00", want: malformed},
		{name: "a comment", pointer: "/a", body: `{"a":"tok"} // x`, want: malformed},
		{name: "a comma too many", pointer: "/a", body: `{"a":"tok",}`, want: malformed},
		{name: "a byte order mark", pointer: "/a", body: "\ufeff{\"a\":\"tok\"}", want: malformed},
		{name: "invalid UTF-8", pointer: "/a", body: "{\"a\":\"\xff\"}", want: malformed},
		{name: "half a pair", pointer: "/a", body: `{"a":"\ud800"}`, want: malformed},
		{name: "twice", pointer: "/a", body: `{"a":"x","a":"tok"}`, want: malformed},
		{name: "twice, escaped", pointer: "/a", body: `{"a":"x","\u0061":"tok"}`, want: malformed},
		{name: "twice elsewhere", pointer: "/a", body: `{"a":"tok","b":{"c":1,"c":2}}`, want: malformed},
		{name: "in capitals", pointer: "/a", body: `{"A":"tok"}`, want: malformed},
		{name: "in capitals besides", pointer: "/token", body: `{"token":"tok","To` + "\u212a" + `en":"x"}`, want: malformed},
		{name: "a number", pointer: "/a", body: `{"a":1}`, want: malformed},
		{name: "an object", pointer: "/a", body: `{"a":{}}`, want: malformed},
		{name: "null", pointer: "/a", body: `{"a":null}`, want: malformed},
		{name: "an empty string", pointer: "/a", body: `{"a":""}`, want: malformed},
		{name: "deep", pointer: "/a", body: `{"a":"tok","b":` + deep + `}`, want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, body, alone, err := newPlace(t, place.Config{JSON: tt.pointer}).Find(post(tt.body))
			authztest.WantReason(t, err, tt.want)
			if err == nil && string(body) != tt.body || token != tt.token || alone != (err == nil && !tt.more) {
				t.Errorf("Find() = %q, %q, %v", token, body, alone)
			}
		})
	}
}

func TestForm(t *testing.T) {
	tests := []struct {
		name, body string
		want       authz.Reason
		token      string
		more       bool
	}{
		{name: "alone", body: "t=tok", want: verified, token: "tok"},
		{name: "escapes", body: "%74=%74o%6b+", want: verified, token: "tok "},
		{name: "an equals sign in it", body: "t=tok=", want: verified, token: "tok="},
		{name: "before another", body: "t=tok&a=1", want: verified, token: "tok", more: true},
		{name: "behind another", body: "a=1&t=tok", want: verified, token: "tok", more: true},
		{name: "an empty field behind", body: "t=tok&", want: verified, token: "tok", more: true},
		{name: "absent", body: "a=tok", want: missing},
		{name: "a longer name", body: "tt=tok", want: missing},
		{name: "twice", body: "t=tok&t=tok", want: malformed},
		{name: "twice, escaped", body: "t=tok&%74=x", want: malformed},
		{name: "in capitals", body: "T=tok", want: malformed},
		{name: "in capitals besides", body: "t=tok&T=x", want: malformed},
		{name: "as a list", body: "t=tok&t[]=x", want: malformed},
		{name: "behind a blank", body: "t=tok&+t=x", want: malformed},
		{name: "before a zero byte", body: "t=tok&%74%00a=x", want: malformed},
		{name: "alone behind a blank", body: "+t=tok", want: malformed},
		{name: "a blank behind", body: "t=tok&t+=x", want: verified, token: "tok", more: true},
		{name: "empty", body: "t=", want: malformed},
		{name: "no value", body: "t", want: malformed},
		{name: "a semicolon", body: "t=tok;a=1", want: malformed},
		{name: "a percent sign", body: "t=tok%", want: malformed},
		{name: "no hex", body: "t=tok&a=%zz", want: malformed},
		{name: "no hex in the second", body: "t=tok&a=%0z", want: malformed},
		{name: "many fields", body: "t=tok" + strings.Repeat("&a", 256), want: malformed},
		{name: "no body", want: missing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, _, alone, err := newPlace(t, place.Config{Form: "t"}).Find(post(tt.body))
			authztest.WantReason(t, err, tt.want)
			if token != tt.token || alone != (err == nil && !tt.more) {
				t.Errorf("Find() = %q, %v", token, alone)
			}
		})
	}
}

// Names that PHP would make one of.
func TestFormNames(t *testing.T) {
	for _, other := range []string{"id_token", "id.token", "ID%2etoken", "id+token", "+id.token", "id[token", "id%5Btoken", "id_token[]", "id.token%00"} {
		_, _, _, err := newPlace(t, place.Config{Form: "id_token"}).Find(post("id_token=tok&" + other + "=x"))
		authztest.WantReason(t, err, malformed)
	}
	for _, other := range []string{"idtoken", "id__token", "id_token_", "id_token.x", "id-token"} {
		token, _, alone, err := newPlace(t, place.Config{Form: "id_token"}).Find(post("id_token=tok&" + other + "=x"))
		if err != nil || token != "tok" || alone {
			t.Errorf("%s: %q, %v, %v", other, token, alone, err)
		}
	}
	token, _, _, err := newPlace(t, place.Config{Form: "id.token"}).Find(post("id.token=tok"))
	if err != nil || token != "tok" {
		t.Errorf("a point: %q, %v", token, err)
	}
}

func TestBody(t *testing.T) {
	p := newPlace(t, place.Config{Body: true})
	token, body, alone, err := p.Find(post("tok\n"))
	if err != nil || token != "tok\n" || string(body) != token || !alone || !p.InBody() || p.Locations() != nil {
		t.Errorf("Find() = %q, %q, %v, %v", token, body, alone, err)
	}
	for _, empty := range []bool{false, true} {
		r := post("")
		r.Rules.AllowEmpty = empty
		_, _, _, err := p.Find(r)
		authztest.WantReason(t, err, missing)
	}
	r := post("tok")
	r.Body.Delivery = authz.DeliveryCut
	_, _, _, err = p.Find(r)
	authztest.WantReason(t, err, authz.ReasonBodyTruncated)
}

func TestHeader(t *testing.T) {
	plain := place.Config{Header: "X-Token", Prefix: "v1="}
	bearer := place.Config{Header: "Authorization", Prefix: "Bearer "}
	tests := []struct {
		name   string
		config place.Config
		lines  []string
		merged bool
		want   authz.Reason
		token  string
	}{
		{name: "right", config: plain, lines: []string{"v1=tok"}, want: verified, token: "tok"},
		{name: "no prefix", config: plain, lines: []string{"tok"}, want: malformed},
		{name: "the prefix in capitals", config: plain, lines: []string{"V1=tok"}, want: malformed},
		{name: "nothing behind it", config: plain, lines: []string{"v1="}, want: malformed},
		{name: "nothing", config: plain, want: missing},
		{name: "an empty line", config: plain, lines: []string{""}, want: missing},
		{name: "twice", config: plain, lines: []string{"v1=tok", "v1=tok"}, want: authz.ReasonDuplicateHeader},
		{name: "two lines in one", config: plain, lines: []string{"v1=tok,v1=tok"}, merged: true, want: authz.ReasonDuplicateHeader},
		{name: "bytes replaced", config: plain, lines: []string{"v1=to!"}, merged: true, want: malformed},
		{name: "as long as may be", config: place.Config{Header: "X-Token", Max: 3}, lines: []string{"tok"}, want: verified, token: "tok"},
		{name: "longer", config: place.Config{Header: "X-Token", Max: 3}, lines: []string{"toke"}, want: malformed},
		{name: "longer than any", config: place.Config{Header: "X-Token"}, lines: []string{strings.Repeat("a", place.MaxHeaderToken+1)}, want: malformed},
		{name: "a scheme", config: bearer, lines: []string{"bEARER tok"}, want: verified, token: "tok"},
		{name: "another scheme", config: bearer, lines: []string{"Basic tok"}, want: missing},
		{name: "nothing behind the scheme", config: bearer, lines: []string{"Bearer "}, want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t, tt.config)
			r := post("body")
			r.Header.Merged = tt.merged
			for _, line := range tt.lines {
				authztest.AddHeader(r, tt.config.Header, line)
			}
			token, body, alone, err := p.Find(r)
			authztest.WantReason(t, err, tt.want)
			if token != tt.token || body != nil || alone || p.InBody() {
				t.Errorf("Find() = %q, %q, %v", token, body, alone)
			}
			if where := p.Locations(); len(where) != 1 || where[0].Header != strings.ToLower(tt.config.Header) {
				t.Errorf("Locations() = %v", where)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name   string
		config place.Config
		want   []string
	}{
		{name: "nowhere", want: []string{""}},
		{name: "two places", config: place.Config{Body: true, Form: "a"}, want: []string{""}},
		{name: "no slash", config: place.Config{JSON: "a"}, want: []string{"json"}},
		{name: "a tilde", config: place.Config{JSON: "/a~"}, want: []string{"json"}},
		{name: "a tilde and 2", config: place.Config{JSON: "/a~2"}, want: []string{"json"}},
		{name: "a long way", config: place.Config{JSON: "/a/b/c/d/e/f/g/h/i"}, want: []string{"json"}},
		{name: "a prefix in the body", config: place.Config{Body: true, Prefix: "x"}, want: []string{"prefix"}},
		{name: "a blank before", config: place.Config{Header: "X", Prefix: " x"}, want: []string{"prefix"}},
		{name: "not ASCII", config: place.Config{Header: "X", Prefix: "é"}, want: []string{"prefix"}},
		{name: "a blank in the middle", config: place.Config{Header: "X", Prefix: "x y"}},
	}
	for _, tt := range tests {
		p, problems := place.New(tt.config)
		var got []string
		for _, problem := range problems {
			got = append(got, problem.Path)
			if problem.Code != place.Code || problem.Warning {
				t.Errorf("%s: %+v", tt.name, problem)
			}
		}
		if !slices.Equal(got, tt.want) || (p == nil && len(problems) == 0) {
			t.Errorf("%s: %v, want at %q", tt.name, problems, tt.want)
		}
	}
}

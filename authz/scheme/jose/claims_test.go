package jose_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

func TestParseClaims(t *testing.T) {
	const good, bad = authz.ReasonVerified, authz.ReasonTokenInvalid
	tests := []struct {
		name, text string
		want       authz.Reason
	}{
		{name: "empty object", text: `{}`, want: good},
		{name: "white space", text: " {\t\"a\"\r\n: [ ] , \"b\" : { } } \n", want: good},
		{name: "all kinds", text: `{"a":"","b":0,"c":-0.5,"d":1E+2,"e":true,"f":false,"g":null,"h":[1,"2",[]],"i":{"j":{}}}`, want: good},
		{name: "numbers", text: `{"a":[0,-0,1,10,1.0,0.10,1e0,1E-10,123456789012345678901234567890]}`, want: good},
		{name: "all escapes", text: `{"a":"\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00\uFFFD"}`, want: good},
		{name: "beyond ASCII", text: `{"größe":"😀"}`, want: good},
		{name: "the same name at two places", text: `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`, want: good},
		{name: "16 levels", text: `{"a":` + strings.Repeat(`[`, 15) + strings.Repeat(`]`, 15) + `}`, want: good},
		{name: "names below that differ in case", text: `{"a":{"b":1,"B":2}}`, want: good},

		{name: "nothing", text: ``, want: bad},
		{name: "white space alone", text: ` `, want: bad},
		{name: "not an object", text: `[]`, want: bad},
		{name: "a string", text: `"{}"`, want: bad},
		{name: "null", text: `null`, want: bad},
		{name: "unfinished", text: `{"a":1`, want: bad},
		{name: "unfinished name", text: `{"a`, want: bad},
		{name: "unfinished escape", text: `{"a":"\`, want: bad},
		{name: "unfinished word", text: `{"a":tru`, want: bad},
		{name: "bytes after", text: `{}x`, want: bad},
		{name: "a second object", text: `{}{}`, want: bad},
		{name: "a comma before the end", text: `{"a":1,}`, want: bad},
		{name: "a comma in an array", text: `{"a":[1,]}`, want: bad},
		{name: "a comma first", text: `{,"a":1}`, want: bad},
		{name: "no comma", text: `{"a":1"b":2}`, want: bad},
		{name: "no colon", text: `{"a" 1}`, want: bad},
		{name: "no value", text: `{"a":}`, want: bad},
		{name: "a name that is no string", text: `{1:1}`, want: bad},
		{name: "single quotes", text: `{'a':1}`, want: bad},
		{name: "a comment", text: `{"a":1/* */}`, want: bad},
		{name: "another word", text: `{"a":NaN}`, want: bad},
		{name: "a word that goes on", text: `{"a":truex}`, want: bad},
		{name: "other white space", text: "{\v}", want: bad},
		{name: "a byte order mark", text: "\ufeff{}", want: bad},
		{name: "a zero byte", text: "{}\x00", want: bad},

		{name: "number 01", text: `{"a":01}`, want: bad},
		{name: "number +1", text: `{"a":+1}`, want: bad},
		{name: "number .5", text: `{"a":.5}`, want: bad},
		{name: "number 1.", text: `{"a":1.}`, want: bad},
		{name: "number 1e", text: `{"a":1e}`, want: bad},
		{name: "number -", text: `{"a":-}`, want: bad},
		{name: "number 0x1", text: `{"a":0x1}`, want: bad},
		{name: "number 1_0", text: `{"a":1_0}`, want: bad},

		{name: "invalid UTF-8", text: "{\"a\":\"\xff\"}", want: bad},
		{name: "overlong UTF-8", text: "{\"a\":\"\xc0\xaf\"}", want: bad},
		{name: "a surrogate in UTF-8", text: "{\"a\":\"\xed\xa0\x80\"}", want: bad},
		{name: "half a pair", text: `{"a":"\ud83d"}`, want: bad},
		{name: "half a pair and a letter", text: `{"a":"\ud83dA"}`, want: bad},
		{name: "the other half", text: `{"a":"\ude00"}`, want: bad},
		{name: "halves in the wrong order", text: `{"a":"\ude00\ud83d"}`, want: bad},
		{name: "escape with a sign", text: `{"a":"\u+123"}`, want: bad},
		{name: "escape with an underscore", text: `{"a":"\u1_23"}`, want: bad},
		{name: "short escape", text: `{"a":"\u12"}`, want: bad},
		{name: "unknown escape", text: `{"a":"\x41"}`, want: bad},
		{name: "a line feed in a string", text: "{\"a\":\"\n\"}", want: bad},

		{name: "a name twice", text: `{"sub":"a","sub":"b"}`, want: bad},
		{name: "a name twice, escaped", text: `{"sub":"a","\u0073ub":"b"}`, want: bad},
		{name: "the empty name twice", text: `{"":1,"":2}`, want: bad},
		{name: "a name twice, below", text: `{"a":[{"b":{"c":1,"c":1}}]}`, want: bad},
		{name: "a name twice among many", text: `{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"a":0,"b":0,"c":0,"d":0,"0":0}`, want: bad},
		{name: "the last name of many twice", text: `{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"a":0,"b":0,"c":0,"d":0,"d":0}`, want: bad},
		{name: "names that differ in case", text: `{"tenant":1,"Tenant":2}`, want: bad},
		{name: "names that differ in a case beyond ASCII", text: `{"größe":1,"GRÖßE":2}`, want: bad},
		{name: "names that differ in a letter beyond ASCII", text: `{"key":1,"\u212aey":2}`, want: bad},
		{name: "exp in another case", text: `{"EXP":1}`, want: bad},
		{name: "iss with a long s", text: `{"i\u017fs":"joe"}`, want: bad},
		{name: "scope in another case", text: `{"Scope":"a"}`, want: bad},
		{name: "17 levels", text: `{"a":` + strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16) + `}`, want: bad},
		{name: "17 levels of objects", text: strings.Repeat(`{"a":`, 16) + `{}` + strings.Repeat(`}`, 16), want: bad},
		{name: "the largest", text: `{"a":"` + strings.Repeat("a", jose.MaxClaims-8) + `"}`, want: good},
		{name: "over the limit", text: `{"a":"` + strings.Repeat("a", jose.MaxClaims-7) + `"}`, want: bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := jose.ParseClaims([]byte(tt.text))
			authztest.WantReason(t, err, tt.want)
			if (claims != nil) != (tt.want == good) {
				t.Errorf("claims = %v", claims)
			}
		})
	}
}

// claims are those of a text that is well-formed.
func claims(tb testing.TB, text string) *jose.Claims {
	tb.Helper()
	c, err := jose.ParseClaims([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestTextAndBool(t *testing.T) {
	c := claims(t, `{"s":"a\u00e9\n\ud83d\ude00\"\/","short":"\b\f\n\r\t\\","empty":"","n":1,"t":true,"f":false,"null":null,"list":["a"],"o":{},"active":"true","":"nameless"}`)
	for name, want := range map[string]string{"s": "aé\n😀\"/", "short": "\b\f\n\r\t\\", "empty": "", "active": "true", "": "nameless"} {
		if got, ok := c.Text(name); !ok || got != want {
			t.Errorf("Text(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"n", "t", "f", "null", "list", "o", "absent", "S"} {
		if got, ok := c.Text(name); ok || got != "" {
			t.Errorf("Text(%q) = %q, %v", name, got, ok)
		}
	}
	for name, want := range map[string][2]bool{"t": {true, true}, "f": {false, true}, "active": {}, "n": {}, "null": {}, "absent": {}, "list": {}} {
		if value, ok := c.Bool(name); value != want[0] || ok != want[1] {
			t.Errorf("Bool(%q) = %v, %v", name, value, ok)
		}
	}
	if !c.Has("null") || c.Has("absent") {
		t.Errorf("Has(null), Has(absent) = %v, %v", c.Has("null"), c.Has("absent"))
	}
}

func TestValues(t *testing.T) {
	c := claims(t, `{"s":"x","n":1.50,"big":12345678901234567890,"t":true,"f":false,"null":null,"o":{"a":1},"empty":[],
		"list":["a",2,true,null,{"b":"hidden"},["hidden"],"é"," a "]}`)
	for name, want := range map[string][]string{
		"s": {"x"}, "n": {"1.50"}, "big": {"12345678901234567890"}, "t": {"true"}, "f": {"false"}, "null": nil, "o": nil,
		"empty": nil, "absent": nil, "list": {"a", "2", "true", "é", " a "},
	} {
		if got := c.Values(name); !slices.Equal(got, want) {
			t.Errorf("Values(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	c := claims(t, `{"zero":0,"whole":1700000000,"half":1700000000.5,"nanos":1700000000.123456789,"more":1700000000.1234567899,"one":1.0,
		"last":253402300799,"beyond":253402300800,"negative":-1,"minus zero":-0,"exponent":1.7e9,"huge":1e300,"later exponent":1.5e300,
		"long":170000000000000000000000000000000000000,"text":"1700000000","true":true,"null":null,"list":[1700000000]}`)
	for name, want := range map[string]time.Time{
		"zero": time.Unix(0, 0), "whole": time.Unix(1700000000, 0), "half": time.Unix(1700000000, 5e8), "nanos": time.Unix(1700000000, 123456789),
		"more": time.Unix(1700000000, 123456789), "one": time.Unix(1, 0), "last": time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got, ok := c.Time(name); !ok || !got.Equal(want) {
			t.Errorf("Time(%q) = %v, %v, want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"beyond", "negative", "minus zero", "exponent", "huge", "later exponent", "long", "text", "true", "null", "list", "absent"} {
		if got, ok := c.Time(name); ok || !got.IsZero() {
			t.Errorf("Time(%q) = %v, %v", name, got, ok)
		}
	}
}

// Work and memory grow with the text and no faster: twice the names or the nesting
// is about twice the allocations.
func TestClaimsCostIsLinear(t *testing.T) {
	object := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"n` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `":1`)
		}
		return []byte("{" + b.String()[1:] + "}")
	}
	cost := func(text []byte) float64 {
		return testing.AllocsPerRun(5, func() {
			if _, err := jose.ParseClaims(text); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got := cost([]byte(benchClaims)); got > 6 {
		t.Errorf("a usual token: %v allocations", got)
	}
	small, large := cost(object(1000)), cost(object(4000))
	if large > 4*small+10 {
		t.Errorf("1000 names: %v allocations, 4000 names: %v", small, large)
	}
	if nested := cost([]byte(`{"a":[` + strings.Repeat(`{"a":[{}]},`, 4000) + `0]}`)); nested > 10 {
		t.Errorf("8000 small objects: %v allocations", nested)
	}
	escaped := cost([]byte(`{"a":"` + strings.Repeat(`\u0041`, 9000) + `"}`))
	if escaped > 10 {
		t.Errorf("9000 escapes: %v allocations", escaped)
	}
}

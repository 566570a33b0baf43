package template_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

func TestJSON(t *testing.T) {
	tests := []struct {
		name   string
		body   string
		want   string
		reason authz.Reason // where want is empty
	}{
		{name: "plain", body: `{"a":{"b":"x"}}`, want: "x"},
		{name: "white space", body: " \t\r\n{ \"a\" : { \"b\" : \"x\" } }\n", want: "x"},
		{name: "array on the way", body: `{"a":[{"b":"x"}]}`, reason: authz.ReasonPartMissing},
		{name: "escapes", body: `{"a":{"b":"\"\\\/\b\f\n\r\tA\u00e9\uD83D\ude00"}}`, want: "\"\\/\b\f\n\r\tAé😀"},
		{name: "name with escapes", body: `{"\u0061":{"b":"x"}}`, want: "x"},
		{name: "number", body: `{"a":{"b":-0.10E+05}}`, want: "-0.10E+05"},
		{name: "long number", body: `{"a":{"b":12345678901234567890123}}`, want: "12345678901234567890123"},
		{name: "false", body: `{"a":{"b":false}}`, want: "false"},
		{name: "twice elsewhere", body: `{"a":{"b":"x"},"c":1,"c":2,"d":{"a":{},"a":{}}}`, want: "x"},
		{name: "the same name below", body: `{"a":{"c":{"b":"y"},"b":"x"}}`, want: "x"},

		{name: "name twice", body: `{"a":{"b":"x"},"a":{}}`, reason: authz.ReasonCredentialMalformed},
		{name: "name twice, below", body: `{"a":{"b":"x","b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "name twice, once escaped", body: `{"a":{"b":"x","\u0062":"y"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "name in other capitals", body: `{"a":{"b":"x","B":"y"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "name in other capitals only", body: `{"A":{"b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "object", body: `{"a":{"b":{}}}`, reason: authz.ReasonCredentialMalformed},
		{name: "array", body: `{"a":{"b":[1]}}`, reason: authz.ReasonCredentialMalformed},
		{name: "null", body: `{"a":{"b":null}}`, reason: authz.ReasonCredentialMalformed},
		{name: "null on the way", body: `{"a":null}`, reason: authz.ReasonPartMissing},
		{name: "half a surrogate pair", body: `{"a":{"b":"\ud83d"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "two high surrogates", body: `{"a":{"b":"\ud83d\ud83d"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "half a pair, then text", body: `{"a":{"b":"\ud83dx"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "half a pair elsewhere", body: `{"a":{"b":"x"},"c":"\ud83d"}`, want: "x"},
		{name: "half a pair in a name on the way", body: `{"a":{"b":"x","\ud83d":1}}`, reason: authz.ReasonCredentialMalformed},

		{name: "trailing data", body: `{"a":{"b":"x"}} {}`, reason: authz.ReasonCredentialMalformed},
		{name: "trailing comma", body: `{"a":{"b":"x"},}`, reason: authz.ReasonCredentialMalformed},
		{name: "cut", body: `{"a":{"b":"x"}`, reason: authz.ReasonCredentialMalformed},
		{name: "mark of byte order", body: "\ufeff" + `{"a":{"b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "not UTF-8", body: "{\"a\":{\"b\":\"x\"},\"c\":\"\xff\"}", reason: authz.ReasonCredentialMalformed},
		{name: "NUL behind", body: "{\"a\":{\"b\":\"x\"}}\x00", reason: authz.ReasonCredentialMalformed},
		{name: "form feed as white space", body: "{\"a\":\f{\"b\":\"x\"}}", reason: authz.ReasonCredentialMalformed},
		{name: "comment", body: `{"a":{"b":"x"}/**/}`, reason: authz.ReasonCredentialMalformed},
		{name: "single quotes", body: `{'a':{'b':'x'}}`, reason: authz.ReasonCredentialMalformed},
		{name: "control character", body: "{\"a\":{\"b\":\"x\n\"}}", reason: authz.ReasonCredentialMalformed},
		{name: "unknown escape", body: `{"a":{"b":"\x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "short escape", body: `{"a":{"b":"\u12"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "leading zero", body: `{"a":{"b":01}}`, reason: authz.ReasonCredentialMalformed},
		{name: "plus", body: `{"a":{"b":+1}}`, reason: authz.ReasonCredentialMalformed},
		{name: "bare point", body: `{"a":{"b":1.}}`, reason: authz.ReasonCredentialMalformed},
		{name: "bare exponent", body: `{"a":{"b":1e}}`, reason: authz.ReasonCredentialMalformed},
		{name: "bare minus", body: `{"a":{"b":-}}`, reason: authz.ReasonCredentialMalformed},
		{name: "NaN", body: `{"a":{"b":NaN}}`, reason: authz.ReasonCredentialMalformed},
		{name: "other values of all sorts", body: `{"c":[{"d":[[],{},{"e":[1,-2.5E+3]},"x",null]},[true,{"f":{}}] ],"a":{"b":"x"}}`, want: "x"},
		{name: "wrong bracket elsewhere", body: `{"c":[{"d":1]},"a":{"b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "no name elsewhere", body: `{"c":[{"d":1,2}],"a":{"b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "no colon elsewhere", body: `{"c":{"d":{"e" 1}},"a":{"b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "trailing comma elsewhere", body: `{"c":[[1,]],"a":{"b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "deep, and not empty", body: `{"c":` + strings.Repeat(`[{"d":`, 31) + `[1]` + strings.Repeat("}]", 31) + `,"a":{"b":"x"}}`, want: "x"},
		{name: "too deep, by a number", body: `{"c":` + strings.Repeat("[", 64) + "1" + strings.Repeat("]", 64) + `,"a":{"b":"x"}}`, reason: authz.ReasonCredentialMalformed},
		{name: "deep", body: `{"c":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `,"a":{"b":"x"}}`, want: "x"},
		{name: "too deep", body: `{"a":{"b":"x"},"c":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`, reason: authz.ReasonCredentialMalformed},
		{name: "much too deep", body: strings.Repeat("[", 1<<20), reason: authz.ReasonCredentialMalformed},
	}
	compiled := compile(t, "{json:/a/b}", options(template.PlaceMessage))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := compiled.Append(nil, &template.Input{Request: &authz.Request{}, Body: []byte(tt.body)})
			if string(got) != tt.want || tt.want == "" && reason(err) != tt.reason {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.reason)
			}
		})
	}
}

func TestJSONIndex(t *testing.T) {
	body := []byte(`[["x","y"],{"0":"z","~1":"w","":"v"}]`)
	for pointer, want := range map[string]string{
		"/0/0": "x", "/0/1": "y", "/1/0": "z", "/1/~01": "w", "/1/": "v", "/0/2": "", "/0/-": "", "/0/01": "", "/0/+1": "", "/0/4294967296": "", "/0/": "",
	} {
		got, err := compile(t, "{json:"+pointer+"}", options(template.PlaceMessage)).Append(nil, &template.Input{Request: &authz.Request{}, Body: body})
		if string(got) != want || want == "" && reason(err) != authz.ReasonPartMissing {
			t.Errorf("%s: got %q, %v, want %q", pointer, got, err, want)
		}
	}
}

// FuzzJSON holds the scanner against encoding/json: what is read is what
// everybody reads, and nothing is taken that is not JSON.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,{"b":"x"}]}`, `{"a":[0,{"b":"\u0041\ud83d\ude00"}]}`, `{"a":[0,{"b":1e5}],"a":1}`, `{"A":[]}`, `[]`, `{"a":[true,{"b":false}]} `, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	compiled := compile(f, "{json:/a/1/b}", options(template.PlaceMessage))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := compiled.Append(nil, &template.Input{Request: &authz.Request{}, Body: body})
		if err != nil && reason(err) == authz.ReasonCredentialMalformed {
			return
		}
		if len(body) > 0 && (!json.Valid(body) || !utf8.Valid(body)) {
			t.Fatalf("%q: got %q, %v, want malformed", body, got, err)
		}
		want, found := lookUp(body)
		if err == nil && (!found || string(got) != want) {
			t.Errorf("%q: got %q, encoding/json reads %q, %v", body, got, want, found)
		}
		if err != nil && want != "" {
			t.Errorf("%q: got %v, encoding/json reads %q", body, err, want)
		}
	})
}

// lookUp finds /a/1/b with encoding/json.
func lookUp(body []byte) (string, bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return "", false
	}
	object, _ := value.(map[string]any)
	array, _ := object["a"].([]any)
	if len(array) < 2 {
		return "", false
	}
	object, _ = array[1].(map[string]any)
	switch found := object["b"].(type) {
	case string:
		return found, true
	case json.Number:
		return found.String(), true
	case bool:
		if found {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

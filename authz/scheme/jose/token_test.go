package jose_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

func TestParseCompact(t *testing.T) {
	const (
		ok        = authz.ReasonVerified // nothing is wrong
		malformed = authz.ReasonCredentialMalformed
		algorithm = authz.ReasonAlgNotAllowed
		invalid   = authz.ReasonTokenInvalid
	)
	tail := "." + b64("{}") + ".c2ln"
	header := func(text string) string { return b64(text) + tail }
	es256 := b64(`{"alg":"ES256"}`)
	tests := []struct {
		name, token string
		want        authz.Reason
	}{
		{name: "plain", token: es256 + tail, want: ok},
		{name: "white space in the header", token: header("{ \"alg\" :\r\n\t\"ES256\" } \n"), want: ok},
		{name: "unknown members", token: header(`{"alg":"ES256","x5t":"abc","jti":1,"cty":"JWT","epk":{"a":[null,true,-1.5e3]}}`), want: ok},
		{name: "an escape in the header", token: header(`{"\u0061lg":"\u0045S256"}`), want: ok},
		{name: "an empty payload", token: es256 + "..c2ln", want: ok},
		{name: "the longest", token: es256 + "." + strings.Repeat("A", jose.MaxToken-len(es256)-6) + ".c2ln", want: ok},

		{name: "nothing", want: malformed},
		{name: "one part", token: es256, want: malformed},
		{name: "two parts", token: es256 + ".e30", want: malformed},
		{name: "four parts", token: es256 + tail + ".", want: malformed},
		{name: "five parts, encrypted", token: es256 + tail + ".AA.AA", want: malformed},
		{name: "100000 dots", token: strings.Repeat(".", 100000), want: malformed},
		{name: "16000 dots", token: strings.Repeat(".", 16000), want: malformed},
		{name: "no header", token: tail, want: malformed},
		{name: "no signature", token: es256 + ".e30.", want: malformed},
		{name: "over the limit", token: es256 + "." + strings.Repeat("A", jose.MaxToken) + ".c2ln", want: malformed},
		{name: "JSON serialisation", token: `{"protected":"` + es256 + `","payload":"e30","signature":"c2ln"}`, want: malformed},
		{name: "JSON with two dots", token: `{"a":"..","protected":"` + es256 + `"}`, want: malformed},

		{name: "space before", token: " " + es256 + tail, want: malformed},
		{name: "line feed after", token: es256 + tail + "\n", want: malformed},
		{name: "line feed in the header", token: es256[:5] + "\n" + es256[5:] + tail, want: malformed},
		{name: "carriage return in the payload", token: es256 + ".e\r30.c2ln", want: malformed},
		{name: "padding in the payload", token: es256 + ".e30=.c2ln", want: malformed},
		{name: "padding of the signature", token: es256 + ".e30.c2k=", want: malformed},
		{name: "the other base64", token: es256 + ".e30.+/+/", want: malformed},
		{name: "a stray bit after two", token: es256 + ".e30.AB", want: malformed},
		{name: "a stray bit after three", token: es256 + ".e31.c2ln", want: malformed},
		{name: "a stray bit in the header", token: es256[:len(es256)-1] + "1" + tail, want: malformed},
		{name: "one character over", token: es256 + ".e30.AAAAA", want: malformed},
		{name: "zero byte", token: es256 + ".e30.c2\x00n", want: malformed},
		{name: "not ASCII", token: es256 + ".e30.c2lé", want: malformed},

		{name: "no JSON", token: header(`alg: ES256`), want: malformed},
		{name: "an array", token: header(`["ES256"]`), want: malformed},
		{name: "null", token: header(`null`), want: malformed},
		{name: "two values", token: header(`{"alg":"ES256"}{"alg":"RS256"}`), want: malformed},
		{name: "bytes after", token: header("{\"alg\":\"ES256\"}\x00"), want: malformed},
		{name: "a byte order mark", token: header("\ufeff{\"alg\":\"ES256\"}"), want: malformed},
		{name: "invalid UTF-8", token: header("{\"alg\":\"ES256\",\"a\":\"\xff\"}"), want: malformed},
		{name: "alg twice", token: header(`{"alg":"ES256","alg":"ES256"}`), want: malformed},
		{name: "alg twice, escaped", token: header(`{"alg":"ES256","al\u0067":"none"}`), want: malformed},
		{name: "alg in another case", token: header(`{"ALG":"ES256"}`), want: malformed},
		{name: "alg in another case besides", token: header(`{"alg":"RS256","Alg":"none"}`), want: malformed},
		{name: "crit in another case", token: header(`{"alg":"ES256","Crit":["a"]}`), want: malformed},
		{name: "jwk with a Kelvin sign", token: header(`{"alg":"ES256","jw\u212a":{}}`), want: malformed},
		{name: "names that differ in case", token: header(`{"alg":"ES256","foo":1,"FOO":2}`), want: malformed},
		{name: "deep", token: header(`{"alg":"ES256","a":` + strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16) + `}`), want: malformed},

		{name: "no alg", token: header(`{}`), want: malformed},
		{name: "alg is a number", token: header(`{"alg":256}`), want: malformed},
		{name: "alg is null", token: header(`{"alg":null}`), want: malformed},
		{name: "alg is an array", token: header(`{"alg":["ES256"]}`), want: malformed},
		{name: "none", token: header(`{"alg":"none"}`), want: algorithm},
		{name: "None", token: header(`{"alg":"None"}`), want: algorithm},
		{name: "HS256", token: header(`{"alg":"HS256"}`), want: algorithm},
		{name: "an empty alg", token: header(`{"alg":""}`), want: algorithm},
		{name: "an algorithm with a space", token: header(`{"alg":"ES256 "}`), want: algorithm},
		{name: "an encryption", token: header(`{"alg":"RSA-OAEP","enc":"A128GCM"}`), want: algorithm},

		{name: "crit", token: header(`{"alg":"ES256","crit":["exp"],"exp":1}`), want: invalid},
		{name: "an empty crit", token: header(`{"alg":"ES256","crit":[]}`), want: invalid},
		{name: "crit is null", token: header(`{"alg":"ES256","crit":null}`), want: invalid},
		{name: "b64 false", token: header(`{"alg":"ES256","b64":false,"crit":["b64"]}`), want: invalid},
		{name: "b64 true", token: header(`{"alg":"ES256","b64":true}`), want: invalid},
		{name: "zip", token: header(`{"alg":"ES256","zip":"DEF"}`), want: invalid},
		{name: "jku", token: header(`{"alg":"ES256","jku":"https://evil.example/"}`), want: invalid},
		{name: "x5u", token: header(`{"alg":"ES256","x5u":"https://evil.example/"}`), want: invalid},
		{name: "x5c", token: header(`{"alg":"ES256","x5c":["MIIB"]}`), want: invalid},
		{name: "jwk", token: header(`{"alg":"ES256","jwk":{"kty":"EC"}}`), want: invalid},

		{name: "kid is a number", token: header(`{"alg":"ES256","kid":1}`), want: malformed},
		{name: "kid is null", token: header(`{"alg":"ES256","kid":null}`), want: malformed},
		{name: "kid is empty", token: header(`{"alg":"ES256","kid":""}`), want: malformed},
		{name: "kid is a path", token: header(`{"alg":"ES256","kid":"../../dev/null"}`), want: ok}, // no path is made of it
		{name: "kid is a query", token: header(`{"alg":"ES256","kid":"' OR 1=1 --"}`), want: malformed},
		{name: "kid with a zero byte", token: header(`{"alg":"ES256","kid":"a\u0000b"}`), want: malformed},
		{name: "kid with a line feed", token: header(`{"alg":"ES256","kid":"a\nb"}`), want: malformed},
		{name: "kid beyond ASCII", token: header(`{"alg":"ES256","kid":"schlüssel"}`), want: malformed},
		{name: "kid of 128 bytes", token: header(`{"alg":"ES256","kid":"` + strings.Repeat("k", 128) + `"}`), want: ok},
		{name: "kid of 129 bytes", token: header(`{"alg":"ES256","kid":"` + strings.Repeat("k", 129) + `"}`), want: malformed},
		{name: "typ is a number", token: header(`{"alg":"ES256","typ":1}`), want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := jose.ParseCompact(tt.token)
			if tt.want == ok {
				if err != nil || token == nil {
					t.Fatalf("ParseCompact = %v, %v", token, err)
				}
				return
			}
			authztest.WantReason(t, err, tt.want)
			if token != nil {
				t.Errorf("a token besides the error")
			}
		})
	}
}

func TestHeaderMembers(t *testing.T) {
	token := parse(t, b64(`{"alg":"PS384","kid":"arn:aws:kms:eu-1:4711:key/0d3b~x+y=","typ":"application/at+jwt"}`)+".e30.c2ln")
	if got, want := token.Algorithm(), "PS384"; got != want {
		t.Errorf("Algorithm = %q, want %q", got, want)
	}
	if got, want := token.KeyID(), "arn:aws:kms:eu-1:4711:key/0d3b~x+y="; got != want {
		t.Errorf("KeyID = %q, want %q", got, want)
	}
	if got, want := token.Type(), "application/at+jwt"; got != want {
		t.Errorf("Type = %q, want %q", got, want)
	}
	if token.Payload() != nil {
		t.Errorf("a payload before anything was verified")
	}
	if bare := parse(t, b64(`{"alg":"ES256"}`)+".e30.c2ln"); bare.KeyID() != "" || bare.Type() != "" {
		t.Errorf("KeyID, Type = %q, %q of a header without", bare.KeyID(), bare.Type())
	}
}

// Nothing of what a sender writes reaches an error.
func TestErrorsHoldNothingOfTheToken(t *testing.T) {
	for _, text := range []string{
		"zebra.zebra.zebra", b64(`{"alg":"zebra"}`) + ".e30.c2ln", b64(`{"alg":"ES256","kid":"zebra zebra"}`) + ".e30.c2ln",
		b64(`{"zebra":1,"zebra":2}`) + ".e30.c2ln", b64(`{"alg":"ES256","crit":["zebra"]}`) + ".e30.c2ln", b64(`zebra`) + ".e30.c2ln",
	} {
		if _, err := jose.ParseCompact(text); err == nil || strings.Contains(err.Error(), "zebra") {
			t.Errorf("ParseCompact(%q) = %v", text, err)
		}
	}
}

// What a hostile token costs is bounded by its length, and refused before more.
func TestHostileTokensCostLittle(t *testing.T) {
	tail := ".e30.c2ln"
	many := func(one string, n int) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	names := make([]string, 0, 1000)
	for i := range 1000 {
		names = append(names, `"`+b64(string(rune('a'+i%26))+string(rune('a'+i/26)))+`":1`)
	}
	tests := []struct {
		name, token string
		most        float64 // allocations
	}{
		{name: "100000 dots", token: strings.Repeat(".", 100000), most: 8},
		{name: "16384 dots", token: strings.Repeat(".", jose.MaxToken), most: 8},
		{name: "a megabyte", token: strings.Repeat("A", 1<<20), most: 8},
		{name: "64 KiB of kid", token: b64(`{"alg":"ES256","kid":"`+strings.Repeat("k", 64<<10)+`"}`) + tail, most: 8},
		{name: "8 KiB of kid", token: b64(`{"alg":"ES256","kid":"`+strings.Repeat("k", 8<<10)+`"}`) + tail, most: 10},
		{name: "12000 brackets", token: b64(`{"a":`+strings.Repeat("[", 12000)) + tail, most: 15},
		{name: "2000 braces", token: b64(strings.Repeat(`{"a":`, 2000)) + tail, most: 15},
		{name: "6000 numbers", token: b64(`{"a":[`+many("1", 6000)+`]}`) + tail, most: 15},
		{name: "1000 names", token: b64(`{`+many(strings.Join(names, ","), 1)+`}`) + tail, most: 1100}, // one a name
	}
	for _, tt := range tests {
		got := testing.AllocsPerRun(5, func() {
			if _, err := jose.ParseCompact(tt.token); err == nil {
				t.Errorf("%s: parsed", tt.name)
			}
		})
		if got > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

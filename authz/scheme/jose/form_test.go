package jose_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// What a form permits besides, and what none does.
func TestForm(t *testing.T) {
	const (
		ok        = authz.ReasonVerified
		malformed = authz.ReasonCredentialMalformed
		invalid   = authz.ReasonTokenInvalid
	)
	plain := jose.Form{Max: 1 << 20}
	either := jose.Form{Max: 1 << 20, Detached: jose.EncodedOrNot}
	encoded := jose.Form{Max: 1 << 20, Detached: jose.Encoded}
	unencoded := jose.Form{Max: 1 << 20, Detached: jose.Unencoded, Understood: []string{"ts", "alg"}}
	chained := jose.Form{Max: 1 << 20, Certificates: true}
	attached := func(header string) string { return b64(header) + ".e30.c2ln" }
	apart := func(header string) string { return b64(header) + "..c2ln" }
	tests := []struct {
		name  string
		form  jose.Form
		token string
		want  authz.Reason
	}{
		{name: "a long payload", form: plain, token: b64(`{"alg":"ES256"}`) + "." + strings.Repeat("A", 1<<19) + ".c2ln", want: ok},
		{name: "a payload too long", form: plain, token: b64(`{"alg":"ES256"}`) + "." + strings.Repeat("A", 1<<20) + ".c2ln", want: malformed},
		{name: "a long header", form: plain, token: attached(`{"alg":"ES256","a":"` + strings.Repeat("a", 32<<10) + `"}`), want: ok},
		{name: "a header too long", form: plain, token: attached(`{"alg":"ES256","a":"` + strings.Repeat("a", 64<<10) + `"}`), want: malformed},
		{name: "a signature too long", form: plain, token: b64(`{"alg":"ES256"}`) + ".e30." + strings.Repeat("A", 17<<10), want: malformed},
		{name: "none", form: plain, token: attached(`{"alg":"none"}`), want: authz.ReasonAlgNotAllowed},
		{name: "b64 and attached", form: plain, token: attached(`{"alg":"ES256","b64":false,"crit":["b64"]}`), want: invalid},
		{name: "b64 true and attached", form: plain, token: attached(`{"alg":"ES256","b64":true,"crit":["b64"]}`), want: invalid},
		{name: "x5c", form: chained, token: attached(`{"alg":"ES256","x5c":["AAAA"]}`), want: ok},
		{name: "x5c unwanted", form: plain, token: attached(`{"alg":"ES256","x5c":["AAAA"]}`), want: invalid},
		{name: "jwk beside x5c", form: chained, token: attached(`{"alg":"ES256","x5c":["AAAA"],"jwk":{}}`), want: invalid},
		{name: "x5u", form: chained, token: attached(`{"alg":"ES256","x5u":"https://a.example"}`), want: invalid},
		{name: "zip", form: encoded, token: apart(`{"alg":"ES256","zip":"DEF"}`), want: invalid},

		{name: "detached", form: encoded, token: apart(`{"alg":"ES256"}`), want: ok},
		{name: "detached with a payload", form: encoded, token: attached(`{"alg":"ES256"}`), want: malformed},
		{name: "b64 where it is not understood", form: encoded, token: apart(`{"alg":"ES256","b64":true,"crit":["b64"]}`), want: invalid},
		{name: "b64 false", form: unencoded, token: apart(`{"alg":"ES256","b64":false,"crit":["b64"]}`), want: ok},
		{name: "b64 false, either", form: either, token: apart(`{"alg":"ES256","b64":false,"crit":["b64"]}`), want: ok},
		{name: "b64 true, either", form: either, token: apart(`{"alg":"ES256","b64":true,"crit":["b64"]}`), want: ok},
		{name: "b64 true where false is wanted", form: unencoded, token: apart(`{"alg":"ES256","b64":true,"crit":["b64"]}`), want: invalid},
		{name: "no b64 where false is wanted", form: unencoded, token: apart(`{"alg":"ES256"}`), want: invalid},
		{name: "b64 is not critical", form: either, token: apart(`{"alg":"ES256","b64":true}`), want: invalid},
		{name: "b64 is text", form: either, token: apart(`{"alg":"ES256","b64":"false","crit":["b64"]}`), want: invalid},
		{name: "B64", form: either, token: apart(`{"alg":"ES256","B64":false,"crit":["B64"]}`), want: malformed},
		{name: "more that is understood", form: unencoded, token: apart(`{"alg":"ES256","b64":false,"ts":1,"crit":["b64","ts"]}`), want: ok},
		{name: "understood and absent", form: unencoded, token: apart(`{"alg":"ES256","b64":false,"crit":["b64","ts"]}`), want: invalid},
		{name: "JOSE's own is critical", form: unencoded, token: apart(`{"alg":"ES256","b64":false,"crit":["b64","alg"]}`), want: invalid},
		{name: "not understood", form: unencoded, token: apart(`{"alg":"ES256","b64":false,"exp":1,"crit":["b64","exp"]}`), want: invalid},
		{name: "twice", form: unencoded, token: apart(`{"alg":"ES256","b64":false,"crit":["b64","b64"]}`), want: invalid},
		{name: "no name", form: either, token: apart(`{"alg":"ES256","crit":[null]}`), want: invalid},
		{name: "text", form: either, token: apart(`{"alg":"ES256","b64":false,"crit":"b64"}`), want: invalid},
		{name: "nothing critical", form: either, token: apart(`{"alg":"ES256","crit":[]}`), want: invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := tt.form.Parse(tt.token)
			authztest.WantReason(t, err, tt.want)
			if (token == nil) != (err != nil) {
				t.Errorf("token = %v, error = %v", token, err)
			}
		})
	}
}

// A token of a form is verified without the library: each algorithm, with each
// sort of payload, by the key that signed it and by no other.
func TestFormVerify(t *testing.T) {
	form := jose.Form{Max: 1 << 20}
	for _, algorithm := range all {
		text := sign(t, algorithm, "a", payload)
		key := authz.PublicKey{ID: "a", Key: signerFor(t, algorithm).Public()}
		token, err := form.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := token.VerifyKey(key.Key, all); err != nil || string(token.Payload()) != payload {
			t.Errorf("%s: %v, payload %q", algorithm, err, token.Payload())
		}
		if _, err := token.Verify(accept(key), all); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		authztest.WantReason(t, token.VerifyKey(key.Key, nil), authz.ReasonAlgNotAllowed)
		if token.Payload() != nil {
			t.Error("a payload beside the error")
		}
		for _, other := range []string{"Ed25519 other", "P-256", "P-384", "P-521", "RSA"} {
			if algorithm.Fits(public(t, other)) && other != "Ed25519 other" {
				continue
			}
			if token.VerifyKey(public(t, other), all) == nil {
				t.Errorf("%s: verified by %s", algorithm, other)
			}
		}
		var signed appended
		if err := token.WriteSigned(&signed); err != nil || string(signed) != text[:strings.LastIndex(text, ".")] {
			t.Errorf("%s: signed = %q", algorithm, signed)
		}
	}
	authztest.WantReason(t, parse(t, sign(t, jose.EdDSA, "a", payload)).VerifyKey(public(t, "Ed25519"), all), authz.ReasonBug)
}

type appended []byte

func (a *appended) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// detach is a token over body as the library makes it.
func detach(tb testing.TB, body string, encoded bool) string {
	tb.Helper()
	options := &lib.SignerOptions{}
	if !encoded {
		options = options.WithBase64(false)
	}
	s, err := lib.NewSigner(lib.SigningKey{Algorithm: lib.EdDSA, Key: signer(tb, "Ed25519")}, options)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := s.Sign([]byte(body))
	if err != nil {
		tb.Fatal(err)
	}
	text, err := signed.DetachedCompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// FuzzDetached looks for a body that a token was not made over and that passes with
// it, and holds what passes against the library.
func FuzzDetached(f *testing.F) {
	const body = `{"event":"a"}`
	made := []string{detach(f, body, true), detach(f, body, false)}
	f.Add(made[0], []byte(body))
	f.Add(made[1], []byte(body))
	f.Add(made[1], []byte(b64(body)))
	f.Add(b64(`{"alg":"EdDSA","b64":false}`)+"..AA", []byte(body))
	f.Add(made[0][:strings.IndexByte(made[0], '.')]+".e30.AA", []byte{})
	form := jose.Form{Max: 1 << 20, Detached: jose.EncodedOrNot}
	f.Fuzz(func(t *testing.T, text string, over []byte) {
		token, err := form.Parse(text)
		if err != nil {
			return
		}
		token.Over(over)
		if token.VerifyKey(public(t, "Ed25519"), all) != nil {
			return
		}
		if string(over) != body || !slices.Contains(made, text) || string(token.Payload()) != body {
			t.Fatalf("verified %q over %q, which nobody signed", text, over)
		}
		signed, err := lib.ParseDetached(text, over, []lib.SignatureAlgorithm{lib.EdDSA})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signed.Verify(public(t, "Ed25519")); err != nil {
			t.Fatalf("the library does not verify %q: %v", text, err)
		}
	})
}

// FuzzForm holds what a token of a form is read as against the library.
func FuzzForm(f *testing.F) {
	signed := sign(f, jose.EdDSA, "a", payload)
	f.Add(signed)
	f.Add(b64(`{"alg":"EdDSA","x5c":["AAAA"],"crit":["ts"],"ts":1}`) + ".e30.c2ln")
	f.Add("..")
	form := jose.Form{Max: 1 << 20, Certificates: true, Understood: []string{"ts"}}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := form.Parse(text)
		if err != nil {
			return
		}
		if _, decode := token.Certificates(5); decode != nil {
			ders, err := decode()
			if (err == nil) != (len(ders) > 0) || len(ders) > 5 {
				t.Fatalf("%d certificates, %v", len(ders), err)
			}
		}
		if token.VerifyKey(public(t, "Ed25519"), all) != nil {
			return
		}
		other, err := jose.ParseCompact(text)
		if err != nil || text != signed {
			t.Fatalf("verified %q (%v)", text, err)
		}
		if _, err := other.Verify(accept(authz.PublicKey{Key: public(t, "Ed25519")}), all); err != nil && other.KeyID() == "" {
			t.Fatal(err)
		}
	})
}

// The text of the certificates and what they decode to.
func TestTokenCertificates(t *testing.T) {
	form := jose.Form{Max: 1 << 20, Certificates: true}
	sum := sha256.Sum256(nil)
	der := base64.StdEncoding.EncodeToString(sum[:])
	big := base64.StdEncoding.EncodeToString(make([]byte, 16<<10+3))
	for name, tt := range map[string]struct {
		x5c  string
		want int // 0: refused
	}{
		"one":             {x5c: `["` + der + `"]`, want: 1},
		"as many as may":  {x5c: `["` + der + `","` + der + `"]`, want: 2},
		"too many":        {x5c: `["` + der + `","` + der + `","` + der + `"]`},
		"none":            {x5c: `[]`},
		"text":            {x5c: `"` + der + `"`},
		"a number":        {x5c: `[1]`},
		"an empty text":   {x5c: `[""]`},
		"base64url":       {x5c: `["-_-_"]`},
		"no padding":      {x5c: `["` + strings.TrimRight(der, "=") + `"]`},
		"a stray bit":     {x5c: `["AB=="]`},
		"a line feed":     {x5c: `["AAAA\n"]`},
		"over the bounds": {x5c: `["` + big + `"]`},
	} {
		token, err := form.Parse(b64(`{"alg":"ES256","x5c":`+tt.x5c+`}`) + ".e30.c2ln")
		if err != nil {
			t.Fatal(err)
		}
		text, decode := token.Certificates(2)
		ders, err := decode()
		if text != tt.x5c || len(ders) != tt.want && err == nil || (err == nil) != (tt.want > 0) {
			t.Errorf("%s: %d certificates, %v", name, len(ders), err)
		}
	}
	token, err := form.Parse(b64(`{"alg":"ES256"}`) + ".e30.c2ln")
	if err != nil {
		t.Fatal(err)
	}
	if text, decode := token.Certificates(2); text != "" || decode != nil {
		t.Errorf("certificates of a token without: %q", text)
	}
	if v, ok := token.Header().Text("alg"); !ok || v != "ES256" || !token.HasType("") || token.HasType("jwt") {
		t.Errorf("header = %q", v)
	}
}

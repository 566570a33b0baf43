package jose_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// FuzzParseCompact looks for a text that is read in more than one way, for a token
// that its key never signed, and for one that the library reads otherwise.
func FuzzParseCompact(f *testing.F) {
	signed := []string{sign(f, jose.EdDSA, "a", payload), sign(f, jose.EdDSA, "", payload)}
	keys := accept(authz.PublicKey{ID: "a", Key: public(f, "Ed25519")})
	f.Add(signed[0])
	f.Add(signed[1])
	f.Add(b64(`{"alg":"ES256","kid":"b"}`) + "..c2ln")
	f.Add(b64(`{"alg":"ES256","crit":["exp"]}`) + ".e30.c2ln")
	f.Add(b64(`{"alg":"none"}`) + ".e30.")
	f.Add(b64("{ \"\\u0061lg\":\t\"RS256\", \"x\":[{\"a\":-1e3}] }") + ".e30.AA")
	f.Add("...")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := jose.ParseCompact(text)
		if err != nil {
			if token != nil {
				t.Fatal("a token with the error")
			}
			return
		}
		parts := strings.Split(text, ".")
		if len(parts) != 3 || len(text) > jose.MaxToken {
			t.Fatalf("%d parts, %d bytes", len(parts), len(text))
		}
		for i, part := range parts {
			b, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil || base64.RawURLEncoding.EncodeToString(b) != part {
				t.Fatalf("part %d is not what its bytes encode to (%v)", i, err)
			}
		}
		if _, ok := jose.ParseAlgorithm(token.Algorithm()); !ok || len(token.KeyID()) > jose.MaxKeyID {
			t.Fatalf("alg = %q, kid of %d bytes", token.Algorithm(), len(token.KeyID()))
		}
		header := unb64(t, parts[0])
		var same map[string]any
		if err := json.Unmarshal(header, &same); err != nil || same["alg"] != token.Algorithm() || textOf(same["kid"]) != token.KeyID() || textOf(same["typ"]) != token.Type() {
			t.Fatalf("header %s is read as %q, %q, %q (%v)", header, token.Algorithm(), token.KeyID(), token.Type(), err)
		}
		if _, err := token.Verify(keys, all); err == nil {
			if !slices.Contains(signed, text) {
				t.Fatalf("verified %q, which nobody signed", text)
			}
			other, err := lib.ParseSignedCompact(text, []lib.SignatureAlgorithm{lib.EdDSA})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := other.Verify(public(t, "Ed25519")); err != nil || !bytes.Equal(got, token.Payload()) {
				t.Fatalf("the library reads %q, %v", got, err)
			}
		}
	})
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// FuzzParseClaims holds what is accepted against encoding/json, which must read
// the same, and walks it for names that stand twice.
func FuzzParseClaims(f *testing.F) {
	f.Add([]byte(benchClaims))
	f.Add([]byte(`{"a":[1,-0.5e+3,"\ud83d\ude00\u0000",{"b":null,"c":[true,false,[]]}],"A b":"\/"}`))
	f.Add([]byte(`{"exp":1700000000.25,"nbf":1e300,"iat":-1}`))
	f.Add([]byte(`{"a":{"b":1,"b":1}}`))
	f.Add([]byte("{\"iss\":\"\xff\"}"))
	f.Add([]byte(`{"i` + "\u017f" + `s":1,"K":1,"` + "\u212a" + `":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := jose.ParseClaims(text)
		if err != nil {
			if c != nil {
				t.Fatal("claims with the error")
			}
			return
		}
		if err := walk(text); err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		var same map[string]any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&same); err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		for name, want := range same {
			if got := c.Values(name); !c.Has(name) || !slices.Equal(got, valuesOf(want)) {
				t.Fatalf("Values(%q) = %q, encoding/json reads %q", name, got, valuesOf(want))
			}
			if got, ok := c.Text(name); ok != isText(want) || got != textOf(want) {
				t.Fatalf("Text(%q) = %q, %v, encoding/json reads %v", name, got, ok, want)
			}
			if at, ok := c.Time(name); ok && (at.Year() < 1970 || at.Year() > 9999) {
				t.Fatalf("Time(%q) = %v", name, at)
			}
		}
		names := slices.Sorted(maps.Keys(same))
		for i, a := range names {
			for _, b := range names[:i] {
				if strings.EqualFold(a, b) {
					t.Fatalf("names %q and %q", a, b)
				}
			}
		}
	})
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// valuesOf is what Values returns of a value that encoding/json read.
func valuesOf(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var all []string
	for _, e := range list {
		switch e := e.(type) {
		case string:
			all = append(all, e)
		case json.Number, bool:
			all = append(all, fmt.Sprint(e))
		}
	}
	return all
}

// walk reads text token by token and returns an error if it is not one value, or
// if an object has a name twice.
func walk(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := walkValue(decoder); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("more than one value")
	}
	return nil
}

func walkValue(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	seen := map[any]bool{}
	for token == json.Delim('{') && decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("name %q twice", name)
		}
		seen[name] = true
		if err := walkValue(decoder); err != nil {
			return err
		}
	}
	for token == json.Delim('[') && decoder.More() {
		if err := walkValue(decoder); err != nil {
			return err
		}
	}
	if token == json.Delim('{') || token == json.Delim('[') {
		_, err = decoder.Token()
	}
	return err
}

// FuzzParseJWKSet holds that a set which is read is the same once it is written and
// read again, and that each of its keys is one that can verify.
func FuzzParseJWKSet(f *testing.F) {
	ed, ec, rsa := publicJWK(f, "Ed25519"), publicJWK(f, "P-256"), publicJWK(f, "RSA")
	f.Add(set(f, ed.with("kid", "a").with("alg", "EdDSA"), ec.with("kid", "b").with("use", "sig"), rsa.with("key_ops", []string{"verify"})))
	f.Add(set(f, ed.with("kid", "a"), ec.with("kid", "a"), privateJWK(f, "Ed25519"), jwk{"kty": "oct", "k": "AAAA"}))
	f.Add(ed.bytes(f))
	f.Add(ec.with("kid", "k").bytes(f))
	f.Add(rsa.with("alg", "PS512").bytes(f))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, _, err := jose.ParseJWKSet(text)
		if one, errOne := jose.ParseJWK(text); errOne == nil {
			keys, err = one, nil
		}
		if err != nil {
			if keys != nil {
				t.Fatal("keys with the error")
			}
			return
		}
		written, err := jose.MarshalJWKSet(keys)
		if err != nil {
			t.Fatalf("MarshalJWKSet: %v", err)
		}
		again, refused, err := jose.ParseJWKSet(written)
		if err != nil || len(refused) != 0 || len(again) != len(keys) {
			t.Fatalf("read again: %d of %d keys, %v, %v", len(again), len(keys), refused, err)
		}
		for i, key := range keys {
			if again[i].ID != key.ID || again[i].Algorithm != key.Algorithm || !equal(again[i].Key, key.Key) {
				t.Errorf("key %d = %+v, read again %+v", i, key, again[i])
			}
			if _, ok := jose.AlgorithmFor(key.Key); !ok {
				t.Errorf("key %d fits no algorithm", i)
			}
		}
	})
}

// FuzzParsePEM holds that every block that is begun is a key or an error, and that
// private keys which are read sign what their public halves verify.
func FuzzParsePEM(f *testing.F) {
	f.Add([]byte(pkix(f, public(f, "Ed25519")) + "# comment\n" + pkix(f, public(f, "P-384"))))
	f.Add([]byte(certificate(f, "P-256", 0)))
	f.Add([]byte(pkcs8(f, signer(f, "Ed25519"))))
	f.Add([]byte(sec1(f, "P-256")))
	f.Add(privateJWK(f, "Ed25519").bytes(f))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, read := range []func([]byte) ([]authz.PublicKey, error){jose.ParsePEM, jose.ParseX509} {
			keys, err := read(text)
			if (err == nil) != (len(keys) > 0) {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			if err == nil && len(keys) != bytes.Count(text, []byte("-----BEGIN")) {
				t.Fatalf("%d keys of %q", len(keys), text)
			}
			if _, err := jose.MarshalJWKSet(keys); err != nil {
				t.Fatal(err)
			}
		}
		private, err := jose.ParsePrivatePEM(text)
		if err != nil {
			private, err = jose.ParsePrivateJWK(text)
		}
		if err != nil {
			return
		}
		algorithm, _ := jose.AlgorithmFor(private.Public())
		signed, err := jose.Sign(private, algorithm, "", "", text[:8])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(t, signed).Verify(accept(authz.PublicKey{Key: private.Public()}), all); err != nil {
			t.Fatal(err)
		}
	})
}

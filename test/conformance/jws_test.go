package conformance

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A tokenGroup has one key, or a set of them, and tokens that it signed or not.
type tokenGroup struct {
	Comment string          `json:"comment"`
	Private json.RawMessage `json:"private"`
	Public  json.RawMessage `json:"public"`
	Tests   []struct {
		ID      int             `json:"tcId"`
		Comment string          `json:"comment"`
		JWS     json.RawMessage `json:"jws"`
		JWE     json.RawMessage `json:"jwe"`
		Result  string          `json:"result"`
	} `json:"tests"`
}

// token returns a vector's token. Some hold the JSON serialisation as an object.
func token(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// verify does what a bearer check does with a token and the text of its keys.
func verify(text string, keys []byte) error {
	t, err := jose.ParseCompact(text)
	if err != nil {
		return err
	}
	accepted, err := jose.ParseJWK(keys)
	if isSet(keys) {
		accepted, _, err = jose.ParseJWKSet(keys)
	}
	if err != nil {
		return err
	}
	key, err := t.Verify(&authz.Keys{Accepted: accepted}, all)
	if err == nil && (key == nil || t.Payload() == nil) {
		return errors.New("verified, but without a key or a payload")
	}
	return err
}

func isSet(keys []byte) bool {
	var set struct{ Keys json.RawMessage }
	return json.Unmarshal(keys, &set) == nil && set.Keys != nil
}

func TestTokens(t *testing.T) {
	tests := []struct {
		file string
		// total is what the file says of itself. accept and refuse are the
		// vectors with a key pair; shared those with a key that both sides
		// have, and jwe those that are encrypted.
		total, accept, refuse, shared, jwe int
	}{
		{file: "json_web_signature", total: 401, accept: 36, refuse: 325, shared: 40},
		{file: "json_web_key", total: 26, accept: 1, refuse: 10, shared: 15},
		{file: "json_web_crypto", total: 83, accept: 2, refuse: 27, shared: 20, jwe: 34},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			f := load[tokenGroup](t, tt.file)
			c := tally{file: tt.file}
			shared, jwe := 0, 0
			for _, g := range f.TestGroups {
				for _, v := range g.Tests {
					switch {
					case v.JWS == nil:
						jwe++
					case g.Public == nil:
						shared++
						// Whether it is valid or not: we have no such algorithm and take no such key.
						if err := verify(token(v.JWS), g.Private); err == nil {
							t.Errorf("%s %d (%s): accepted with a shared key", tt.file, v.ID, v.Comment)
						}
					default:
						c.check(t, v.ID, g.Comment+": "+v.Comment, v.Result == "valid", verify(token(v.JWS), g.Public))
					}
				}
			}
			c.done(t, tt.accept, tt.refuse)
			if f.NumberOfTests != tt.total || shared != tt.shared || jwe != tt.jwe {
				t.Errorf("%d vectors, %d with shared keys, %d encrypted; want %d, %d, %d", f.NumberOfTests, shared, jwe, tt.total, tt.shared, tt.jwe)
			}
		})
	}
}

// Key pairs in these files stand there with both halves. The private one is not
// taken for the public one, nor a shared key for either.
func TestKeysThatAreNotPublicAreRefused(t *testing.T) {
	pairs, others := 0, 0
	for _, name := range []string{"json_web_signature", "json_web_key", "json_web_crypto"} {
		for _, g := range load[tokenGroup](t, name).TestGroups {
			keys, _, err := jose.ParseJWKSet(g.Private)
			if !isSet(g.Private) {
				keys, err = jose.ParseJWK(g.Private)
			}
			if g.Public != nil {
				pairs++
			} else {
				others++
			}
			for _, key := range keys {
				// Two sets hold a public key beside a shared one.
				if key.ID != "kid-ec-sign" || g.Comment != "jws_mixedSymmetryKeyset" {
					t.Errorf("%s, %s: key %q was taken (err = %v)", name, g.Comment, key.ID, err)
				}
			}
		}
	}
	if pairs != 33 || others != 23 {
		t.Errorf("tried %d key pairs and %d other keys", pairs, others)
	}
}

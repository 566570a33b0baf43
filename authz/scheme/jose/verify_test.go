package jose_test

import (
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

const payload = `{"iss":"joe"}`

// Every algorithm against every key, whatever algorithm the key's owner names: only
// the one pair passes.
func TestVerifyMatrix(t *testing.T) {
	for _, algorithm := range all {
		for _, keyName := range []string{"Ed25519", "P-256", "P-384", "P-521", "RSA"} {
			for _, owner := range append([]jose.Algorithm{""}, all...) {
				key := authz.PublicKey{ID: "a", Key: public(t, keyName), Algorithm: string(owner)}
				fits := algorithm.Fits(key.Key) && (owner == "" || owner == algorithm)
				token := parse(t, sign(t, algorithm, "a", payload))
				got, err := token.Verify(accept(key), all)
				if fits {
					if err != nil || got == nil || string(token.Payload()) != payload {
						t.Errorf("%s, %s key for %q: %v", algorithm, keyName, owner, err)
					}
					continue
				}
				authztest.WantReason(t, err, authz.ReasonAlgNotAllowed)
				if got != nil || token.Payload() != nil {
					t.Errorf("%s, %s key for %q: a key or a payload with the error", algorithm, keyName, owner)
				}
			}
		}
	}
}

// A header that was changed to another algorithm is no way around: not to one of
// the same key, and not to one with a shared key made of the public one.
func TestAlgorithmConfusion(t *testing.T) {
	_, rest, _ := strings.Cut(sign(t, jose.RS256, "a", payload), ".")
	keys := accept(authz.PublicKey{ID: "a", Key: public(t, "RSA")})
	for name, want := range map[string]authz.Reason{
		"RS384": authz.ReasonSignatureMismatch, "PS256": authz.ReasonSignatureMismatch, "ES256": authz.ReasonAlgNotAllowed,
		"EdDSA": authz.ReasonAlgNotAllowed, "HS256": authz.ReasonAlgNotAllowed, "none": authz.ReasonAlgNotAllowed,
	} {
		token, err := jose.ParseCompact(b64(`{"alg":"`+name+`","kid":"a"}`) + "." + rest)
		if err == nil {
			_, err = token.Verify(keys, all)
		}
		authztest.WantReason(t, err, want)
	}
}

func TestVerifyAllowsWhatThePolicyNames(t *testing.T) {
	key := accept(authz.PublicKey{ID: "a", Key: public(t, "RSA")})
	token := parse(t, sign(t, jose.RS256, "a", payload))
	for name, tt := range map[string]struct {
		allowed []jose.Algorithm
		want    authz.Reason
	}{
		"it alone":          {allowed: []jose.Algorithm{jose.RS256}, want: authz.ReasonVerified},
		"it and another":    {allowed: []jose.Algorithm{jose.ES256, jose.RS256}, want: authz.ReasonVerified},
		"others of the key": {allowed: []jose.Algorithm{jose.RS512, jose.PS256}, want: authz.ReasonAlgNotAllowed},
		"none":              {want: authz.ReasonAlgNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := token.Verify(key, tt.allowed)
			authztest.WantReason(t, err, tt.want)
			if (token.Payload() != nil) != (tt.want == authz.ReasonVerified) {
				t.Errorf("payload = %q", token.Payload())
			}
		})
	}
}

func TestVerifyChoosesKeys(t *testing.T) {
	var (
		right   = public(t, "Ed25519")
		wrong   = public(t, "Ed25519 other")
		ec      = public(t, "P-256")
		broken  = authz.Deny(authz.ReasonSecretInvalid, "the newest key can't be read")
		key     = func(id string, k crypto.PublicKey) authz.PublicKey { return authz.PublicKey{ID: id, Key: k} }
		decoys  = func(n int, id string) []authz.PublicKey { return slices.Repeat([]authz.PublicKey{key(id, wrong)}, n) }
		nothing = authz.ReasonKidUnknown
	)
	tests := []struct {
		name     string
		kid      string
		keys     []authz.PublicKey
		unusable error
		want     authz.Reason
		index    int // of the key that matches
	}{
		{name: "by id", kid: "b", keys: []authz.PublicKey{key("a", wrong), key("b", right)}, want: authz.ReasonVerified, index: 1},
		{name: "the right key under another id", kid: "b", keys: []authz.PublicKey{key("a", right)}, want: nothing},
		{name: "the right key under no id", kid: "b", keys: []authz.PublicKey{key("a", wrong), key("", ec), key("", right)}, want: authz.ReasonVerified, index: 2},
		{name: "the wrong key under no id", kid: "b", keys: []authz.PublicKey{key("", wrong)}, want: nothing},
		{name: "the right key under no id, another under the id", kid: "b", keys: []authz.PublicKey{key("", right), key("b", wrong)}, want: authz.ReasonSignatureMismatch},
		{name: "no id, fifth of its type", kid: "b", keys: append(decoys(4, ""), key("", right)), want: nothing},
		{name: "the wrong key under the id", kid: "b", keys: []authz.PublicKey{key("a", right), key("b", wrong)}, want: authz.ReasonSignatureMismatch},
		{name: "the id in another case", kid: "b", keys: []authz.PublicKey{key("B", right)}, want: nothing},
		{name: "a key of another type under the id", kid: "b", keys: []authz.PublicKey{key("b", ec)}, want: authz.ReasonAlgNotAllowed},
		{name: "one id in two sources", kid: "b", keys: []authz.PublicKey{key("b", wrong), key("b", right)}, want: authz.ReasonVerified, index: 1},
		{name: "one id five times", kid: "b", keys: append(decoys(4, "b"), key("b", right)), want: authz.ReasonSignatureMismatch},
		{name: "no keys", kid: "b", want: nothing},

		{name: "without id", keys: []authz.PublicKey{key("a", ec), key("b", wrong), key("", right)}, want: authz.ReasonVerified, index: 2},
		{name: "without id, fourth of its type", keys: append(decoys(3, "a"), key("b", ec), key("c", right)), want: authz.ReasonVerified, index: 4},
		{name: "without id, fifth of its type", keys: append(decoys(4, "a"), key("c", right)), want: authz.ReasonSignatureMismatch},
		{name: "without id, other types", keys: []authz.PublicKey{key("a", ec)}, want: nothing},
		{name: "without id, no keys", want: nothing},

		{name: "unusable key, another matches", kid: "b", keys: []authz.PublicKey{key("b", right)}, unusable: broken, want: authz.ReasonVerified},
		{name: "unusable key, unknown id", kid: "b", keys: []authz.PublicKey{key("a", right)}, unusable: broken, want: authz.ReasonSecretInvalid},
		{name: "unusable key, wrong signature", kid: "b", keys: []authz.PublicKey{key("b", wrong)}, unusable: broken, want: authz.ReasonSecretInvalid},
		{name: "unusable key, no other", unusable: broken, want: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token := parse(t, sign(t, jose.EdDSA, tt.kid, payload))
			keys := &authz.Keys{Accepted: tt.keys, Unusable: tt.unusable}
			got, err := token.Verify(keys, all)
			authztest.WantReason(t, err, tt.want)
			if tt.want != authz.ReasonVerified {
				if got != nil || token.Payload() != nil {
					t.Errorf("a key or a payload with the error")
				}
				return
			}
			if got != &keys.Accepted[tt.index] {
				t.Errorf("matched another key than %d", tt.index)
			}
		})
	}
}

// A payload does not outlive a later verification that fails.
func TestPayloadIsThatOfTheLastVerify(t *testing.T) {
	token := parse(t, sign(t, jose.EdDSA, "a", payload))
	if _, err := token.Verify(accept(authz.PublicKey{ID: "a", Key: public(t, "Ed25519")}), all); err != nil || token.Payload() == nil {
		t.Fatalf("Verify = %v", err)
	}
	if _, err := token.Verify(accept(), all); !errors.Is(err, authz.ErrRejected) || token.Payload() != nil {
		t.Errorf("payload = %q, err = %v", token.Payload(), err)
	}
}

// Changing any character of any part makes the token another one.
func TestEveryCharacterCounts(t *testing.T) {
	text := sign(t, jose.EdDSA, "a", payload)
	keys := accept(authz.PublicKey{ID: "a", Key: public(t, "Ed25519")})
	for i := range text {
		for _, c := range []byte("A9_.= \n") {
			changed := text[:i] + string(c) + text[i+1:]
			if changed == text {
				continue
			}
			token, err := jose.ParseCompact(changed)
			if err == nil {
				_, err = token.Verify(keys, all)
			}
			if err == nil {
				t.Errorf("character %d as %q: verified", i, c)
			}
		}
	}
}

// A header that we can read and the library can't is refused: two readers agree,
// or nobody is let in.
func TestHeaderThatTheLibraryRefuses(t *testing.T) {
	_, rest, _ := strings.Cut(sign(t, jose.EdDSA, "a", payload), ".")
	token := parse(t, b64(`{"alg":"EdDSA","kid":"a","nonce":1}`)+"."+rest)
	_, err := token.Verify(accept(authz.PublicKey{ID: "a", Key: public(t, "Ed25519")}), all)
	authztest.WantReason(t, err, authz.ReasonTokenInvalid)
}

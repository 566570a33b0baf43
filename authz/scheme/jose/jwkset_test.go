package jose_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// set is the text of a JWK Set.
func set(tb testing.TB, keys ...any) []byte {
	tb.Helper()
	if keys == nil {
		keys = []any{}
	}
	return jwk{"keys": keys, "x": "unknown"}.with("x", nil).bytes(tb)
}

func TestParseJWKSet(t *testing.T) {
	ed, ec, rsa := publicJWK(t, "Ed25519"), publicJWK(t, "P-256"), publicJWK(t, "RSA")
	tests := []struct {
		name    string
		text    []byte
		ids     []string // of the keys taken, in order
		refused []string // parts of what is said of the others, in order
	}{
		{name: "no keys", text: set(t)},
		{name: "two keys", text: set(t, ed.with("kid", "a"), rsa.with("kid", "b")), ids: []string{"a", "b"}},
		{name: "keys without id", text: set(t, ed, ec, rsa), ids: []string{"", "", ""}},
		{
			name: "as identity providers publish them", text: set(t, rsa.with("kid", "a").with("use", "sig").with("alg", "RS256").with("x5c", []string{"MIIB"}),
				rsa.with("kid", "b").with("use", "enc").with("alg", "RSA-OAEP")),
			ids: []string{"a"}, refused: []string{"key 1: use"},
		},
		{name: "a key of another type", text: set(t, jwk{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}, ed), ids: []string{""}, refused: []string{"key 0: kty"}},
		{name: "a shared key beside", text: set(t, jwk{"kty": "oct", "k": "AAAA"}, ed), ids: []string{""}, refused: []string{"key 0: a private or shared"}},
		{name: "a private key beside", text: set(t, ed, privateJWK(t, "P-256")), ids: []string{""}, refused: []string{"key 1: a private or shared"}},
		{name: "an id twice", text: set(t, ed.with("kid", "a"), ec.with("kid", "b"), rsa.with("kid", "a")), ids: []string{"b"}, refused: []string{"key 0: kid", "key 2: kid"}},
		{name: "an id three times", text: set(t, ed.with("kid", "a"), ec.with("kid", "a"), rsa.with("kid", "a")), refused: []string{"key 0", "key 1", "key 2"}},
		{
			name: "an id twice, one of a key that is refused anyway", text: set(t, ed.with("kid", "a"), rsa.with("kid", "a").with("use", "enc")),
			refused: []string{"key 0: kid", "key 1: use"},
		},
		{name: "an id of another key's private half", text: set(t, ed.with("kid", "a"), privateJWK(t, "Ed25519").with("kid", "a")), refused: []string{"key 0: kid", "key 1: a private"}},
		{name: "ids that differ in case", text: set(t, ed.with("kid", "a"), ec.with("kid", "A")), ids: []string{"a", "A"}},
		{name: "what is no key", text: set(t, 1, nil, "key", []any{ed}, jwk{}, ed), ids: []string{""}, refused: []string{"key 0", "key 1", "key 2", "key 3", "key 4"}},
		{name: "a key with names that differ in case", text: set(t, ed.with("KID", "a")), refused: []string{"key 0: a name that differs"}},
		{name: "unknown members of the set", text: []byte(`{"issuer":"x","keys":[],"expires":1}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, refused, err := jose.ParseJWKSet(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, key := range keys {
				ids = append(ids, key.ID)
			}
			if !slices.Equal(ids, tt.ids) {
				t.Errorf("keys = %q, want %q", ids, tt.ids)
			}
			if len(refused) != len(tt.refused) {
				t.Fatalf("refused = %v, want %q", refused, tt.refused)
			}
			for i, want := range tt.refused {
				if !strings.HasPrefix(refused[i].Error(), want) {
					t.Errorf("refused[%d] = %v, want %q", i, refused[i], want)
				}
			}
		})
	}
}

func TestParseJWKSetRefuses(t *testing.T) {
	many := func(n int) []byte { return set(t, slices.Repeat([]any{1}, n)...) }
	for name, text := range map[string][]byte{
		"nothing":            nil,
		"no JSON":            []byte("<html>"),
		"an array":           []byte("[]"),
		"one key":            publicJWK(t, "Ed25519").bytes(t),
		"no keys member":     []byte(`{"key":[]}`),
		"keys is an object":  []byte(`{"keys":{}}`),
		"keys is null":       []byte(`{"keys":null}`),
		"keys twice":         []byte(`{"keys":[],"keys":[]}`),
		"Keys":               []byte(`{"Keys":[]}`),
		"a name twice below": []byte(`{"keys":[{"kty":"RSA","kty":"EC"}]}`),
		"bytes after":        []byte(`{"keys":[]} {}`),
		"101 keys":           many(jose.MaxKeys + 1),
		"too large":          []byte(`{"keys":["` + strings.Repeat("a", jose.MaxKeySet) + `"]}`),
		"nested":             []byte(`{"keys":` + strings.Repeat("[", 100000)),
	} {
		if keys, refused, err := jose.ParseJWKSet(text); err == nil || keys != nil || refused != nil {
			t.Errorf("%s: ParseJWKSet = %v, %v, %v", name, keys, refused, err)
		}
	}
	if _, refused, err := jose.ParseJWKSet(many(jose.MaxKeys)); err != nil || len(refused) != jose.MaxKeys {
		t.Errorf("%d entries: %d refused, %v", jose.MaxKeys, len(refused), err)
	}
}

// What is published is what is read back, and nothing else of the key.
func TestMarshalJWKSet(t *testing.T) {
	want := []authz.PublicKey{
		{ID: "ed", Key: public(t, "Ed25519"), Algorithm: "EdDSA", Secret: "own", Version: 3, Previous: true},
		{ID: "ec", Key: public(t, "P-256"), Algorithm: "ES256"},
		{ID: "ec5", Key: public(t, "P-521")},
		{Key: public(t, "RSA"), Algorithm: "PS256"},
	}
	text, err := jose.MarshalJWKSet(want)
	if err != nil {
		t.Fatal(err)
	}
	got, refused, err := jose.ParseJWKSet(text)
	if err != nil || len(refused) != 0 || len(got) != len(want) {
		t.Fatalf("ParseJWKSet(%s) = %v, %v, %v", text, got, refused, err)
	}
	for i := range want {
		if got[i].ID != want[i].ID || got[i].Algorithm != want[i].Algorithm || !equal(got[i].Key, want[i].Key) || got[i].Secret != "" {
			t.Errorf("key %d = %+v, want %+v", i, got[i], want[i])
		}
	}
	var published struct{ Keys []map[string]any }
	if err := json.Unmarshal(text, &published); err != nil {
		t.Fatal(err)
	}
	for i, key := range published.Keys {
		if key["use"] != "sig" {
			t.Errorf("key %d: use = %v", i, key["use"])
		}
		for name := range key {
			if !slices.Contains([]string{"kty", "use", "alg", "kid", "crv", "x", "y", "n", "e"}, name) {
				t.Errorf("key %d: member %q", i, name)
			}
		}
	}
	empty, err := jose.MarshalJWKSet(nil)
	if err != nil || string(empty) != `{"keys":[]}` {
		t.Errorf("no keys: %s, %v", empty, err)
	}
}

func TestMarshalJWKSetRefuses(t *testing.T) {
	ed := public(t, "Ed25519")
	for name, key := range map[string]authz.PublicKey{
		"private":                     {Key: signer(t, "Ed25519")},
		"private ECDSA":               {Key: signer(t, "P-256")},
		"shared":                      {Key: []byte("secret")},
		"nothing":                     {},
		"an id that is none":          {Key: ed, ID: "my key"},
		"an algorithm of another key": {Key: ed, Algorithm: "ES256"},
		"an algorithm that is none":   {Key: ed, Algorithm: "none"},
	} {
		if text, err := jose.MarshalJWKSet([]authz.PublicKey{key}); err == nil || text != nil {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

package bearer_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Which of two sets decides, and whether newer keys are asked for.
func TestSets(t *testing.T) {
	const ok, kid, mismatch, down = authz.ReasonVerified, authz.ReasonKidUnknown, authz.ReasonSignatureMismatch, authz.ReasonKeySetUnavailable
	k1, k2 := public("k1", keyOf("key")), public("k2", keyOf("second"))
	plain := public("", keyOf("key"))
	fresh := func(s *keySet, keys ...authz.PublicKey) *keySet {
		s.fresh = keys
		return s
	}
	token := sign(t, keyOf("key"), claims(nil))
	unnamed := signAs(t, keyOf("key"), "", "", claims(nil))
	tests := []struct {
		name          string
		first, second *keySet
		token         string
		want          authz.Reason
		key           string
		fetched       int // of the first
	}{
		{name: "in the first", first: set(k1), second: set(k2), token: token, want: ok, key: "k1"},
		{name: "in the second", first: set(k2), second: set(k1), token: token, want: ok, key: "k1"},
		{name: "in both, one is another's", first: set(public("k1", keyOf("second"))), second: set(k1), token: token, want: ok, key: "k1"},
		{name: "beside trouble", first: unavailable(), second: set(k1), token: token, want: ok, key: "k1"},
		{name: "trouble", first: set(k2), second: unavailable(), token: token, want: down, fetched: 1},
		{name: "trouble beside a mismatch", first: set(public("k1", keyOf("second"))), second: unavailable(), token: token, want: down},
		{name: "unknown", first: set(k2), second: set(k2), token: token, want: kid, fetched: 1},
		{name: "empty", first: set(), second: set(), token: token, want: kid, fetched: 1},
		{name: "newer", first: fresh(set(k2), k1), second: set(k2), token: token, want: ok, key: "k1", fetched: 1},
		{name: "newer in the second", first: set(k2), second: fresh(set(k2), k1), token: token, want: ok, key: "k1", fetched: 1},
		{name: "newer, but another's", first: fresh(set(k2), public("k1", keyOf("second"))), second: set(k2), token: token, want: mismatch, fetched: 1},
		{name: "no id", first: set(k2), second: set(k1), token: unnamed, want: ok, key: "k1"},
		{name: "no id on either side", first: set(k2), second: set(plain), token: unnamed, want: ok, key: "second"},
		{name: "no id, nobody's", first: set(k2), second: set(k2), token: unnamed, want: mismatch},
		{name: "no id, empty", first: set(), second: set(), token: unnamed, want: kid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			settings := jwt(func(s *policypb.Jwt) { s.Keys = []string{"first", "second"} })
			check := newCheck(t, settings, env(map[string]authz.KeySet{"first": tt.first, "second": tt.second}))
			identity, err := verify(t, check, tt.token)
			authztest.WantReason(t, err, tt.want)
			if identity.Key != tt.key || tt.first.fetched != tt.fetched {
				t.Errorf("identity = %+v, fetched %d times, want key %q, %d", identity, tt.first.fetched, tt.key, tt.fetched)
			}
		})
	}
}

// A set that is broken is our bug, not the sender's.
func TestBrokenSet(t *testing.T) {
	for _, err := range []error{errors.New("nobody knows this"), nil} {
		broken := &keySet{KeySet: authztest.KeySet{Err: err}, err: err}
		var s authz.KeySet = broken
		if err == nil {
			s = nothing{broken}
		}
		_, err := verify(t, newCheck(t, jwt(nil), env(map[string]authz.KeySet{"keys": s})), sign(t, keyOf("key"), claims(nil)))
		authztest.WantReason(t, err, authz.ReasonBug)
	}
}

// Keys are asked for only where the token could be ours: what is refused without
// them costs no fetch, however many come.
func TestUnknownKeys(t *testing.T) {
	keys := set(public("k1", keyOf("key")))
	check := newCheck(t, jwt(nil), env(map[string]authz.KeySet{"keys": keys}))
	for n := range 1000 {
		id := strconv.Itoa(n)
		for _, header := range []string{
			`{"alg":"none","kid":"` + id + `"}`, `{"alg":"HS256","kid":"` + id + `"}`, `{"alg":"PS512","kid":"` + id + `"}`,
			`{"alg":"EdDSA","typ":"secevent+jwt","kid":"` + id + `"}`, `{"alg":"EdDSA","jku":"https://evil.example","kid":"` + id + `"}`,
		} {
			if _, err := verify(t, check, forged(header)); err == nil {
				t.Fatalf("header %s passed", header)
			}
		}
	}
	if keys.fetched != 0 {
		t.Errorf("fetched %d times, want none", keys.fetched)
	}
	for n := range 10_000 {
		_, err := verify(t, check, forged(`{"alg":"EdDSA","kid":"x`+strconv.Itoa(n)+`"}`))
		authztest.WantReason(t, err, authz.ReasonKidUnknown)
	}
	// Each asks the set once, and the set knows when it asked last.
	if keys.fetched != 10_000 {
		t.Errorf("the set was asked %d times, want once a token", keys.fetched)
	}
}

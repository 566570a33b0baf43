package jwe_test

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func other() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("other"))
	return ed25519.NewKeyFromSeed(seed[:])
}

func p384() elliptic.Curve { return elliptic.P384() }

// TestRotation: several keys in several sets, of which "kid" chooses one.
func TestRotation(t *testing.T) {
	const ok, kid, alg, failed, down, absent = authz.ReasonVerified, authz.ReasonKidUnknown, authz.ReasonAlgNotAllowed, authz.ReasonDecryptionFailed,
		authz.ReasonSecretUnavailable, authz.ReasonSecretMissing
	a, b, c := sharedKey("a", 32), sharedKey("b", 32), sharedKey("c", 32)
	to := func(key []byte, kid string) string { return encrypt(t, key, jwe.A256KW, jwe.A256GCM, kid, "payload") }
	nameless := func(keys ...[]byte) *keySet {
		s := set()
		for _, key := range keys {
			s.keys = append(s.keys, authz.PrivateKey{Key: key, Secret: "nameless", Version: 1})
		}
		return s
	}
	unavailable := &keySet{err: authz.Deny(down, "")}
	trouble := func(s *keySet) *keySet { s.unusable = authz.Deny(down, ""); return s }
	for name, tt := range map[string]struct {
		first, second authz.PrivateKeySet
		token         string
		want          authz.Reason
		key           string
		version       int
		previous      bool
	}{
		"newest":                         {first: set(a, b), second: set(), token: to(a, "k1"), want: ok, key: "k1", version: 2},
		"previous":                       {first: set(a, b), second: set(), token: to(b, "k2"), want: ok, key: "k2", version: 1, previous: true},
		"previous, without id":           {first: set(a, b), second: set(), token: to(b, ""), want: ok, key: "k2", version: 1, previous: true},
		"ended":                          {first: set(a), second: set(), token: to(b, "k2"), want: kid},
		"second set":                     {first: set(a), second: set(b, c), token: to(c, "k2"), want: ok, key: "k2", version: 1, previous: true},
		"same id in both":                {first: set(a), second: set(b), token: to(b, "k1"), want: ok, key: "k1", version: 1},
		"id of another":                  {first: set(a, b), second: set(), token: to(a, "k2"), want: failed},
		"key without id":                 {first: nameless(a), second: set(), token: to(a, "x"), want: ok, key: "first", version: 1},
		"key without id beside the id":   {first: nameless(a), second: set(b), token: to(a, "k1"), want: failed},
		"no id on either side":           {first: nameless(a, b), second: set(), token: to(b, ""), want: ok, key: "first", version: 1},
		"newest of each set first":       {first: set(a, a, a, a, a), second: set(b), token: to(b, ""), want: ok, key: "k1", version: 1},
		"five fit":                       {first: nameless(a, a, a, a, b), second: set(), token: to(b, ""), want: failed},
		"four fit":                       {first: nameless(a, a, a, b), second: set(), token: to(b, ""), want: ok, key: "first", version: 1},
		"others that do not fit":         {first: nameless(a[:16], a[:16], a[:16], a[:16]), second: set(b), token: to(b, ""), want: ok, key: "k1", version: 1},
		"none fits":                      {first: nameless(a[:16]), second: set(rsaKey()), token: to(a, ""), want: alg},
		"the named one does not fit":     {first: set(a[:16]), second: set(), token: to(a, "k1"), want: alg},
		"in trouble":                     {first: unavailable, second: set(), token: to(a, "k1"), want: down},
		"beside trouble":                 {first: unavailable, second: set(a), token: to(a, "k1"), want: ok, key: "k1", version: 1},
		"failed beside trouble":          {first: unavailable, second: set(a), token: to(b, "k1"), want: down},
		"newest can't be used":           {first: trouble(set(a)), second: set(), token: to(a, "k1"), want: ok, key: "k1", version: 1},
		"newest can't be used, and this": {first: trouble(set(a)), second: set(), token: to(b, "k1"), want: down},
		"nobody has a key":               {first: set(), second: set(), token: to(a, "k1"), want: absent},
		"broken set":                     {first: &keySet{err: errors.New("nobody knows this")}, second: set(a), token: to(b, "k1"), want: authz.ReasonBug},
		"set of nothing":                 {first: nothing{}, second: set(), token: to(b, "k1"), want: authz.ReasonBug},
	} {
		t.Run(name, func(t *testing.T) {
			settings := shared(func(s *policypb.Jwe) { s.Keys = []string{"first", "second"} })
			identity, err := verify(t, settings, env(map[string]authz.PrivateKeySet{"first": tt.first, "second": tt.second}), body(tt.token))
			authztest.WantReason(t, err, tt.want)
			if identity.Key != tt.key || identity.Version != tt.version || identity.Previous != tt.previous {
				t.Errorf("identity = %+v, want key %q, version %d, previous %v", identity, tt.key, tt.version, tt.previous)
			}
		})
	}
}

// However many keys there are, and whatever id a token has, only so many are tried
// with it: that is what a token costs that nobody could decrypt.
func TestTries(t *testing.T) {
	const most, all = 4, 32
	right := sharedKey("right", 32)
	to := func(kid string) string { return encrypt(t, right, jwe.A256KW, jwe.A256GCM, kid, "payload") }
	for name, tt := range map[string]struct {
		token string
		id    string // of every key
		sets  int    // which the keys are in
	}{
		"no id, keys without ids":           {token: to(""), sets: 1},
		"no id, keys with one":              {token: to(""), id: "k1", sets: 1},
		"no id, many sets":                  {token: to(""), id: "k1", sets: 8},
		"an unknown id, keys without ids":   {token: to("of-nobody"), sets: 1},
		"an unknown id, many sets":          {token: to("of-nobody"), sets: 8},
		"an id that all keys have":          {token: to("k1"), id: "k1", sets: 1},
		"an id that the keys of sets share": {token: to("k1"), id: "k1", sets: 8},
	} {
		t.Run(name, func(t *testing.T) {
			for at := range all {
				sets, names := map[string]authz.PrivateKeySet{}, []string{}
				for i := range tt.sets {
					one := &keySet{}
					for j := range all / tt.sets {
						key := sharedKey("other", 32)
						if i*all/tt.sets+j == at {
							key = right
						}
						one.keys = append(one.keys, authz.PrivateKey{ID: tt.id, Key: key, Secret: "secret", Version: 1})
					}
					names = append(names, fmt.Sprint("set", i))
					sets[names[i]] = one
				}
				_, err := verify(t, shared(func(s *policypb.Jwe) { s.Keys = names }), env(sets), body(tt.token))
				if tried := err == nil; tried != (at < most) {
					t.Errorf("key %d of %d: %v, want the first %d to be tried", at, all, err, most)
				}
			}
		})
	}
}

type nothing struct{}

func (nothing) Keys(time.Time) (*authz.PrivateKeys, error) { return nil, nil }

func TestStale(t *testing.T) {
	keys := set(rsaKey())
	keys.stale = true
	for _, tt := range []struct {
		settings *policypb.Jwe
		content  string
	}{{public(), "x"}, {inner(), sign(t, signer(), "x")}} {
		identity, err := verify(t, tt.settings, with(keys), body(toRSA(t, tt.content)))
		if err != nil || !identity.Stale {
			t.Errorf("identity = %+v, %v, want stale", identity, err)
		}
	}
}

// A key that says what it is for is used for nothing else.
func TestKeyAlgorithm(t *testing.T) {
	keys := set(rsaKey())
	keys.keys[0].Algorithm = "RSA-OAEP"
	_, err := verify(t, public(), with(keys), body(toRSA(t, "x")))
	authztest.WantReason(t, err, authz.ReasonAlgNotAllowed)
	_, err = verify(t, public(), with(keys), body(encrypt(t, rsaKey(), jwe.RSAOAEP, jwe.A256GCM, "k1", "x")))
	authztest.WantReason(t, err, authz.ReasonVerified)
}

// A key that nobody named may have a name at the sender.
func TestSendersName(t *testing.T) {
	id, err := jose.Thumbprint(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	stored := func(id string) *keySet {
		return &keySet{keys: []authz.PrivateKey{{ID: id, Key: rsaKey(), Secret: "secret"}}}
	}
	to := func(key any, kid string) string { return encrypt(t, key, jwe.RSAOAEP256, jwe.A256GCM, kid, "payload") }
	for _, tt := range []struct {
		name, id, token string
		want            authz.Reason
	}{
		{name: "thumbprint", id: id, token: to(rsaKey(), id), want: authz.ReasonVerified},
		{name: "the sender's own", id: id, token: to(rsaKey(), "key_26b1a82e"), want: authz.ReasonVerified},
		{name: "the sender's own, of another key", id: id, token: to(newRSA(), "key_26b1a82e"), want: authz.ReasonKidUnknown},
		{name: "thumbprint, to another key", id: id, token: to(newRSA(), id), want: authz.ReasonDecryptionFailed},
		{name: "named otherwise", id: "ours", token: to(rsaKey(), "key_26b1a82e"), want: authz.ReasonKidUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			identity, err := verify(t, public(), with(stored(tt.id)), body(tt.token))
			authztest.WantReason(t, err, tt.want)
			if err == nil && identity.Key != id {
				t.Errorf("Key = %q, want %q", identity.Key, id)
			}
		})
	}
}

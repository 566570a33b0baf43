package signature_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func unavailable(reason authz.Reason) *keySet {
	err := authz.Deny(reason, "")
	return &keySet{err: err, refused: err}
}

func TestKeys(t *testing.T) {
	own := func(version int, previous bool) authz.PublicKey {
		return authz.PublicKey{Key: public(t, "ed25519"), Secret: "pem", Version: version, Previous: previous}
	}
	other := authz.PublicKey{ID: "other", Key: public(t, "ed25519 other")}
	wrong := authz.PublicKey{Key: public(t, "rsa"), Secret: "rsa", Version: 1}
	stale := set(own(1, false))
	stale.keys.Stale = true
	unusable := set(other)
	unusable.keys.Unusable = authz.Deny(authz.ReasonSecretInvalid, "")
	beside := set(other, own(1, true))
	beside.keys.Unusable = authz.Deny(authz.ReasonSecretUnavailable, "")
	identity := func(change func(*authz.Identity)) authz.Identity {
		i := authz.Identity{Principal: "key", Key: "key", Secret: "pem", Version: 1, Credential: true, BodySigned: true}
		change(&i)
		return i
	}
	tests := []struct {
		name string
		sets map[string]authz.KeySet // "key" is the first, "more" the second
		want authz.Reason
		as   authz.Identity
	}{
		{name: "stored", sets: map[string]authz.KeySet{"key": set(own(1, false))}, as: identity(func(*authz.Identity) {})},
		{name: "previous", sets: map[string]authz.KeySet{"key": set(other, own(3, true))}, as: identity(func(i *authz.Identity) { i.Version, i.Previous = 3, true })},
		{name: "stale", sets: map[string]authz.KeySet{"key": stale}, as: identity(func(i *authz.Identity) { i.Stale = true })},
		{name: "fetched", sets: map[string]authz.KeySet{"key": recordedSet(t, "ed25519 other", "rsa", "ed25519")}, as: identity(func(i *authz.Identity) { i.Key, i.Secret, i.Version = "ed25519", "", 0 })},
		{name: "second set", sets: map[string]authz.KeySet{"key": set(other), "more": set(own(1, false))}, as: identity(func(i *authz.Identity) { i.Principal, i.Key = "more", "more" })},
		{name: "another", sets: map[string]authz.KeySet{"key": set(other)}, want: mismatch},
		{name: "unavailable", sets: map[string]authz.KeySet{"key": unavailable(authz.ReasonKeySetUnavailable)}, want: authz.ReasonKeySetUnavailable},
		{name: "missing", sets: map[string]authz.KeySet{"key": unavailable(authz.ReasonSecretMissing)}, want: authz.ReasonSecretMissing},
		{name: "nothing", sets: map[string]authz.KeySet{"key": &keySet{}}, want: authz.ReasonBug},
		{name: "no keys", sets: map[string]authz.KeySet{"key": set()}, want: authz.ReasonKidUnknown},
		{name: "unusable, none matches", sets: map[string]authz.KeySet{"key": unusable}, want: authz.ReasonSecretInvalid},
		{name: "unusable, another matches", sets: map[string]authz.KeySet{"key": beside}, as: identity(func(i *authz.Identity) { i.Previous = true })},
		{name: "one unavailable, other matches", sets: map[string]authz.KeySet{"key": unavailable(authz.ReasonSecretUnavailable), "more": set(own(1, false))}, as: identity(func(i *authz.Identity) { i.Principal, i.Key = "more", "more" })},
		{name: "one unavailable, other differs", sets: map[string]authz.KeySet{"key": set(other), "more": unavailable(authz.ReasonSecretUnavailable)}, want: authz.ReasonSecretUnavailable},
		{name: "unavailable outweighs missing", sets: map[string]authz.KeySet{"key": unavailable(authz.ReasonSecretMissing), "more": unavailable(authz.ReasonSecretUnavailable)}, want: authz.ReasonSecretUnavailable},
		// A stored key of the wrong type is a mistake of ours.
		{name: "wrong type", sets: map[string]authz.KeySet{"key": set(wrong)}, want: authz.ReasonSecretInvalid},
		{name: "newest of the wrong type, previous matches", sets: map[string]authz.KeySet{"key": set(wrong, own(1, true))}, as: identity(func(i *authz.Identity) { i.Previous = true })},
		{name: "newest of the wrong type, none matches", sets: map[string]authz.KeySet{"key": set(wrong, authz.PublicKey{Key: public(t, "ed25519 other"), Secret: "rsa", Previous: true})}, want: authz.ReasonSecretInvalid},
		{name: "newest with others beside it", sets: map[string]authz.KeySet{"key": set(wrong, authz.PublicKey{Key: public(t, "ed25519 other"), Secret: "rsa"})}, want: mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			if tt.sets["more"] != nil {
				s.Keys = []string{"key", "more"}
			}
			want := tt.want
			if tt.as != (authz.Identity{}) {
				want = verified
			}
			got, err := build(t, s, named(tt.sets)).Check.Verify(t.Context(), post(body, "x-signature", b64Of(t, "ed25519")))
			if reasonOf(err) != want || got != tt.as {
				t.Errorf("Verify() = %+v, %v, want %+v, %v", got, err, tt.as, want)
			}
		})
	}
}

// identified are settings with a header that names the key.
func identified(s *policypb.Signature) { s.KeyId = "{header:X-Key-Id}" }

func TestKeyID(t *testing.T) {
	right, other := public(t, "ed25519"), public(t, "ed25519 other")
	two := func() *keySet { return set(authz.PublicKey{ID: "a", Key: right}, authz.PublicKey{ID: "b", Key: other}) }
	tests := []struct {
		name  string
		sets  map[string]authz.KeySet
		id    string
		want  authz.Reason
		asked []string // of "key"
	}{
		{name: "right", sets: map[string]authz.KeySet{"key": two()}, id: "a", want: verified},
		{name: "another's", sets: map[string]authz.KeySet{"key": two()}, id: "b", want: mismatch},
		{name: "unknown", sets: map[string]authz.KeySet{"key": two()}, id: "c", want: authz.ReasonKidUnknown, asked: []string{"c"}},
		{name: "in other letters", sets: map[string]authz.KeySet{"key": two()}, id: "A", want: authz.ReasonKidUnknown, asked: []string{"A"}},
		{name: "not named", sets: map[string]authz.KeySet{"key": two()}, want: authz.ReasonPartMissing},
		{name: "too long", sets: map[string]authz.KeySet{"key": two()}, id: strings.Repeat("a", 513), want: malformed},
		{name: "the set's name, and the key has an id", sets: map[string]authz.KeySet{"key": two()}, id: "key", want: authz.ReasonKidUnknown, asked: []string{"key"}},
		{name: "the set's name", sets: map[string]authz.KeySet{"key": set(authz.PublicKey{Key: right})}, id: "key", want: verified},
		{name: "another name", sets: map[string]authz.KeySet{"key": set(authz.PublicKey{Key: right})}, id: "a", want: authz.ReasonKidUnknown, asked: []string{"a"}},
		{name: "the other set's name", sets: map[string]authz.KeySet{"key": set(authz.PublicKey{Key: right}), "more": set(authz.PublicKey{Key: other})}, id: "more", want: mismatch},
		{name: "of another type", sets: map[string]authz.KeySet{"key": set(authz.PublicKey{ID: "a", Key: public(t, "rsa")}, authz.PublicKey{ID: "b", Key: right})}, id: "a", want: authz.ReasonAlgNotAllowed},
		{
			name: "newer", id: "c", want: verified, asked: []string{"c"},
			sets: map[string]authz.KeySet{"key": &keySet{keys: two().keys, newer: &authz.Keys{Accepted: []authz.PublicKey{{ID: "c", Key: right}}}}},
		},
		{
			name: "newer, and the set could not be read before", id: "c", want: verified, asked: []string{"c"},
			sets: map[string]authz.KeySet{"key": &keySet{err: authz.Deny(authz.ReasonNotReady, ""), newer: &authz.Keys{Accepted: []authz.PublicKey{{ID: "c", Key: right}}}}},
		},
		{
			name: "unknown, and nobody can tell", id: "c", want: authz.ReasonKeySetUnavailable, asked: []string{"c"},
			sets: map[string]authz.KeySet{"key": &keySet{keys: two().keys, refused: authz.Deny(authz.ReasonKeySetUnavailable, "")}},
		},
		{name: "known, and another set can't be read", sets: map[string]authz.KeySet{"key": two(), "more": unavailable(authz.ReasonKeySetUnavailable)}, id: "b", want: authz.ReasonKeySetUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(identified)
			if tt.sets["more"] != nil {
				s.Keys = []string{"key", "more"}
			}
			r := post(body, "x-signature", b64Of(t, "ed25519"), "x-key-id", tt.id)
			_, err := build(t, s, named(tt.sets)).Check.Verify(t.Context(), r)
			if reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
			if s, ok := tt.sets["key"].(*keySet); !ok || !slices.Equal(s.asked, tt.asked) {
				t.Errorf("asked for %q, want %q", s.asked, tt.asked)
			}
		})
	}
}

// Nobody is asked for newer keys for the sake of a request that can't be read,
// or whose key is at hand.
func TestNothingIsAskedInVain(t *testing.T) {
	s := recordedSet(t, "ed25519")
	check := build(t, settings(identified), keys(s)).Check
	cut := post(body, "x-signature", b64Of(t, "ed25519"), "x-key-id", "new")
	cut.Body.Delivery = authz.DeliveryCut
	for _, r := range []*authz.Request{
		post(body, "x-key-id", "new"), post(body, "x-signature", "AA==", "x-key-id", "new"), cut,
		post(body+" ", "x-signature", b64Of(t, "ed25519"), "x-key-id", "ed25519"),
	} {
		if _, err := check.Verify(t.Context(), r); err == nil {
			t.Error("passed")
		}
	}
	if _, err := build(t, settings(), keys(s)).Check.Verify(t.Context(), post(body+" ", "x-signature", b64Of(t, "ed25519"))); reasonOf(err) != mismatch {
		t.Errorf("without an id: %v", err)
	}
	if len(s.asked) > 0 {
		t.Errorf("asked for %q", s.asked)
	}
}

// Each group of a credential may name another key.
func TestKeyIDOfAGroup(t *testing.T) {
	s := settings(func(s *policypb.Signature) {
		s.Credential.Fields = &policypb.FieldsGrammar{Signature: "s", GroupSeparator: " "}
		s.KeyId = "{credential:k}"
	})
	check := build(t, s, keys(recordedSet(t, "ed25519", "ed25519 other"))).Check
	good, forged := b64Of(t, "ed25519"), base64.StdEncoding.EncodeToString(make([]byte, 64))
	for value, want := range map[string]authz.Reason{
		"k=ed25519,s=" + good:                             verified,
		"k=nobody,s=" + forged + " k=ed25519,s=" + good:   verified,
		"k=nobody,s=" + good + " k=ed25519,s=" + forged:   mismatch,
		"k=nobody,s=" + good:                              authz.ReasonKidUnknown,
		"k=ed25519,s=" + good + " s=" + good:              authz.ReasonPartMissing,
		"k=ed25519,k=nobody,s=" + good:                    malformed,
		"k=ed25519,s=" + forged + " k=ed25519,s=" + good:  verified,
		"k=ed25519,s=" + forged + " k=nobody,s=" + forged: mismatch,
	} {
		if _, err := check.Verify(t.Context(), post(body, "x-signature", value)); reasonOf(err) != want {
			t.Errorf("%s: %v, want %v", strings.NewReplacer(good, "GOOD", forged, "FORGED").Replace(value), err, want)
		}
	}
}

// However many signatures and keys there are, a request costs no more than so
// many computations, and none once its time is over.
func TestWorkIsBounded(t *testing.T) {
	many := set()
	for i := range 40 {
		many.keys.Accepted = append(many.keys.Accepted, authz.PublicKey{Key: keyOf(strconv.Itoa(i)).Public()})
	}
	s := settings(func(s *policypb.Signature) { s.Credential.List = &policypb.ListGrammar{} })
	check := build(t, s, keys(many)).Check
	sign := func(key int) string { return base64.StdEncoding.EncodeToString(signed(strconv.Itoa(key), body)) }
	forged := base64.StdEncoding.EncodeToString(make([]byte, 64))
	for name, tt := range map[string]struct {
		value string
		want  authz.Reason
	}{
		"the last that is tried":      {sign(31), verified},
		"one more":                    {sign(32), mismatch},
		"two signatures":              {forged + "," + sign(15), verified},
		"two signatures and one more": {forged + "," + sign(16), mismatch},
	} {
		if _, err := check.Verify(t.Context(), post(body, "x-signature", tt.value)); reasonOf(err) != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := check.Verify(ctx, post(body, "x-signature", sign(0))); reasonOf(err) != authz.ReasonDeadline {
		t.Errorf("cancelled: %v, want %v", err, authz.ReasonDeadline)
	}
}

// Of keys that cost more, fewer are tried.
func TestWorkIsBoundedByCost(t *testing.T) {
	curves := set()
	var signers []*ecdsa.PrivateKey
	for range 9 {
		key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, key)
		curves.keys.Accepted = append(curves.keys.Accepted, authz.PublicKey{Key: key.Public()})
	}
	curve := func(i int, content string) string {
		digest := sha512.Sum512([]byte(content))
		signature, err := ecdsa.SignASN1(rand.Reader, signers[i], digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return b64(signature)
	}
	edwards := set()
	for i := range 9 {
		edwards.keys.Accepted = append(edwards.keys.Accepted, authz.PublicKey{Key: keyOf(strconv.Itoa(i)).Public()})
	}
	for name, tt := range map[string]struct {
		algorithm string
		set       *keySet
		sign      func(key int, content string) string
		size      int // of the body
		tried     int
	}{
		"a slow curve":    {"ecdsa-p521-sha512", curves, curve, 10, 8},
		"a large message": {"ed25519", edwards, func(i int, content string) string { return b64(signed(strconv.Itoa(i), content)) }, 1 << 20, 7},
		"a huge message":  {"ed25519", edwards, func(i int, content string) string { return b64(signed(strconv.Itoa(i), content)) }, 9 << 20, 4},
	} {
		check := build(t, settings(func(s *policypb.Signature) { s.Algorithm = tt.algorithm }), keys(tt.set)).Check
		content := strings.Repeat("x", tt.size)
		for key, want := range map[int]authz.Reason{tt.tried - 1: verified, tt.tried: mismatch} {
			if _, err := check.Verify(t.Context(), post(content, "x-signature", tt.sign(key, content))); reasonOf(err) != want {
				t.Errorf("%s: key %d: %v, want %v", name, key, err, want)
			}
		}
	}
}

// A rotation takes effect with the next request, and stops nobody before.
func TestRotation(t *testing.T) {
	s := set(authz.PublicKey{Key: keyOf("old").Public()})
	check := build(t, settings(), keys(s)).Check
	verify := func(key string) authz.Reason {
		_, err := check.Verify(t.Context(), post(body, "x-signature", base64.StdEncoding.EncodeToString(signed(key, body))))
		return reasonOf(err)
	}
	for _, step := range []struct {
		accepted []string
		passes   []string
	}{
		{accepted: []string{"old"}, passes: []string{"old"}},
		{accepted: []string{"new", "old"}, passes: []string{"new", "old"}},
		{accepted: []string{"new"}, passes: []string{"new"}},
	} {
		s.keys = &authz.Keys{}
		for _, key := range step.accepted {
			s.keys.Accepted = append(s.keys.Accepted, authz.PublicKey{Key: keyOf(key).Public()})
		}
		for _, key := range []string{"old", "new"} {
			want := mismatch
			if slices.Contains(step.passes, key) {
				want = verified
			}
			if got := verify(key); got != want {
				t.Errorf("accepted %q: signed by %s: %v, want %v", step.accepted, key, got, want)
			}
		}
	}
}

func TestUnfit(t *testing.T) {
	rsa := authz.PublicKey{Key: public(t, "rsa"), Secret: "pem"}
	right := authz.PublicKey{Key: public(t, "ed25519"), Secret: "pem"}
	previous := right
	previous.Previous = true
	for name, tt := range map[string]struct {
		set  authz.KeySet
		want string
	}{
		"right":                              {set(right), ""},
		"of another type":                    {set(rsa), "pem"},
		"of another type, and previous":      {set(rsa, previous), "pem"},
		"of another type beside one":         {set(rsa, right), ""},
		"fetched":                            {set(authz.PublicKey{ID: "a", Key: public(t, "rsa")}), ""},
		"can't be read":                      {unavailable(authz.ReasonSecretUnavailable), ""},
		"only the previous one can be used":  {set(previous), ""},
		"nothing":                            {&keySet{}, ""},
		"of another kind, as the set itself": {judged{set(right)}, "judged"},
	} {
		var got []string
		build(t, settings(), keys(tt.set)).Unfit(authztest.Received(), func(secret string, why error) {
			got = append(got, secret)
			if reasonOf(why) != authz.ReasonSecretInvalid {
				t.Errorf("%s: why = %v", name, why)
			}
		})
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: unfit %q, want %q", name, got, tt.want)
		}
	}
}

// judged is a set that tells of a secret itself.
type judged struct{ *keySet }

func (judged) Unfit(_ time.Time, tell func(secret string, why error)) {
	tell("judged", authz.Deny(authz.ReasonSecretInvalid, ""))
}

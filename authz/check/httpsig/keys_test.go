package httpsig_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A keySet counts how often it is asked for newer keys.
type keySet struct {
	authztest.KeySet
	fresh    []authz.PublicKey // what Refresh returns besides
	unusable error
	err      error // of Refresh
	asked    int
}

func (s *keySet) Keys(now time.Time) (*authz.Keys, error) {
	keys, err := s.KeySet.Keys(now)
	if keys != nil {
		keys.Unusable = s.unusable
	}
	return keys, err
}

func (s *keySet) Refresh(context.Context, string, time.Time) (*authz.Keys, error) {
	s.asked++
	if s.err != nil {
		return nil, s.err
	}
	return &authz.Keys{Accepted: append(s.fresh, s.Accepted...), Unusable: s.unusable}, nil
}

func set(keys ...authz.PublicKey) *keySet {
	return &keySet{KeySet: authztest.KeySet{Accepted: keys}}
}

// nothing is a set with a bug.
type nothing struct{ authz.KeySet }

func (nothing) Keys(time.Time) (*authz.Keys, error) { return nil, nil } //nolint:nilnil // the bug

func TestKeySets(t *testing.T) {
	down := authz.Deny(authz.ReasonKeySetUnavailable, "")
	unavailable := func() *keySet { return &keySet{KeySet: authztest.KeySet{Err: down}, err: down} }
	bad := authz.Deny(authz.ReasonSecretInvalid, "")
	k1 := public("k1", keyOf("key"))
	other := public("k1", keyOf("other"))
	tests := []struct {
		name  string
		sets  []authz.KeySet
		want  authz.Reason
		asked int // the first set, for newer keys
	}{
		{name: "second set", sets: []authz.KeySet{set(public("k2", keyOf("other"))), set(k1)}, want: verified},
		{name: "two keys of the id", sets: []authz.KeySet{set(other, k1)}, want: verified},
		{name: "fifth key of the id", sets: []authz.KeySet{set(other, other, other, other, k1)}, want: mismatch},
		{name: "fetched", sets: []authz.KeySet{&keySet{fresh: []authz.PublicKey{k1}}}, want: verified, asked: 1},
		{name: "not fetched while one has the id", sets: []authz.KeySet{&keySet{KeySet: authztest.KeySet{Accepted: []authz.PublicKey{other}}, fresh: []authz.PublicKey{k1}}}, want: mismatch},
		{name: "unknown after fetching", sets: []authz.KeySet{set()}, want: authz.ReasonKidUnknown, asked: 1},
		{name: "unavailable", sets: []authz.KeySet{unavailable()}, want: authz.ReasonKeySetUnavailable, asked: 1},
		{name: "unavailable, other matches", sets: []authz.KeySet{unavailable(), set(k1)}, want: verified},
		{name: "unavailable, other differs", sets: []authz.KeySet{unavailable(), set(other)}, want: authz.ReasonKeySetUnavailable},
		{name: "can't be fetched", sets: []authz.KeySet{&keySet{err: down}}, want: authz.ReasonKeySetUnavailable, asked: 1},
		{name: "unusable, other matches", sets: []authz.KeySet{&keySet{unusable: bad, KeySet: authztest.KeySet{Accepted: []authz.PublicKey{k1}}}}, want: verified},
		{name: "unusable, other differs", sets: []authz.KeySet{&keySet{unusable: bad, KeySet: authztest.KeySet{Accepted: []authz.PublicKey{other}}}}, want: authz.ReasonSecretInvalid},
		{name: "unusable, none of the id", sets: []authz.KeySet{&keySet{unusable: bad}}, want: authz.ReasonSecretInvalid, asked: 1},
		{name: "bug", sets: []authz.KeySet{nothing{set(k1)}}, want: verified},
		{name: "bug, none of the id", sets: []authz.KeySet{nothing{unavailable()}}, want: authz.ReasonKeySetUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			names := []string{"a", "b"}[:len(tt.sets)]
			sets := map[string]authz.KeySet{}
			for i, name := range names {
				sets[name] = tt.sets[i]
			}
			part := newPart(t, settings(func(s *policypb.HttpSignature) { s.Keys = names }), func(e *authz.Env) { e.Keys = environment(sets, nil).Keys })
			_, err := part.Check.Verify(t.Context(), right())
			authztest.WantReason(t, err, tt.want)
			if first, ok := tt.sets[0].(*keySet); ok && first.asked != tt.asked {
				t.Errorf("asked for newer keys %d times, want %d", first.asked, tt.asked)
			}
		})
	}
}

// Keys are counted, not how often one is tried: RSA has two algorithms.
func TestKeysWithTwoAlgorithms(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	in := `("@method" "@path" "content-digest");created=` + created + `;keyid="k"`
	request := present(post(), in, signature(t, rsaKey(), "rsa-v1_5-sha256", baseOf(in, plain()...)))
	for others, want := range map[int]authz.Reason{3: verified, 4: mismatch} {
		keys := set()
		for range others {
			keys.Accepted = append(keys.Accepted, public("k", other))
		}
		keys.Accepted = append(keys.Accepted, public("k", rsaKey()))
		part := newPart(t, settings(), func(e *authz.Env) { e.Keys = environment(map[string]authz.KeySet{"keys": keys}, nil).Keys })
		_, err := part.Check.Verify(t.Context(), request)
		authztest.WantReason(t, err, want)
	}
}

// Who sends rubbish can't make us ask anybody for keys.
func TestNoQuestions(t *testing.T) {
	for name, r := range map[string]*authz.Request{
		"alg not allowed":  signed(input+`;alg="hmac-sha256"`, plain()...),
		"alg none":         signed(input+`;alg="none"`, plain()...),
		"no key id":        signed(`("@method" "@path" "content-digest");created=`+created, plain()...),
		"uncovered":        signed(`("@method");created=`+created+`;keyid="x"`, plain()[0]),
		"body not whole":   change(right(), func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut }),
		"part missing":     signed(`("@method" "@path" "content-digest" "x-no");created=`+created+`;keyid="x"`, plain()...),
		"undated":          signed(`("@method" "@path" "content-digest");keyid="x"`, plain()...),
		"digest not known": replaced(right(), "content-digest", "md5=:AAAA:"),
	} {
		keys := set()
		part := newPart(t, settings(), func(e *authz.Env) { e.Keys = environment(map[string]authz.KeySet{"keys": keys}, nil).Keys })
		if _, err := part.Check.Verify(t.Context(), r); err == nil || keys.asked > 0 {
			t.Errorf("%s: asked %d times, error = %v", name, keys.asked, err)
		}
	}
}

// A shared key that is no text stands in its secret as one.
func TestSecretsAreDecoded(t *testing.T) {
	const base = `("@method" "@path" "content-digest");created=` + created
	key := sharedKey[:len(sharedKey)-1] + "\n"
	r := present(post(), base, signature(t, secret(key), "hmac-sha256", baseOf(base, plain()...)))
	for decode, want := range map[string]authz.Reason{"base64": verified, "": mismatch, "hex": authz.ReasonSecretInvalid} {
		part := newPart(t, settings(shared, func(s *policypb.HttpSignature) {
			s.Secrets, s.Key = []string{"acme"}, &policypb.Key{Decode: decode}
		}), func(e *authz.Env) {
			e.Secret = authztest.Env(map[string]authz.Secrets{"acme": authztest.Values(base64.StdEncoding.EncodeToString([]byte(key)))}).Secret
		})
		_, err := part.Check.Verify(t.Context(), r)
		authztest.WantReason(t, err, want)
	}
}

func TestSecrets(t *testing.T) {
	const base = `("@method" "@path" "content-digest");created=` + created
	request := func(params string) *authz.Request {
		return present(post(), base+params, signature(t, secret(sharedKey), "hmac-sha256", baseOf(base+params, plain()...)))
	}
	down := authztest.Failing(authz.Deny(authz.ReasonSecretUnavailable, ""))
	gone := authztest.Failing(authz.Deny(authz.ReasonSecretMissing, ""))
	good, other := authztest.Values(sharedKey), authztest.Values("another key, 0123456789")
	tests := []struct {
		name         string
		acme, second *authztest.Secrets
		request      *authz.Request
		want         authz.Reason
	}{
		{name: "second", acme: other, second: good, request: request(""), want: verified},
		{name: "second, named", acme: other, second: good, request: request(`;keyid="second"`), want: verified},
		{name: "second, the first named", acme: other, second: good, request: request(`;keyid="acme"`), want: mismatch},
		{name: "unavailable, other matches", acme: down, second: good, request: request(""), want: verified},
		{name: "unavailable, other differs", acme: other, second: down, request: request(""), want: authz.ReasonSecretUnavailable},
		{name: "unavailable, other named", acme: other, second: down, request: request(`;keyid="acme"`), want: mismatch},
		{name: "missing and unavailable", acme: gone, second: down, request: request(""), want: authz.ReasonSecretUnavailable},
		{name: "missing", acme: gone, second: gone, request: request(""), want: authz.ReasonSecretMissing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := newPart(t, settings(shared, func(s *policypb.HttpSignature) { s.Secrets = []string{"acme", "second"} }), func(e *authz.Env) {
				e.Secret = authztest.Env(map[string]authz.Secrets{"acme": tt.acme, "second": tt.second}).Secret
			})
			_, err := part.Check.Verify(t.Context(), tt.request)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

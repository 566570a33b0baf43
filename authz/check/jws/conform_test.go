package jws_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/jws"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// stored makes keys of the secrets that texts stand for, as a store of public keys
// does: every live version counts.
type stored struct{ ref authz.Reference }

func (s stored) Keys(now time.Time) (*authz.Keys, error) {
	ring := scheme.NewKeyring([]authz.Reference{s.ref}, func(ref authz.Reference, secret authz.Secret) (authz.PublicKey, error) {
		if err := ref.CheckKey(secret.Reveal()); err != nil {
			return authz.PublicKey{}, err
		}
		key := keyOf(string(secret.Reveal())).Public()
		id, err := jose.Thumbprint(key)
		return authz.PublicKey{ID: id, Key: key}, err
	})
	found, trouble := ring.At(0, now)
	if len(found) == 0 {
		return nil, trouble
	}
	keys := &authz.Keys{Unusable: trouble}
	for _, k := range found {
		k.Value.Secret, k.Value.Version, k.Value.Previous = k.Secret, k.Version, k.Previous
		keys.Accepted = append(keys.Accepted, k.Value)
	}
	return keys, nil
}

func (s stored) Refresh(_ context.Context, _ string, now time.Time) (*authz.Keys, error) {
	return s.Keys(now)
}

func TestConform(t *testing.T) {
	const secret, second = "0123456789-one-of-the-keys", "abcdefghij+zwei-der-schluessel"
	headerOf := func(secret string) string {
		id, err := jose.Thumbprint(keyOf(secret).Public())
		if err != nil {
			t.Fatal(err)
		}
		return `{"alg":"EdDSA","kid":"` + id + `"}`
	}
	attached := func(secret string) string {
		return token(t, keyOf(secret), headerOf(secret), payload(t, map[string]any{"body": hash(event)}))
	}
	tests := []struct {
		name    string
		change  func(*policypb.Jws)
		present func(secret string) *authz.Request
		bare    *authz.Request
	}{
		{name: "body", present: func(secret string) *authz.Request { return post(attached(secret), "") }, bare: post("", "")},
		{
			name: "json", change: func(s *policypb.Jws) { s.Body, s.Json = nil, "/token" }, bare: post("{}", ""),
			present: func(secret string) *authz.Request { return post(`{"token":"`+attached(secret)+`"}`, "") },
		},
		{
			name: "form", change: func(s *policypb.Jws) { s.Body, s.Form = nil, "token" }, bare: post("a=b", ""),
			present: func(secret string) *authz.Request { return post("token="+attached(secret), "") },
		},
		{name: "header", change: inHeader, present: func(secret string) *authz.Request { return post(event, attached(secret)) }, bare: post(event, "")},
		{
			name: "detached", change: apart("encoded"), bare: post(event, ""),
			present: func(secret string) *authz.Request {
				return post(event, detached(t, keyOf(secret), headerOf(secret), event, true))
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(func(s *policypb.Jws) { s.Keys = []string{authztest.SecretName} })
			if tt.change != nil {
				tt.change(s)
			}
			authztest.Conform(t, authztest.Subject{
				Kind: jws.Kind(), Settings: s, Secret: secret, Other: second, Useless: []string{"changeme"},
				Connection: s.GetHeader() == "", Present: tt.present, Bare: func() *authz.Request { return tt.bare },
				Env: func(secrets map[string]authz.Secrets) *authz.Env {
					e := authztest.Env(secrets)
					e.Keys = func(name string) (authz.KeyReference, bool) {
						ref, ok := e.Secret(name)
						return authz.KeyReference{Name: name, Set: stored{ref}}, ok
					}
					return e
				},
			})
		})
	}
}

package bearer_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestConform(t *testing.T) {
	const secret, second = "0123456789-one-of-the-keys", "abcdefghij+zwei-der-schluessel"
	none := ""
	tests := []struct {
		name   string
		header string
		prefix *string
		text   string // before the token
		kid    bool
	}{
		{name: "authorization", text: "Bearer ", kid: true},
		{name: "no key id", text: "Bearer "},
		{name: "header", header: "X-Token", prefix: &none, kid: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			settings := jwt(func(s *policypb.Jwt) { s.Keys = []string{authztest.SecretName} })
			settings.Header, settings.Prefix = tt.header, tt.prefix
			header := tt.header
			if header == "" {
				header = "Authorization"
			}
			authztest.Conform(t, authztest.Subject{
				Kind: bearer.Kind(), Settings: settings, Secret: secret, Other: second, Store: pemOf,
				Useless: []string{"changeme", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"},
				Present: func(secret string) *authz.Request {
					key, id := keyOf(secret), ""
					if tt.kid {
						var err error
						if id, err = jose.Thumbprint(key.Public()); err != nil {
							t.Fatal(err)
						}
					}
					return authztest.Request("POST", "/h", "body", "x-other", "x", header, tt.text+signAs(t, key, id, "JWT", claims(nil)))
				},
				Bare: func() *authz.Request { return authztest.Request("POST", "/h", "body", "x-other", "x") },
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

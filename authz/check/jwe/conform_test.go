package jwe_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	kind "github.com/hookauthz/hookauthz/authz/check/jwe"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// stored is the shared keys that a secret stands for: each version's digest.
type stored struct{ ref authz.Reference }

func (s stored) Keys(now time.Time) (*authz.PrivateKeys, error) {
	versions, err := s.ref.Secrets.Versions(now)
	if err != nil {
		return nil, err
	}
	if versions == nil {
		return nil, authz.Deny(authz.ReasonSecretMissing, "")
	}
	keys := &authz.PrivateKeys{Unusable: versions.Unusable, Stale: versions.Stale}
	for _, version := range versions.Accepted {
		text := version.Secret.Reveal()
		if err := s.ref.CheckKey(text); err != nil {
			keys.Unusable = scheme.WorseTrouble(keys.Unusable, err)
			continue
		}
		keys.Accepted = append(keys.Accepted, authz.PrivateKey{
			Key: sharedKey(string(text), 32), Secret: s.ref.Name, Version: version.Number, Previous: version.Previous,
		})
	}
	if len(keys.Accepted) == 0 && keys.Unusable == nil {
		return nil, authz.Deny(authz.ReasonSecretMissing, "")
	}
	return keys, nil
}

// sender is an inner check whose keys are those of a secret.
type sender struct{ ref authz.Reference }

func (s sender) Verify(context.Context, *authz.Request) (authz.Identity, error) {
	return authz.Identity{}, authz.Deny(authz.ReasonBug, "asked without a token")
}

func (s sender) VerifyToken(_ context.Context, r *authz.Request, text string) (authz.Identity, error) {
	token, err := jose.ParseCompact(text)
	if err != nil {
		return authz.Identity{}, err
	}
	held, err := stored(s).Keys(r.Received)
	if err != nil {
		return authz.Identity{}, err
	}
	keys := &authz.Keys{Unusable: held.Unusable}
	for _, key := range held.Accepted {
		seed, ok := key.Key.([]byte)
		if !ok {
			return authz.Identity{}, authz.Deny(authz.ReasonBug, "not a shared key")
		}
		private := ed25519.NewKeyFromSeed(seed)
		keys.Accepted = append(keys.Accepted, authz.PublicKey{Key: private.Public(), Secret: key.Secret, Version: key.Version, Previous: key.Previous})
	}
	key, err := token.Verify(keys, []jose.Algorithm{jose.EdDSA})
	if err != nil {
		return authz.Identity{}, err
	}
	return authz.Identity{Principal: "partner", Secret: key.Secret, Version: key.Version, Previous: key.Previous, Credential: true}, nil
}

func TestConform(t *testing.T) {
	const secret, second = "0123456789-one-of-the-keys", "abcdefghij+zwei-der-schluessel"
	none := func(s *policypb.Jwe) { s.Keys = []string{authztest.SecretName} }
	direct := func(secret string) string {
		return encrypt(t, sharedKey(secret, 32), jwe.Dir, jwe.A128CBCHS256, "", "payload")
	}
	wrapped := func(secret string) string { return toShared(t, secret, "payload") }
	nested := func(secret string) string {
		seed := sha256.Sum256([]byte(secret))
		return toRSA(t, sign(t, ed25519.NewKeyFromSeed(seed[:]), "payload"))
	}
	inBody := func(token string) *authz.Request { return body(token) }
	inHeader := func(token string) *authz.Request {
		return authztest.Request("POST", "/h", "", "content-length", "0", "x-other", "x", "x-token", token)
	}
	tests := []struct {
		name     string
		settings *policypb.Jwe
		token    func(secret string) string
		present  func(token string) *authz.Request
		body     bool
	}{
		{name: "dir in the body", settings: shared(none), token: direct, present: inBody, body: true},
		{name: "A256KW in a header", settings: shared(none, func(s *policypb.Jwe) { s.Body, s.Header = nil, "X-Token" }), token: wrapped, present: inHeader},
		{name: "signed inside", settings: inner(), token: nested, present: inBody, body: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			authztest.Conform(t, authztest.Subject{
				Kind: kind.Kind(), Settings: tt.settings, Secret: secret, Other: second, Useless: []string{"changeme"},
				Present: func(secret string) *authz.Request { return tt.present(tt.token(secret)) },
				Bare: func() *authz.Request {
					return authztest.Request("POST", "/h", "", "content-length", "0", "x-other", "x")
				},
				Canaries:   []string{tt.token(secret), "payload"},
				Connection: tt.body, // the token is neither in a header nor in the query
				Env:        func(secrets map[string]authz.Secrets) *authz.Env { return conformEnv(secrets) },
			})
		})
	}
}

func conformEnv(secrets map[string]authz.Secrets) *authz.Env {
	e := authztest.Env(secrets)
	e.PrivateKeys = func(name string) (authz.PrivateKeyReference, bool) {
		if name == "keys" {
			return authz.PrivateKeyReference{Name: name, Set: set(rsaKey())}, true
		}
		ref, ok := e.Secret(name)
		return authz.PrivateKeyReference{Name: name, Set: stored{ref}}, ok
	}
	e.Inner = func(string, any) (authz.Part, []authz.Problem) {
		ref, ok := e.Secret(authztest.SecretName)
		if !ok {
			return authz.Part{}, []authz.Problem{{Path: "keys[0]", Code: authz.CodeUndeclaredKeys}}
		}
		return authz.Part{Check: sender{ref}, Authenticates: true}, nil
	}
	return e
}

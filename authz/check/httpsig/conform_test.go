package httpsig_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/httpsig"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestConform(t *testing.T) {
	const first, second = "0123456789-one-of-the-keys", "abcdefghij+zwei-der-schluessel"
	useless := []string{"changeme", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"}
	weak := []string{"short", strings.Repeat("\x00", 32), strings.Repeat("7", 32)}
	named := func(s *policypb.HttpSignature) {
		if s.Keys != nil {
			s.Keys = []string{authztest.SecretName}
			return
		}
		s.Secrets = []string{authztest.SecretName}
	}
	const in = `("@method" "@path" "content-digest");created=` + created + `;keyid="` + authztest.SecretName + `";nonce="canary-nonce-0815"`
	oldIn := strings.Replace(oldParams, "k1", authztest.SecretName, 1)
	modern := func(sign func(secret, base string) []byte) func(string) *authz.Request {
		return func(secret string) *authz.Request { return present(post(), in, sign(secret, baseOf(in, plain()...))) }
	}
	before := func(sign func(secret, base string) []byte) func(string) *authz.Request {
		return func(secret string) *authz.Request { return old(oldIn, sign(secret, strings.Join(oldLines(), "\n"))) }
	}
	authorization := func(present func(string) *authz.Request) func(string) *authz.Request {
		return func(secret string) *authz.Request {
			r := present(secret)
			value, _ := r.Header.Line("signature")
			r = without(r, "signature")
			authztest.AddHeader(r, "authorization", "Signature "+value)
			return r
		}
	}
	bySecret := func(text, base string) []byte { return signature(t, secret(text), "hmac-sha256", base) }
	byKey := func(text, base string) []byte { return signature(t, keyOf(text), "ed25519", base) }
	tests := []struct {
		name     string
		settings *policypb.HttpSignature
		present  func(string) *authz.Request
	}{
		{name: "keys", settings: settings(named), present: modern(byKey)},
		{name: "secrets", settings: settings(shared, named), present: modern(bySecret)},
		{name: "draft, keys", settings: draft(named), present: before(byKey)},
		{name: "draft, secrets", settings: draft(shared, named), present: before(bySecret)},
		{name: "draft, authorization", settings: draft(named, inAuthorization), present: authorization(before(byKey))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			subject := authztest.Subject{
				Kind: httpsig.Kind(), Settings: tt.settings, Secret: first, Other: second, Present: tt.present,
				Bare:     func() *authz.Request { return post() },
				Useless:  weak,
				Public:   true, // a signature is good for its message only
				Canaries: []string{"canary-nonce-0815", digest(body)},
			}
			if tt.settings.GetKeys() != nil {
				subject.Useless, subject.Store = useless, pemOf
				subject.Env = func(secrets map[string]authz.Secrets) *authz.Env {
					e := authztest.Env(secrets)
					e.Keys = func(name string) (authz.KeyReference, bool) {
						ref, ok := e.Secret(name)
						return authz.KeyReference{Name: name, Set: stored{ref}}, ok
					}
					return e
				}
			}
			if tt.settings.GetVersion() == "" {
				authztest.Conform(t, subject)
				return
			}
			// The draft's parameters are not signed, and those that are not known say
			// nothing. So it can be written in other ways; FuzzDraft looks at these.
			for _, problem := range authztest.Violations(t.Context(), subject) {
				if !strings.HasPrefix(problem, "passes nothing random or changed: ") {
					t.Error(problem)
				}
			}
		})
	}
}

// A stored is the key set of a secret's versions, as strict about white space as
// kinds with secrets are.
type stored struct{ ref authz.Reference }

func (s stored) Keys(now time.Time) (*authz.Keys, error) {
	versions, err := s.ref.Secrets.Versions(now)
	if err != nil {
		return nil, err
	}
	if versions == nil || len(versions.Accepted) == 0 && versions.Unusable == nil {
		return nil, authz.Deny(authz.ReasonSecretMissing, "")
	}
	keys := &authz.Keys{Unusable: versions.Unusable, Stale: versions.Stale}
	for _, version := range versions.Accepted {
		if err := s.ref.CheckPassword(version.Secret.Reveal()); err != nil {
			keys.Unusable = scheme.WorseTrouble(keys.Unusable, err)
			continue
		}
		parsed, err := jose.ParsePEM(version.Secret.Reveal())
		if err != nil {
			keys.Unusable = scheme.WorseTrouble(keys.Unusable, authz.Deny(authz.ReasonSecretInvalid, ""))
			continue
		}
		for _, key := range parsed {
			key.Secret, key.Version, key.Previous = s.ref.Name, version.Number, version.Previous
			keys.Accepted = append(keys.Accepted, key)
		}
	}
	return keys, nil
}

func (s stored) Refresh(_ context.Context, _ string, now time.Time) (*authz.Keys, error) {
	return s.Keys(now)
}

package signature_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/signature"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestConform(t *testing.T) {
	const secret, second = "0123456789-one-of-the-keys", "abcdefghij+zwei-der-schluessel"
	inSet := func(s *policypb.Signature) { s.Keys, s.Encoding = []string{authztest.SecretName}, "hex" }
	bare := func() *authz.Request { return authztest.Request("POST", "/h", body, "X-Key-Id", authztest.SecretName) }
	tests := []struct {
		name     string
		settings *policypb.Signature
		present  func(secret string) *authz.Request
	}{
		{
			name: "plain", settings: settings(inSet),
			present: func(secret string) *authz.Request {
				return authztest.Request("POST", "/h", body, "X-Signature", hexSigned(secret, body))
			},
		},
		{
			name: "query", settings: settings(inSet, func(s *policypb.Signature) { s.Credential = &policypb.Credential{Query: "sig"} }),
			present: func(secret string) *authz.Request {
				return authztest.Request("POST", "/h?a=1&sig="+hexSigned(secret, body), body)
			},
		},
		{
			name: "key id and time",
			settings: telnyx(inSet, identified, func(s *policypb.Signature) {
				s.Credential.Fields = &policypb.FieldsGrammar{Signature: "s", Separator: ";"}
				s.Timestamp.Value = "{credential:t}"
			}),
			present: func(secret string) *authz.Request {
				when := strconv.FormatInt(authztest.Received().Unix(), 10)
				return authztest.Request("POST", "/h", body, "X-Key-Id", authztest.SecretName,
					"X-Signature", "t="+when+";s="+hexSigned(secret, when+"|"+body))
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			authztest.Conform(t, authztest.Subject{
				Kind: signature.Kind(), Settings: tt.settings, Secret: secret, Other: second, Store: pemOf,
				Useless: []string{"changeme", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"},
				Present: tt.present, Bare: bare,
				Env: func(secrets map[string]authz.Secrets) *authz.Env {
					e := authztest.Env(secrets)
					e.Replay = true
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

// pemOf is how a store holds the public half of keyOf(text). It ends without a
// newline.
func pemOf(text string) string {
	der, err := x509.MarshalPKIXPublicKey(keyOf(text).Public())
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
}

// A stored is the key set of a secret's versions, as strict about white space as
// other kinds are with theirs.
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

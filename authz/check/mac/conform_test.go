package mac_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/mac"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func sum(key, message string) string {
	state := hmac.New(sha256.New, []byte(key))
	state.Write([]byte(message))
	return hex.EncodeToString(state.Sum(nil))
}

func TestConform(t *testing.T) {
	useless := []string{"short", strings.Repeat("\x00", 32), strings.Repeat("7", 32)}
	named := func(m *policypb.Mac) { m.Secrets = []string{authztest.SecretName} }
	const first, second = "It's a Secret to Everybody", "a newer key 0123456789 abcd"
	bare := func() *authz.Request { return authztest.Request("POST", "/h", body) }

	t.Run("plain", func(t *testing.T) {
		authztest.Conform(t, authztest.Subject{
			Kind:     mac.Kind(),
			Settings: settings(named, func(m *policypb.Mac) { m.Credential.Prefix = "sha256=" }),
			Secret:   first, Other: second, Useless: useless, Bare: bare,
			Present: func(secret string) *authz.Request {
				return authztest.Request("POST", "/h", body, "X-Signature", "sha256="+sum(secret, body))
			},
		})
	})
	t.Run("query", func(t *testing.T) {
		authztest.Conform(t, authztest.Subject{
			Kind:     mac.Kind(),
			Settings: settings(named, func(m *policypb.Mac) { m.Credential = &policypb.Credential{Query: "sig"} }),
			Secret:   first, Other: second, Useless: useless, Bare: bare,
			Present: func(secret string) *authz.Request {
				return authztest.Request("POST", "/h?a=1&sig="+sum(secret, body), body)
			},
		})
	})
	t.Run("fields", func(t *testing.T) {
		authztest.Conform(t, authztest.Subject{
			Kind: mac.Kind(),
			Settings: stripe(named, func(m *policypb.Mac) {
				m.Credential.Fields.Separator = ";"
				m.Key = &policypb.Key{StripPrefix: "key_", Decode: "hex"}
			}),
			Secret: first, Other: second, Bare: bare,
			Store: func(secret string) string { return "key_" + hex.EncodeToString([]byte(secret)) },
			Useless: []string{
				"key_", "key_0", "key_zz", "key_" + strings.Repeat("00", 32), "key_" + hex.EncodeToString([]byte("short")),
			},
			Present: func(secret string) *authz.Request {
				r := authztest.Request("POST", "/h", body)
				when := strconv.FormatInt(r.Received.Unix(), 10)
				authztest.AddHeader(r, "X-Signature", "t="+when+";v1="+sum(secret, when+"."+body))
				return r
			},
		})
	})
}

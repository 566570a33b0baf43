package apikey_test

import (
	"net/url"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/apikey"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestConform(t *testing.T) {
	const secret, second = "0123456789-one-of-the-keys", "abcdefghij+zwei-der-kennungen"
	secrets := []string{authztest.SecretName}
	header := func(name, prefix string) func(string) *authz.Request {
		return func(key string) *authz.Request {
			return authztest.Request("POST", "/h?a=b", "body", "x-other", "x", name, prefix+key)
		}
	}
	tests := []struct {
		name     string
		settings *policypb.ApiKey
		store    func(string) string
		present  func(string) *authz.Request
	}{
		{name: "header", settings: &policypb.ApiKey{Header: "X-Api-Key", Secrets: secrets}, present: header("X-Api-Key", "")},
		{
			name: "prefix", present: header("Authorization", "Token "),
			settings: &policypb.ApiKey{Header: "authorization", Prefix: "Token ", Secrets: secrets},
		},
		{
			name: "query", settings: &policypb.ApiKey{Query: "key", Secrets: secrets},
			present: func(key string) *authz.Request {
				return authztest.Request("POST", "/h?a=b&key="+url.PathEscape(key), "")
			},
		},
		{
			name: "digest", present: header("X-Api-Key", ""), store: digest,
			settings: &policypb.ApiKey{Header: "X-Api-Key", Stored: "sha256", Secrets: secrets},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			useless := []string{"short"}
			if tt.store == nil {
				useless = append(useless, "aaaaaaaaaaaaaaaaaaaaaaaa")
			}
			authztest.Conform(t, authztest.Subject{
				Kind: apikey.Kind(), Settings: tt.settings, Secret: secret, Other: second,
				Store: tt.store, Useless: useless, Present: tt.present,
				Bare: func() *authz.Request { return authztest.Request("POST", "/h?a=b", "body", "x-other", "x") },
			})
		})
	}
}

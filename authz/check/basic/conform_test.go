package basic_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/basic"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestConform(t *testing.T) {
	named := func() *policypb.Basic {
		return &policypb.Basic{Users: []*policypb.BasicUser{{Name: "ali", Secrets: []string{authztest.SecretName}}}}
	}
	paired := func() *policypb.Basic { return &policypb.Basic{Secrets: []string{authztest.SecretName}} }
	elsewhere := named()
	elsewhere.Header = "X-Auth"
	pair := func(store func(string) string) func(string) string {
		return func(secret string) string { return "ali:" + store(secret) }
	}
	plain := func(secret string) string { return secret }
	tests := []struct {
		name     string
		settings *policypb.Basic
		header   string
		store    func(string) string
		useless  []string
	}{
		{name: "users", settings: named(), header: "Authorization", store: plain},
		{name: "users, digest", settings: digests(named()), header: "Authorization", store: digest, useless: []string{"short"}},
		{name: "pairs", settings: paired(), header: "Authorization", store: pair(plain), useless: []string{"ali", "ali:", ":ali", "ali: ", "\x00:x"}},
		{name: "pairs, digest", settings: digests(paired()), header: "Authorization", store: pair(digest), useless: []string{"ali:x", digest("x")}},
		{name: "another header", settings: elsewhere, header: "X-Auth", store: plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			authztest.Conform(t, authztest.Subject{
				Kind: basic.Kind(), Settings: tt.settings, Store: tt.store, Useless: tt.useless,
				Secret: "0123456789 one word", Other: "abcdefghij+zweite Parole",
				Present: func(secret string) *authz.Request {
					return authztest.Request("POST", "/h", "body", "x-other", "x", tt.header, "Basic "+encode("ali:"+secret))
				},
				Bare: func() *authz.Request {
					return authztest.Request("POST", "/h", "body", tt.header, "Bearer "+strings.Repeat("x", 20))
				},
				Canaries: []string{"ali:0123456789", "ali:abcdefghij"},
			})
		})
	}
}

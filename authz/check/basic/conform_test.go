package basic_test

import (
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
		env      func(map[string]authz.Secrets) *authz.Env
	}{
		{name: "users", settings: named(), header: "Authorization", store: plain},
		{name: "users, digest", settings: digests(named()), header: "Authorization", store: digest, useless: []string{"short"}},
		{name: "pairs", settings: paired(), header: "Authorization", store: pair(plain), useless: []string{"ali", "ali:", ":ali", "ali: ", "\x00:x"}},
		{name: "pairs, digest", settings: digests(paired()), header: "Authorization", store: pair(digest), useless: []string{"ali:x", digest("x")}},
		{name: "pairs, bcrypt", settings: hashes(paired()), header: "Authorization", store: pair(hashOf), useless: []string{"ali:x", hashOf("x")}, env: weakEnv},
		{name: "another header", settings: elsewhere, header: "X-Auth", store: plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sent atomic.Int64
			authztest.Conform(t, authztest.Subject{
				Kind: basic.Kind(), Env: tt.env, Settings: tt.settings, Store: tt.store, Useless: tt.useless,
				Secret: "0123456789 one word", Other: "abcdefghij+zweite Parole",
				Present: func(secret string) *authz.Request {
					r := authztest.Request("POST", "/h", "body", "x-other", "x", tt.header, "Basic "+encode("ali:"+secret))
					if tt.env != nil { // else the law's own guesses would be too many
						n := sent.Add(1)
						r.Received = r.Received.Add(time.Duration(n) * basic.UserPause)
						r.Peer = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
					}
					return r
				},
				Bare: func() *authz.Request {
					return authztest.Request("POST", "/h", "body", tt.header, "Bearer "+strings.Repeat("x", 20))
				},
				Canaries: []string{"ali:0123456789", "ali:abcdefghij"},
			})
		})
	}
}

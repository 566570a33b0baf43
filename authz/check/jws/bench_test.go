package jws_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// BenchmarkVerify is all that the check of a request costs.
func BenchmarkVerify(b *testing.B) {
	event := `{"event":"payment.settled","text":"` + strings.Repeat("a", 4<<10) + `"}`
	big := `{"event":"payment.settled","text":"` + strings.Repeat("a", 1<<20-100) + `"}`
	bound := payload(b, map[string]any{"body": hash(event)})
	tests := []struct {
		name    string
		s       *policypb.Jws
		request *authz.Request
		env     func(*authz.Env)
	}{
		{name: "body", s: settings(), request: post(token(b, keyOf("key"), edHeader, event), "")},
		{name: "body ES256 payload replay", s: settings(), request: post(token(b, ecKey(), ecHeader, event), ""), env: func(e *authz.Env) { e.Payload, e.Replay = true, true }},
		{name: "header ES256", s: settings(inHeader), request: post(event, token(b, ecKey(), ecHeader, bound))},
		{name: "detached RS512", s: settings(apart("encoded")), request: post(event, detached(b, rsaKey(), rsHeader, event, true))},
		{name: "detached 1 MiB", s: settings(apart("encoded")), request: post(big, detached(b, ecKey(), ecHeader, big, true))},
		{name: "certificates", s: settings(certified(nil)), request: post(token(b, ecKey(), x5c(b, "ES256", issue(b, testRoot(), "leaf", ecKey())), event), ""), env: withRoot(b)},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			if tt.env == nil {
				tt.env = func(*authz.Env) {}
			}
			check := build(b, tt.s, one(b, tt.env)).Check
			tt.request.Rules.MaxBody = 2 << 20
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(b.Context(), tt.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// active is what a server says of a token that is good for some time.
func active(life time.Duration) map[string]any {
	return map[string]any{
		"active": true, "sub": "partner", "client_id": "partner", "aud": audience, "scope": "orders",
		"exp": time.Now().Add(life).Unix(),
	}
}

// opaque is a token that means nothing to us.
func opaque() string {
	token := random()
	mustNotLeak(token)
	return token
}

func TestIntrospection(t *testing.T) {
	w := identity()
	with := func(members map[string]any) string {
		token := opaque()
		w.issuer.answer(token, members)
		return token
	}
	without := func(name string) map[string]any {
		members := active(time.Minute)
		delete(members, name)
		return members
	}
	changed := func(name string, value any) map[string]any { return claimsWith(active(time.Minute), name, value) }

	seen, d := w.allowed(t, w.send(t, bearing("introspected", with(active(time.Minute)))))
	if d.Principal != "partner" || seen.header.Get("X-Webhook-Sender") != "partner" || seen.header.Get("Authorization") != "" {
		t.Errorf("principal %q, upstream %v", d.Principal, seen.header)
	}
	w.allowed(t, w.send(t, bearing("introspected-elsewhere", with(active(time.Minute)))))

	for _, tt := range []struct {
		name, token, policy string
		status              int
		reason              authz.Reason
	}{
		{name: "unknown", token: opaque(), status: 401, reason: authz.ReasonTokenInvalid},
		{name: "inactive", token: with(map[string]any{"active": false}), status: 401, reason: authz.ReasonTokenInvalid},
		{name: "inactive and full of promises", token: with(changed("active", false)), status: 401, reason: authz.ReasonTokenInvalid},
		{name: "expired", token: with(active(-time.Hour)), status: 401, reason: authz.ReasonTokenExpired},
		{name: "for somebody else", token: with(changed("aud", "https://elsewhere.example")), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "for nobody", token: with(without("aud")), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "without the claim", policy: "introspected-elsewhere", token: with(changed("scope", "invoices")), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "active as text", token: with(changed("active", "true")), status: 503, reason: authz.ReasonIntrospectionUnavailable},
		{name: "active as a number", token: with(changed("active", 1)), status: 503, reason: authz.ReasonIntrospectionUnavailable},
		{name: "no word about active", token: with(without("active")), status: 503, reason: authz.ReasonIntrospectionUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.policy == "" {
				tt.policy = "introspected"
			}
			w.denied(t, w.send(t, bearing(tt.policy, tt.token)), tt.status, tt.reason)
		})
	}
	w.denied(t, w.send(t, bearing("introspected", "").without("Authorization")), 401, authz.ReasonCredentialMissing)
}

// A verdict is kept for a while, but no longer than the token lives, and each
// policy has its own.
func TestIntrospectionCached(t *testing.T) {
	t.Parallel()
	w := identity()
	token := opaque()
	w.issuer.answer(token, active(4*time.Second))
	r := bearing("introspected", token)
	w.allowed(t, w.send(t, r))
	w.issuer.answer(token, nil) // revoked
	// Another policy asks for itself.
	w.denied(t, w.send(t, bearing("introspected-elsewhere", token)), 401, authz.ReasonTokenInvalid)
	w.allowed(t, w.send(t, r))
	w.denied(t, w.turns(t, 70*time.Second, r, 200, 401), 401, authz.ReasonTokenInvalid)
	// What was good comes back good once the server says so again.
	w.issuer.answer(token, active(time.Minute))
	w.turns(t, 15*time.Second, r, 401, 200)
}

// While the server can't be asked nobody is told that his token is bad, and
// nobody gets in who was not known before.
func TestIntrospectionTrouble(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	folder := fill(t, map[string]string{"ISSUER": i.url, "AUDIENCE": audience}, "introspection.yaml")
	b := startBao(t)
	b.put(t, "introspection", map[string]string{"secret": i.secret})
	w := newWorld(t, setup{bao: b, config: folder, policies: policyNames(t, folder), flags: []string{"--dev"}, listeners: []variant{failOpen}})
	known := opaque()
	i.answer(known, active(time.Minute))
	w.allowed(t, w.send(t, bearing("introspected", known)))

	for _, tt := range []struct {
		name   string
		lie    http.HandlerFunc
		reason authz.Reason // the zero one is introspection_unavailable
	}{
		{name: "500", lie: says(500, "application/json", `{"active":true}`)},
		{name: "503", lie: says(503, "application/json", `{}`)},
		{name: "a page", lie: says(200, "text/html", "<html>active</html>")},
		{name: "no JSON", lie: says(200, "application/json", `{"active":true`)},
		{name: "a list", lie: says(200, "application/json", `[{"active":true}]`)},
		{name: "twice", lie: says(200, "application/json", `{"active":true,"active":false,"aud":"`+audience+`"}`)},
		{name: "huge", lie: says(200, "application/json", `{"active":true,"aud":"`+audience+`","x":"`+strings.Repeat("x", 1<<20)+`"}`)},
		{name: "a redirect", lie: leadsTo(i.url + "/else")},
		{name: "nothing", lie: hangs, reason: authz.ReasonDeadline},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.reason == authz.ReasonBug {
				tt.reason = authz.ReasonIntrospectionUnavailable
			}
			i.lie(introspectPath, tt.lie)
			w.denied(t, w.send(t, bearing("introspected", opaque())), 503, tt.reason)
			w.denied(t, w.send(t, bearing("introspected", opaque()).on(failOpen.name)), 503, tt.reason)
			w.allowed(t, w.send(t, bearing("introspected", known)))
		})
	}
	if n := i.asked("/else"); n > 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
	i.lie(introspectPath, nil)
	i.down()
	later := opaque()
	i.answer(later, active(time.Minute))
	w.denied(t, w.send(t, bearing("introspected", later)), 503, authz.ReasonIntrospectionUnavailable)
	w.allowed(t, w.send(t, bearing("introspected", known)))
	i.up(t)
	w.turns(t, 20*time.Second, bearing("introspected", later), 503, 200)

	// Our own secret there, when it is no good, is our own trouble.
	b.put(t, "introspection", map[string]string{"secret": random()})
	eventually(t, 20*time.Second, "the server refuses us", func() bool {
		got := w.send(t, bearing("introspected", opaque()))
		w.unseen(t, got)
		if got.status == http.StatusUnauthorized {
			return false // still the old secret
		}
		if got.status != http.StatusInternalServerError && got.status != http.StatusServiceUnavailable {
			t.Fatalf("status %d", got.status)
		}
		return true
	})
	w.allowed(t, w.send(t, bearing("introspected", known)))
}

//go:build e2e

package e2e

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Opaque tokens are good until they end or are revoked, on every replica.
func TestOpaqueTokens(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	folder := fill(t, map[string]string{"TOKENS": "https://hooks.example.com"}, "opaque.yaml")
	w := newWorld(t, setup{
		config: folder, policies: policyNames(t, folder), replicas: 2,
		env: []string{"HOOKAUTHZ_TOKEN_STORE=" + r.url()}, flags: []string{"--token-listen=127.0.0.1:0"},
	})
	// Whichever replica is asked: the store is one.
	endpoint, another := "http://"+w.servers[0].token, "http://"+w.servers[1].token
	acme, other := curl(t, endpoint+"/token", "acme").Token, curl(t, another+"/token", "other").Token
	if strings.Count(acme, ".") == 2 {
		t.Error("the token is a JWT")
	}
	asked := map[string]bool{}
	for range 8 {
		seen, d := w.allowed(t, w.send(t, bearing("own-acme", acme)))
		if d.Principal != "acme" || seen.header.Get("Authorization") != "" {
			t.Errorf("principal %q, want acme; the token reached the upstream: %v", d.Principal, seen.header.Get("Authorization") != "")
		}
		for _, h := range w.servers {
			if _, ok := h.decision(d.DecisionID, 0); ok {
				asked[h.grpc] = true
			}
		}
	}
	if len(asked) != 2 {
		t.Errorf("%d replicas were asked, want both", len(asked))
	}
	w.allowed(t, w.send(t, bearing("own-orders", acme)))
	w.allowed(t, w.send(t, bearing("own-orders", other)))
	w.closed(t, "of another client", w.send(t, bearing("own-other", acme)))
	w.denied(t, w.send(t, bearing("own-acme", opaque())), 401, authz.ReasonTokenInvalid)
	w.denied(t, w.send(t, bearing("own-acme", acme[:len(acme)-1])), 401, authz.ReasonTokenInvalid)

	// Nobody revokes what is not his.
	revoke := func(client, token string) int {
		return trade(t, another+"/revoke", client, key("client-"+client), url.Values{"token": {token}}).status
	}
	if status := revoke("other", acme); status >= 500 {
		t.Errorf("revoking another's token: status %d", status)
	}
	w.allowed(t, w.send(t, bearing("own-acme", acme)))
	if status := revoke("acme", acme); status != 200 {
		t.Errorf("revoking: status %d, want 200", status)
	}
	w.denied(t, w.send(t, bearing("own-acme", acme)), 401, authz.ReasonTokenInvalid)
	w.denied(t, w.send(t, bearing("own-orders", acme)), 401, authz.ReasonTokenInvalid)
	w.allowed(t, w.send(t, bearing("own-orders", other)))

	// Without the store nobody can tell, and nobody is told that his token is bad.
	r.kill()
	for range 5 {
		w.denied(t, w.send(t, bearing("own-orders", other)), 503, authz.ReasonTokenStoreUnavailable)
		w.denied(t, w.send(t, bearing("own-acme", acme)), 503, authz.ReasonTokenStoreUnavailable)
	}
	w.denied(t, w.send(t, bearing("own-acme", "").without("Authorization")), 401, authz.ReasonCredentialMissing)
	if got := trade(t, endpoint+"/token", "", "", credentials("acme")); got.status != 503 || got.Token != "" || got.header.Get("Retry-After") == "" {
		t.Errorf("a token without the store: status %d, Retry-After %q; want 503", got.status, got.header.Get("Retry-After"))
	}
	// It comes back empty: the tokens of before are gone, new ones are good.
	again := *r
	again.run(t, program(t, "HOOKAUTHZ_REDIS", "make tools"))
	if !again.answers() {
		t.Fatal("redis did not start again")
	}
	w.denied(t, w.turns(t, 15*time.Second, bearing("own-orders", other), 503, 401), 401, authz.ReasonTokenInvalid)
	w.allowed(t, w.send(t, bearing("own-orders", curl(t, endpoint+"/token", "other").Token)))
}

// A file whose tokens need a store is refused where there is none.
func TestOpaqueTokensWithoutStore(t *testing.T) {
	folder := fill(t, map[string]string{"TOKENS": "https://hooks.example.com"}, "opaque.yaml")
	serve := exec.CommandContext(t.Context(), program(t, "HOOKAUTHZ_BIN", "make build"),
		"serve", "--config="+folder, "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--token-listen=127.0.0.1:0", "--vault-addr=http://127.0.0.1:1")
	serve.Env = []string{"VAULT_TOKEN=of-no-use"}
	out, err := serve.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--token-store") || !strings.Contains(string(out), "opaque.yaml") {
		t.Errorf("serve: %v, want a mistake that names --token-store:\n%s", err, out)
	}
}

// Issuers that are reached without TLS, and addresses of our own, are for
// developers.
func TestPlainIssuerNeedsDev(t *testing.T) {
	folder := fill(t, map[string]string{"ISSUER": "http://issuer.example", "AUDIENCE": audience}, "introspection.yaml")
	out, trouble, code := command(t, "check", folder)
	if code == 0 || !strings.Contains(out+trouble, "https") {
		t.Errorf("check: code %d, want a mistake that asks for https:\n%s%s", code, out, trouble)
	}
	identity() // there must be a secret to show
	i := startIssuer(t)
	folder = fill(t, map[string]string{"ISSUER": strings.Replace(i.url, "http:", "https:", 1), "AUDIENCE": audience}, "introspection.yaml")
	w := newWorld(t, setup{config: folder, policies: policyNames(t, folder)})
	w.denied(t, w.send(t, bearing("introspected", opaque())), 503, authz.ReasonIntrospectionUnavailable)
	if n := i.asked(introspectPath); n > 0 {
		t.Errorf("an address of this machine was asked %d times", n)
	}
}

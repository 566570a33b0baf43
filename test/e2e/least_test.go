//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A leastWorld is a Vault with every kind of thing that hookauthz reads, and the
// policy file that names them all.
type leastWorld struct {
	*bao

	folder string
	ours   *authority
	jwks   signer
}

func newLeastWorld(t *testing.T) *leastWorld {
	t.Helper()
	l := &leastWorld{bao: startBao(t), ours: newAuthority(t, nil), jwks: newSigner(t, "stored", "ES256")}
	b := l.bao
	b.mountPKI(t, "pki", "clients")
	b.mountPKI(t, "teams/pki", "partners")
	b.put(t, "key-jwks", map[string]string{"key": string(jwks(l.jwks))})
	b.call(t, "POST", "sys/mounts/older", map[string]any{"type": "kv", "options": map[string]string{"version": "1"}})
	b.call(t, "POST", "older/teams/tower", map[string]string{"api_key": key("tower")})
	b.call(t, "POST", "sys/mounts/teams/kv", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
	eventually(t, 10*time.Second, "the mount is ready", func() bool {
		_, status, err := b.try("POST", "teams/kv/data/a/b%20c/deep", map[string]any{"data": map[string]string{"key": key("tower")}})
		return err == nil && status < http.StatusBadRequest
	})
	b.put(t, "github", map[string]string{"secret": key("github")}) // so that there is a version before
	l.folder = fill(t, map[string]string{"AUDIENCE": audience}, "least.yaml")
	return l
}

// permitted makes a Vault policy and an AppRole that has it and nothing else, and
// returns the flags of hookauthz.
func (l *leastWorld) permitted(t *testing.T, name, policy string) []string {
	t.Helper()
	l.call(t, "PUT", "sys/policies/acl/"+name, map[string]any{"policy": policy})
	return l.role(t, name, map[string]any{"token_policies": name, "token_no_default_policy": true, "token_ttl": "8s", "token_max_ttl": "1h"})
}

// alive returns the accessors of the tokens with that policy. A token that was
// renewed is the same one, a new login is another.
func (l *leastWorld) alive(t *testing.T, policy string) map[string]bool {
	t.Helper()
	list, _ := l.call(t, "LIST", "auth/token/accessors", nil)["keys"].([]any)
	found := map[string]bool{}
	for _, accessor := range list {
		data, status, err := l.try("POST", "auth/token/lookup-accessor", map[string]any{"accessor": accessor})
		if err == nil && status == http.StatusOK && strings.Contains(fmt.Sprint(data["policies"]), "["+policy+"]") {
			found[fmt.Sprint(accessor)] = true
		}
	}
	return found
}

// command runs a command of hookauthz that ends by itself.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, trouble strings.Builder
	c := exec.CommandContext(t.Context(), program(t, "HOOKAUTHZ_BIN", "make build"), args...)
	c.Env, c.Stdout, c.Stderr = []string{"HOME=" + run.folder}, &out, &trouble
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatalf("%q: %v", args, err)
	}
	return out.String(), trouble.String(), c.ProcessState.ExitCode()
}

var stanza = regexp.MustCompile(`(?ms)^path "[^"]+" \{.*?^\}\n?`)

// leastOf returns what `hookauthz vault policy` prints, as a whole and in stanzas.
func leastOf(t *testing.T, file string) (policy string, stanzas []string) {
	t.Helper()
	policy, trouble, code := command(t, "vault", "policy", file)
	stanzas = stanza.FindAllString(policy, -1)
	if code != 0 || trouble != "" || len(stanzas) == 0 {
		t.Fatalf("vault policy: code %d, %s\n%s", code, trouble, policy)
	}
	return policy, stanzas
}

// With the printed policy and nothing else, not even Vault's default policy,
// everything is read and the token lives on.
func TestVaultPolicyIsEnough(t *testing.T) {
	t.Parallel()
	l := newLeastWorld(t)
	policy, _ := leastOf(t, l.folder)
	l.login = l.permitted(t, "least", policy)
	w := newWorld(t, setup{
		bao: l.bao, config: l.folder, policies: policyNames(t, l.folder),
		listeners: (&identityWorld{ours: l.ours}).listeners(t),
	})
	clients, _ := l.issue(t, "pki", "clients")
	partners, _ := l.issue(t, "teams/pki", "partners")
	everything := func() {
		t.Helper()
		for _, name := range []string{"tower", "older", "deep"} {
			w.allowed(t, w.send(t, tower(event).to("/e2e/"+name)))
		}
		w.allowed(t, w.send(t, github(event).to("/e2e/github")))
		w.allowed(t, w.send(t, bearing("jwks", l.jwks.token(goodClaims("https://issuer.example", audience)))))
		w.allowed(t, w.send(t, showing(clients, asking, "clients")))
		w.allowed(t, w.send(t, showing(partners, asking, "partners")))
		w.denied(t, w.send(t, showing(partners, asking, "clients")), 403, authz.ReasonCertificateUntrusted)
	}
	everything()
	before := l.alive(t, "least")
	time.Sleep(12 * time.Second) // more than the life of the token
	everything()
	if after := l.alive(t, "least"); !maps.Equal(before, after) || len(after) != 1 {
		t.Errorf("tokens %v became %v, want one that was renewed", before, after)
	}
	if out, trouble, code := command(t, append([]string{"secrets", "check", l.folder}, l.login...)...); code != 0 {
		t.Errorf("secrets check: code %d\n%s%s", code, out, trouble)
	}
	h := w.servers[0]
	h.signal(t, syscall.SIGTERM)
	if !h.ended(10 * time.Second) {
		t.Fatal("hookauthz does not end")
	}
	eventually(t, 5*time.Second, "hookauthz gave its token back", func() bool { return len(l.alive(t, "least")) == 0 })
}

// Nothing in the printed policy is there for nothing: without any one stanza a
// secret is not read, or the token is not renewed, not told from a dead one, or
// not given back.
func TestVaultPolicyIsLeast(t *testing.T) {
	t.Parallel()
	l := newLeastWorld(t)
	policy, stanzas := leastOf(t, l.folder)
	if strings.Contains(policy, "*") || strings.Contains(policy, "+") {
		t.Errorf("the policy permits more than it names:\n%s", policy)
	}
	if found := l.symptoms(t, "whole", policy, stanzas); len(found) > 0 {
		t.Errorf("with the whole policy: %q", found)
	}
	for i, one := range stanzas {
		path, _, _ := strings.Cut(strings.TrimPrefix(one, `path "`), `"`)
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			found := l.symptoms(t, fmt.Sprintf("without-%d", i), strings.Replace(policy, one, "", 1), stanzas)
			t.Logf("without it: %q", found)
			if len(found) == 0 {
				t.Error("nothing is amiss without it")
			}
		})
	}
}

// symptoms runs the server with a Vault policy and returns what does not work.
func (l *leastWorld) symptoms(t *testing.T, name, policy string, stanzas []string) (found []string) {
	t.Helper()
	login := l.permitted(t, name, policy)
	out, _, code := command(t, append([]string{"secrets", "check", l.folder}, login...)...)
	if code != 0 {
		return []string{fmt.Sprintf("secrets check, code %d: %s", code, strings.TrimSpace(out))}
	}
	h := startHookauthz(t, l.folder, login...).serving(t)
	first := l.alive(t, name)
	time.Sleep(12 * time.Second) // more than the life of the token
	held := l.alive(t, name)
	if !maps.Equal(first, held) {
		found = append(found, "the token was not renewed")
	}
	// Who loses a permission and may not look at his own token takes it for dead.
	for _, one := range stanzas {
		if strings.Contains(one, "webhooks/tower") {
			l.call(t, "PUT", "sys/policies/acl/"+name, map[string]any{"policy": strings.Replace(policy, one, "", 1)})
		}
	}
	for range 8 {
		time.Sleep(500 * time.Millisecond)
		if now := l.alive(t, name); found == nil && !maps.Equal(now, held) {
			found = append(found, "a permission that is gone is taken for a dead token")
		}
	}
	held = l.alive(t, name)
	h.signal(t, syscall.SIGTERM)
	if !h.ended(10 * time.Second) {
		t.Fatal("hookauthz does not end")
	}
	if left := l.alive(t, name); len(held) > 0 && len(left) >= len(held) {
		found = append(found, "the token was not given back")
	}
	return found
}

//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// `hookauthz secrets check` tells apart what the operator has to do: nothing, put a
// secret, ask for a permission, wait for Vault.
func TestSecretsCheck(t *testing.T) {
	t.Parallel()
	b := startBao(t)
	b.mountPKI(t, "pki", "clients")
	const all = `
secrets:
  tower: {vault: {path: webhooks/tower, field: api_key}}
  github: {vault: {path: webhooks/github, field: secret}}
keys:
  clients: {vault_pki: {mount: pki, issuer: clients}}
policies:
  tower: {require: {api_key: {header: X-Api-Key, secrets: [tower]}}}
  github: {require: {provider: {name: github, secrets: [github]}}}
  clients: {require: {client_certificate: {anchors: [clients], dns_names: [partner.example]}}}
`
	file := writeFile(t, "policy.yaml", all)
	check := func(file string, more ...string) (string, int) {
		t.Helper()
		out, trouble, code := command(t, append(append([]string{"secrets", "check", file}, b.login...), more...)...)
		for _, text := range []string{out, trouble} {
			log := newOutput(t, t.Name())
			_, _ = log.Write([]byte(text + "\n"))
			if line := leak(log); line != "" {
				t.Errorf("a secret is printed: %s", line)
			}
		}
		return out + trouble, code
	}
	holds := func(out string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("printed %q, want %q in it", out, word)
			}
		}
	}

	out, code := check(file)
	if code != 0 {
		t.Errorf("everything is there: code %d\n%s", code, out)
	}
	holds(out, "tower", "github", "clients")

	missing := strings.Replace(all, "webhooks/tower", "webhooks/not-there", 1)
	if out, code = check(writeFile(t, "policy.yaml", missing)); code == 0 || code == 3 {
		t.Errorf("a secret is missing: code %d\n%s", code, out)
	}
	holds(out, "tower", "webhooks/not-there")

	field := strings.Replace(all, "field: secret", "field: not_there", 1)
	if out, code = check(writeFile(t, "policy.yaml", field)); code == 0 || code == 3 {
		t.Errorf("a field is missing: code %d\n%s", code, out)
	}
	holds(out, "github", "not_there")

	issuer := strings.Replace(all, "issuer: clients", "issuer: not-there", 1)
	if out, code = check(writeFile(t, "policy.yaml", issuer)); code == 0 {
		t.Errorf("an issuer is missing: code %d\n%s", code, out)
	}
	holds(out, "clients")

	b.call(t, "POST", "secret/data/webhooks/tower", map[string]any{"data": map[string]string{"api_key": "short"}})
	if out, code = check(file); code == 0 {
		t.Errorf("a key is too short: code %d\n%s", code, out)
	}
	holds(out, "tower")
	b.put(t, "tower", map[string]string{"api_key": random()})

	b.forbid(t)
	if out, code = check(file); code == 0 || code == 3 {
		t.Errorf("nothing is permitted: code %d\n%s", code, out)
	}
	holds(out, "tower", "github", "permi")
	b.permit(t)

	mistake := strings.Replace(all, "api_key:", "apikey:", 1)
	if out, code = check(writeFile(t, "policy.yaml", mistake)); code == 0 || code == 3 {
		t.Errorf("a mistake in the file: code %d\n%s", code, out)
	}

	b.kill()
	start := time.Now()
	if out, code = check(file); code != 3 {
		t.Errorf("Vault is away: code %d, want 3\n%s", code, out)
	}
	if took := time.Since(start); took > 60*time.Second {
		t.Errorf("Vault is away: it took %v to say so", took)
	}
	holds(out, "tower", "github")
}

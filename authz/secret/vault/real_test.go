package vault_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
)

func TestKeyValue(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.admin(t, http.MethodPost, "sys/mounts/kv", map[string]any{"type": "kv", "options": map[string]any{"version": "1"}})
	b.admin(t, http.MethodPost, "sys/mounts/transit", map[string]any{"type": "transit"})
	c, _, _ := run(t, reader(b, b.token(t, nil)))
	kv1 := func(path string) secret.Location {
		return secret.Location{Kind: secret.KindVault, Mount: "kv", KVVersion: 1, Path: path}
	}
	version := func(loc secret.Location) int {
		t.Helper()
		r, err := c.Read(t.Context(), loc, 0)
		if err != nil {
			t.Fatal(err)
		}
		return r.Version
	}

	tests := []struct {
		name    string
		prepare func()
		loc     secret.Location
		version int
		want    string
	}{
		{name: "v2", prepare: func() { b.put(t, "a", map[string]any{"k": "v1"}) }, loc: kv2("a"), want: "v1"},
		{name: "rotation", prepare: func() { b.put(t, "a", map[string]any{"k": "v2"}) }, loc: kv2("a"), want: "v2"},
		{name: "version before", loc: kv2("a"), version: 1, want: "v1"},
		{name: "version unknown", loc: kv2("a"), version: 9, want: "gone not_found"},
		{name: "path unknown", loc: kv2("none"), want: "gone not_found"},
		{name: "mount unknown", loc: secret.Location{Kind: secret.KindVault, Mount: "nowhere", KVVersion: 2, Path: "a"}, want: "gone not_found"},
		{name: "older version deleted", prepare: func() {
			b.admin(t, http.MethodPost, "secret/delete/a", map[string]any{"versions": []int{1}})
		}, loc: kv2("a"), version: 1, want: "gone not_found"},
		{name: "newest version deleted: no falling back", prepare: func() {
			b.admin(t, http.MethodPost, "secret/undelete/a", map[string]any{"versions": []int{1}})
			b.admin(t, http.MethodDelete, "secret/data/a", nil)
		}, loc: kv2("a"), want: "gone not_found"},
		{name: "undeleted", prepare: func() {
			b.admin(t, http.MethodPost, "secret/undelete/a", map[string]any{"versions": []int{2}})
		}, loc: kv2("a"), want: "v2"},
		{name: "destroyed", prepare: func() {
			b.admin(t, http.MethodPut, "secret/destroy/a", map[string]any{"versions": []int{2}})
		}, loc: kv2("a"), want: "gone not_found"},
		{name: "metadata deleted", prepare: func() {
			b.admin(t, http.MethodDelete, "secret/metadata/a", nil)
		}, loc: kv2("a"), want: "gone not_found"},
		{name: "written anew", prepare: func() {
			b.put(t, "a", map[string]any{"k": "again"})
			if got := version(kv2("a")); got != 1 {
				t.Errorf("version %d, want 1", got)
			}
		}, loc: kv2("a"), want: "again"},
		{name: "nested path with space", prepare: func() {
			b.put(t, "team/my key@x", map[string]any{"k": "v"})
		}, loc: kv2("team/my key@x"), want: "v"},
		{name: "number", prepare: func() { b.put(t, "n", map[string]any{"k": 12345678901234567}) }, loc: kv2("n"), want: "no text"},
		{name: "object", prepare: func() { b.put(t, "o", map[string]any{"k": map[string]any{"k": "v"}}) }, loc: kv2("o"), want: "no text"},
		{name: "null data", prepare: func() {
			b.admin(t, http.MethodPost, "secret/data/null", map[string]any{"data": nil, "options": map[string]any{}})
		}, loc: kv2("null"), want: "no text"},
		{name: "v1", prepare: func() {
			b.admin(t, http.MethodPost, "kv/a", map[string]any{"k": "flat"})
		}, loc: kv1("a"), want: "flat"},
		{name: "v1 unknown", loc: kv1("none"), want: "gone not_found"},
		{name: "v2 declared, mount is v1", loc: secret.Location{Kind: secret.KindVault, Mount: "kv", KVVersion: 2, Path: "a"}, want: "gone not_found"},
		{name: "v2 declared, v1 secret at data/a", prepare: func() {
			b.admin(t, http.MethodPost, "kv/data/a", map[string]any{"k": "flat"})
		}, loc: secret.Location{Kind: secret.KindVault, Mount: "kv", KVVersion: 2, Path: "a"}, want: "unusable wrong_engine"},
		{name: "v1 declared, mount is v2", loc: secret.Location{Kind: secret.KindVault, Mount: "secret", KVVersion: 1, Path: "a"}, want: "gone not_found"},
		{name: "v1 declared, mount is v2, path with data", loc: secret.Location{Kind: secret.KindVault, Mount: "secret", KVVersion: 1, Path: "data/a"}, want: "no text"},
		{name: "another engine", loc: secret.Location{Kind: secret.KindVault, Mount: "transit", KVVersion: 2, Path: "a"}, want: "gone not_found"},
		{name: "another engine, no reads", loc: secret.Location{Kind: secret.KindVault, Mount: "transit", KVVersion: 1, Path: "random"}, want: "gone wrong_engine"},
		{name: "mount removed", prepare: func() {
			b.admin(t, http.MethodDelete, "sys/mounts/kv", nil)
		}, loc: kv1("a"), want: "gone not_found"},
		{name: "path that goes up", loc: kv2("../sys/health"), want: "unusable location"},
		{name: "path with an encoding", loc: kv2("a%2f..%2fb"), want: "unusable location"},
		{name: "path with a query", loc: kv2("a?version=1"), want: "unusable location"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prepare != nil {
				tt.prepare()
			}
			if got := read(t, c, tt.loc, tt.version); got != tt.want {
				t.Errorf("Read() = %q, want %q", got, tt.want)
			}
		})
	}

	t.Run("deletion in the future", func(t *testing.T) {
		b.admin(t, http.MethodPost, "secret/metadata/d", map[string]any{"delete_version_after": "1h"})
		b.put(t, "d", map[string]any{"k": "v"})
		r, err := c.Read(t.Context(), kv2("d"), 0)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(r.Deletes); left < 50*time.Minute || left > time.Hour {
			t.Errorf("Deletes is in %v, want about 1h", left)
		}
		if ago := time.Since(r.Created); ago < 0 || ago > time.Minute {
			t.Errorf("Created %v ago, want about now", ago)
		}
	})
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.put(t, "a", map[string]any{"k": "v"})

	t.Run("policy removed, token alive", func(t *testing.T) {
		c, events, _ := run(t, reader(b, b.token(t, nil)))
		if got := read(t, c, kv2("a"), 0); got != "v" {
			t.Fatalf("Read() = %q, want the value", got)
		}
		lookups := events.requests(secret.OperationLookup)
		b.policy(t, `path "none" { capabilities = ["read"] }`)
		defer b.policy(t, readAll)
		if got := read(t, c, kv2("a"), 0); got != "denied forbidden" {
			t.Errorf("Read() = %q, want denied", got)
		}
		if got := events.requests(secret.OperationLookup) - lookups; got != 1 {
			t.Errorf("%d lookups, want 1", got)
		}
	})

	t.Run("token revoked, no other", func(t *testing.T) {
		token := b.token(t, nil)
		c, events, _ := run(t, reader(b, token))
		if got := read(t, c, kv2("a"), 0); got != "v" {
			t.Fatalf("Read() = %q, want the value", got)
		}
		b.admin(t, http.MethodPost, "auth/token/revoke", map[string]any{"token": token})
		if got := read(t, c, kv2("a"), 0); got != "credential refused" {
			t.Errorf("Read() = %q, want credential", got)
		}
		reads := events.requests(secret.OperationRead)
		for range 20 {
			if got := read(t, c, kv2("a"), 0); got != "credential refused" {
				t.Errorf("Read() = %q, want credential", got)
			}
		}
		if got := events.requests(secret.OperationRead) - reads; got != 0 {
			t.Errorf("%d reads with a dead token, want 0", got)
		}
	})

	t.Run("token file replaced", func(t *testing.T) {
		token := b.token(t, nil)
		path := file(t, filepath.Join(t.TempDir(), "token"), token+"\n")
		c, _, _ := run(t, vault.Config{Address: b.address, TokenFile: path})
		if got := read(t, c, kv2("a"), 0); got != "v" {
			t.Fatalf("Read() = %q, want the value", got)
		}
		file(t, path, b.token(t, nil))
		b.admin(t, http.MethodPost, "auth/token/revoke", map[string]any{"token": token})
		if got := read(t, c, kv2("a"), 0); got != "v" {
			t.Errorf("Read() = %q, want the value by the new token", got)
		}
	})
}

func TestTokensThatMustNotBeUsed(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.put(t, "a", map[string]any{"k": "v"})
	tests := []struct {
		name  string
		token string
		want  string
	}{
		{name: "root", token: b.root, want: "credential root_token"},
		{name: "limited uses", token: b.token(t, map[string]any{"num_uses": 50}), want: "credential num_uses"},
		{name: "unknown", token: "s.nobody", want: "credential refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _, _ := run(t, reader(b, tt.token))
			if got := read(t, c, kv2("a"), 0); got != tt.want {
				t.Errorf("Read() = %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("root in development mode", func(t *testing.T) {
		cfg := reader(b, b.root)
		cfg.Dev = true
		c, _, _ := run(t, cfg)
		if got := read(t, c, kv2("a"), 0); got != "v" {
			t.Errorf("Read() = %q, want the value", got)
		}
		if _, ends := c.TokenTTL(); ends {
			t.Error("TokenTTL() says that a root token ends")
		}
	})
}

func TestAppRole(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.put(t, "a", map[string]any{"k": "v"})
	// Seven seconds of life in all, four without a renewal.
	cfg := b.appRole(t, map[string]any{"token_ttl": "4s", "token_max_ttl": "7s"})
	c, events, stop := run(t, cfg)
	if got := read(t, c, kv2("a"), 0); got != "v" {
		t.Fatalf("Read() = %q, want the value", got)
	}
	if left, ends := c.TokenTTL(); !ends || left <= 0 || left > 4*time.Second {
		t.Errorf("TokenTTL() = %v, %v, want up to 4s", left, ends)
	}
	eventually(t, "second login at the end of the token's life", func() bool {
		if got := read(t, c, kv2("a"), 0); got != "v" {
			t.Errorf("Read() = %q, want the value at all times", got)
		}
		return events.results(secret.EventLogin, secret.ResultOK) == 2
	})
	if events.results(secret.EventRenewal, secret.ResultOK) == 0 {
		t.Error("no renewal before the second login")
	}

	// All leases of the role are revoked: one lookup, one login, one more read.
	before := events.requests(secret.OperationLookup)
	b.admin(t, http.MethodPost, "sys/leases/revoke-prefix/auth/approle/login", nil)
	logins := events.requests(secret.OperationLogin)
	if got := read(t, c, kv2("a"), 0); got != "v" {
		t.Errorf("Read() = %q, want the value after another login", got)
	}
	if got := events.requests(secret.OperationLogin) - logins; got != 1 {
		t.Errorf("%d logins, want 1", got)
	}
	if got := events.requests(secret.OperationLookup) - before; got != 1 {
		t.Errorf("%d lookups, want 1", got)
	}

	stop()
	if got := events.results(secret.EventRevocation, secret.ResultOK); got != 1 {
		t.Errorf("%d revocations at the end, want 1", got)
	}
}

func TestAppRoleRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	cfg := b.appRole(t, nil)
	file(t, cfg.SecretIDFile, "wrong")
	c, events, stop := run(t, cfg)
	if got := read(t, c, kv2("a"), 0); got != "credential refused" {
		t.Errorf("Read() = %q, want refused", got)
	}
	stop()
	if got := events.requests(secret.OperationRevoke); got != 0 {
		t.Errorf("%d revocations without a token, want 0", got)
	}
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.admin(t, http.MethodPost, "sys/namespaces/team", nil)
	b.adminIn(t, "team", http.MethodPost, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]any{"version": "2"}})
	b.adminIn(t, "team", http.MethodPost, "secret/data/a", map[string]any{"data": map[string]any{"k": "theirs"}})
	b.put(t, "a", map[string]any{"k": "ours"})
	cfg := reader(b, b.root)
	cfg.Dev = true
	for _, tt := range []struct{ namespace, want string }{{"", "ours"}, {"team", "theirs"}} {
		cfg.Namespace = tt.namespace
		c, _, _ := run(t, cfg)
		if got := read(t, c, kv2("a"), 0); got != tt.want {
			t.Errorf("in namespace %q Read() = %q, want %q", tt.namespace, got, tt.want)
		}
	}
	cfg.Namespace = "team"
	c, _, _ := run(t, cfg)
	if got := read(t, c, kv2("a"), 0); got != "theirs" {
		t.Fatalf("Read() = %q, want %q", got, "theirs")
	}
	b.admin(t, http.MethodDelete, "sys/namespaces/team", nil)
	eventually(t, "removed namespace is authoritative", func() bool {
		got := read(t, c, kv2("a"), 0)
		if got == "theirs" || got == "gone not_found" || got == "denied forbidden" {
			return got != "theirs"
		}
		t.Logf("Read() = %q while the namespace is removed", got)
		return false
	})
}

func TestOutages(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.put(t, "a", map[string]any{"k": "v"})
	cfg := reader(b, b.token(t, nil))
	cfg.Timeout = 500 * time.Millisecond
	c, _, _ := run(t, cfg)
	if got := read(t, c, kv2("a"), 0); got != "v" {
		t.Fatalf("Read() = %q, want the value", got)
	}

	if err := b.process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "frozen", func() bool { return read(t, c, kv2("a"), 0) == "transient timeout" })
	if err := b.process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "thawed", func() bool { return read(t, c, kv2("a"), 0) == "v" })

	b.admin(t, http.MethodPut, "sys/seal", nil)
	eventually(t, "sealed", func() bool { return read(t, c, kv2("a"), 0) == "transient status" })

	if err := b.process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stopped", func() bool { return read(t, c, kv2("a"), 0) == "transient network" })

	cold, events, _ := run(t, reader(b, "s.any"))
	if got := read(t, cold, kv2("a"), 0); got != "credential network" {
		t.Errorf("cold: Read() = %q, want no token", got)
	}
	if got := events.requests(secret.OperationRead); got != 0 {
		t.Errorf("%d reads without a token, want 0", got)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.put(t, "a", map[string]any{"k": "v"})
	c, _, _ := run(t, reader(b, b.token(t, nil)))
	if got := read(t, c, kv2("a"), 0); got != "v" {
		t.Fatalf("Read() = %q, want the value", got)
	}
	b.admin(t, http.MethodPost, "sys/quotas/config", map[string]any{"enable_rate_limit_response_headers": true})
	b.admin(t, http.MethodPost, "sys/quotas/rate-limit/all", map[string]any{"rate": 1, "interval": "30s", "path": "secret"})
	for range 5 {
		_, err := c.Read(t.Context(), kv2("a"), 0)
		if err == nil {
			continue
		}
		failure, ok := errors.AsType[*secret.Error](err)
		if !ok || failure.Class != secret.ClassTransient || failure.Status != http.StatusTooManyRequests || failure.RetryAfter <= 0 {
			t.Errorf("Read() error = %+v, want a transient 429 with a time to wait", err)
		}
		return
	}
	t.Error("no read met the quota")
}

package vault_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

// The whole way from a real server to a request, at a hundredth of the usual
// times.
func TestThroughCache(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.put(t, "a", map[string]any{"k": "v1"})
	p := before(t, b)
	cfg := reader(b, b.token(t, nil))
	cfg.Address = p.URL
	client, events, _ := run(t, cfg)
	c := cache.New(cache.Config{
		Sources: map[secret.Kind]secret.Source{secret.KindVault: client},
		Refresh: 100 * time.Millisecond, NegativeTTL: 100 * time.Millisecond, ForbiddenGrace: 1500 * time.Millisecond,
		RefreshRate: 1000, Observer: events,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	set := c.Open([]secret.Declaration{{
		Name: "s", Vault: &secret.VaultLocation{Path: "a", Field: "k", PreviousFor: time.Hour},
	}})
	if err := set.Settled(ctx); err != nil {
		t.Fatal(err)
	}
	says := func() string {
		v, err := set.Secrets("s").Versions(time.Now())
		if denial := (*authz.Denial)(nil); errors.As(err, &denial) {
			return denial.Reason().String()
		}
		text := ""
		for _, each := range v.Accepted {
			text += string(each.Secret.Reveal()) + " "
		}
		return text
	}
	becomes := func(want string) {
		t.Helper()
		eventually(t, "the secret answers "+want, func() bool { return says() == want })
	}
	becomes("v1 ")
	b.put(t, "a", map[string]any{"k": "v2"})
	becomes("v2 v1 ")
	b.admin(t, http.MethodPost, "secret/delete/a", map[string]any{"versions": []int{1}})
	becomes("v2 ")

	p.answer(send(503, plainJSON, noErrors))
	eventually(t, "failures are seen", func() bool {
		return events.seen(func(e secret.Event) bool { return e.Type == secret.EventRefreshFailed && e.Status == 503 }) > 1
	})
	if got := says(); got != "v2 " {
		t.Errorf("in an outage the secret answers %q, want %q", got, "v2 ")
	}
	p.fault.Store(nil)

	b.policy(t, `path "none" { capabilities = ["read"] }`)
	becomes("secret_forbidden")
	b.policy(t, readAll)
	becomes("v2 ")
	b.admin(t, http.MethodDelete, "secret/data/a", nil)
	becomes("secret_missing")
	b.put(t, "a", map[string]any{"other": "x"})
	becomes("secret_invalid")
	b.put(t, "a", map[string]any{"k": "v4"})
	becomes("v4 ")
	b.admin(t, http.MethodDelete, "secret/metadata/a", nil)
	b.put(t, "a", map[string]any{"k": "again"})
	becomes("again ")
	if got := events.seen(func(e secret.Event) bool { return e.Type == secret.EventVersionRegressed }); got != 1 {
		t.Errorf("%d regressions observed, want 1", got)
	}
}

// A token may be denied to look itself up: tokens without Vault's default policy
// are. That must neither keep a refusal from being confirmed nor cost a login for
// each refusal.
func TestRefusedToATokenThatCanNotLookItselfUp(t *testing.T) {
	inLoop(t, func(s *stub) { s.status["lookup-self"], s.status["renew-self"] = 403, 403 }, func(l *loop) {
		c := cache.New(cache.Config{Sources: map[secret.Kind]secret.Source{secret.KindVault: l.client}})
		ctx, cancel := context.WithCancel(l.t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				l.t.Error(err)
			}
		}()
		set := c.Open([]secret.Declaration{
			{Name: "other", Vault: &secret.VaultLocation{Path: "b", Field: "k"}},
			{Name: "refused", Vault: &secret.VaultLocation{Path: "a", Field: "k"}},
		})
		defer set.Close()
		pass(10 * time.Second)
		l.set(func() { l.status["a"] = 403 })
		pass(time.Minute)
		if got := set.Status()[1].State; got != secret.StateDenied {
			l.t.Errorf("a minute after it was forbidden the secret is %v, want denied", got)
		}
		logins := len(l.times("login"))
		for range 60 {
			pass(time.Minute)
			if got := set.Status()[0]; got.Age > time.Minute {
				l.t.Fatalf("the other secret was read %v ago", got.Age)
			}
		}
		if got := len(l.times("login")) - logins; got > 60 {
			l.t.Errorf("%d logins in an hour", got)
		}
	})
}

package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
)

// A stub answers logins, renewals and lookups on the virtual clock, which a
// real server can't. It grants one token at a time.
type stub struct {
	mu      sync.Mutex
	ttl     int // seconds, of a login
	renewal int // seconds, of a renewal
	status  map[string]int
	fail    map[string]error
	headers http.Header
	granted int // tokens
	dead    map[string]bool
	panics  map[string]bool
	calls   []call
}

type call struct {
	what string
	at   time.Time
}

func newStub() *stub {
	return &stub{
		ttl: 3600, renewal: 3600, status: map[string]int{}, fail: map[string]error{}, dead: map[string]bool{},
		panics:  map[string]bool{},
		headers: http.Header{"Content-Type": {"application/json"}},
	}
}

// RoundTrip implements [http.RoundTripper].
func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	s.calls = append(s.calls, call{what, time.Now()})
	if s.panics[what] {
		panic("broken transport")
	}
	if err := s.fail[what]; err != nil {
		return nil, err
	}
	status, body := 200, ""
	token := r.Header.Get("X-Vault-Token")
	switch what {
	case "login":
		s.granted++
		body = fmt.Sprintf(`{"request_id":"r","auth":{"client_token":"t%d","lease_duration":%d,"renewable":true,"policies":["p"],"num_uses":0}}`,
			s.granted, s.ttl)
	case "renew-self":
		body = fmt.Sprintf(`{"request_id":"r","auth":{"client_token":%q,"lease_duration":%d,"renewable":true,"policies":["p"]}}`, token, s.renewal)
	case "lookup-self":
		body = fmt.Sprintf(`{"request_id":"r","data":{"ttl":%d,"renewable":true,"policies":["p"],"num_uses":0}}`, s.ttl)
	case "revoke-self":
		status = 204
	default:
		body = goodBody
	}
	if s.dead[token] {
		status, body = 403, noErrors
	}
	if code := s.status[what]; code != 0 {
		status, body = code, noErrors
	}
	return &http.Response{
		StatusCode: status, Header: s.headers.Clone(), Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: r,
	}, nil
}

func (s *stub) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// times returns when what was called.
func (s *stub) times(what string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Time
	for _, c := range s.calls {
		if c.what == what {
			all = append(all, c.at)
		}
	}
	return all
}

type loop struct {
	t *testing.T
	*stub
	*recorder
	client *vault.Client
	stop   func()
}

// inLoop runs test with a client that logs in by AppRole, on the virtual clock.
func inLoop(t *testing.T, prepare func(s *stub), test func(l *loop)) {
	t.Helper()
	dir := t.TempDir()
	cfg := vault.Config{
		Address: "https://vault.example", Auth: vault.AuthAppRole,
		RoleIDFile: file(t, filepath.Join(dir, "role"), "role"), SecretIDFile: file(t, filepath.Join(dir, "secret"), "secret"),
	}
	synctest.Test(t, func(t *testing.T) {
		l := &loop{t: t, stub: newStub(), recorder: &recorder{}}
		if prepare != nil {
			prepare(l.stub)
		}
		cfg.Observer = l.recorder
		var err error
		if l.client, err = vault.NewOver(cfg, l.stub); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.client.Run(ctx) }()
		l.stop = sync.OnceFunc(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run() error = %v, want nil", err)
			}
		})
		defer l.stop()
		synctest.Wait()
		test(l)
		l.quiet(t)
	})
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLoop(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(s *stub)
		test    func(l *loop)
	}{
		{name: "renews at two thirds", test: func(l *loop) {
			start := time.Now()
			pass(time.Hour)
			renewals := l.times("renew-self")
			if len(renewals) != 1 {
				l.t.Fatalf("%d renewals in an hour, want 1", len(renewals))
			}
			if at := renewals[0].Sub(start); at < 36*time.Minute || at > 44*time.Minute {
				l.t.Errorf("renewed after %v of an hour, want about two thirds", at)
			}
			pass(24 * time.Hour)
			if got := len(l.times("login")); got != 1 {
				l.t.Errorf("%d logins in a day of renewals, want 1", got)
			}
		}},
		{name: "renewals bring less and less", prepare: func(s *stub) { s.renewal = 600 }, test: func(l *loop) {
			pass(54 * time.Minute)
			if got := len(l.times("login")); got != 2 {
				l.t.Errorf("%d logins, want 2: one more before the last end", got)
			}
			if got := len(l.times("renew-self")); got != 1 {
				l.t.Errorf("%d renewals, want 1", got)
			}
		}},
		{name: "renewal refused", prepare: func(s *stub) { s.status["renew-self"] = 400 }, test: func(l *loop) {
			pass(45 * time.Minute)
			if got := len(l.times("login")); got != 2 {
				l.t.Errorf("%d logins, want 2", got)
			}
			if got := l.results(secret.EventRenewal, secret.ResultRefused); got != 1 {
				l.t.Errorf("%d refused renewals observed, want 1", got)
			}
		}},
		{name: "renewals fail without a pause of ours", prepare: func(s *stub) {
			s.status["renew-self"] = 503
			s.ttl = 40
		}, test: func(l *loop) {
			pass(10 * time.Minute)
			if got := len(l.times("renew-self")); got < 15 || got > 400 {
				l.t.Errorf("%d renewals in 10 minutes of a 40 s token, want a few for each login", got)
			}
			if got := len(l.times("login")); got < 15 || got > 30 {
				l.t.Errorf("%d logins in 10 minutes, want one before each end of a 40 s token", got)
			}
			if r, err := l.client.Read(l.t.Context(), kv2("a"), 0); said(l.t, r, err) != canary {
				l.t.Errorf("Read() = %q, want the value all the time", said(l.t, r, err))
			}
		}},
		{name: "login answers a lease of 0", prepare: func(s *stub) { s.ttl = 0 }, test: func(l *loop) {
			pass(10 * time.Minute)
			spaced(l.t, l.times("login"), time.Second, 60)
			r, err := l.client.Read(l.t.Context(), kv2("a"), 0)
			if got := said(l.t, r, err); got != "credential lease" {
				l.t.Errorf("Read() = %q, want credential lease", got)
			}
		}},
		{name: "login refused", prepare: func(s *stub) { s.status["login"] = 400 }, test: func(l *loop) {
			pass(time.Hour)
			spaced(l.t, l.times("login"), time.Second, 250)
			l.set(func() { delete(l.status, "login") })
			pass(61 * time.Second)
			r, err := l.client.Read(l.t.Context(), kv2("a"), 0)
			if got := said(l.t, r, err); got != canary {
				l.t.Errorf("Read() = %q after the login works again, want the value", got)
			}
		}},
		{name: "login down", prepare: func(s *stub) { s.fail["login"] = errors.New("no route to " + canary) }, test: func(l *loop) {
			pass(time.Hour)
			spaced(l.t, l.times("login"), time.Second, 250)
			r, err := l.client.Read(l.t.Context(), kv2("a"), 0)
			if got := said(l.t, r, err); got != "credential network" {
				l.t.Errorf("Read() = %q, want credential network", got)
			}
		}},
		{name: "login asks for an hour of peace", prepare: func(s *stub) {
			s.status["login"] = 503
			s.headers.Set("Retry-After", "3600")
		}, test: func(l *loop) {
			pass(10 * time.Minute)
			spaced(l.t, l.times("login"), time.Minute, 11)
			if got := len(l.times("login")); got < 9 {
				l.t.Errorf("%d logins in 10 minutes, want one a minute", got)
			}
		}},
		{name: "token dies again and again", test: func(l *loop) {
			begin := time.Now()
			for time.Since(begin) < 10*time.Minute {
				l.set(func() { l.dead[fmt.Sprintf("t%d", l.granted)] = true })
				_, _ = l.client.Read(l.t.Context(), kv2("a"), 0)
				pass(100 * time.Millisecond)
			}
			spaced(l.t, l.times("login"), time.Second, 60)
		}},
		{name: "one login for many reads", test: func(l *loop) {
			pass(time.Minute)
			l.set(func() { l.dead["t1"] = true })
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					r, err := l.client.Read(l.t.Context(), kv2("a"), 0)
					if got := said(l.t, r, err); got != canary {
						l.t.Errorf("Read() = %q, want the value after the login", got)
					}
				})
			}
			wg.Wait()
			if got := len(l.times("login")); got != 2 {
				l.t.Errorf("%d logins, want 2", got)
			}
			if got := len(l.times("lookup-self")); got != 1 {
				l.t.Errorf("%d lookups for 50 reads, want 1", got)
			}
		}},
		{name: "many reads forbidden to a live token", test: func(l *loop) {
			l.set(func() { l.status["a"] = 403 })
			pass(time.Minute)
			for range 50 {
				r, err := l.client.Read(l.t.Context(), kv2("a"), 0)
				if got := said(l.t, r, err); got != "denied forbidden" {
					l.t.Errorf("Read() = %q, want denied", got)
				}
			}
			if got := len(l.times("lookup-self")); got != 1 {
				l.t.Errorf("%d lookups for 50 reads at once, want 1", got)
			}
			if got := len(l.times("login")); got != 1 {
				l.t.Errorf("%d logins, want 1", got)
			}
		}},
		{name: "token without the right to look itself up", test: func(l *loop) {
			l.set(func() { l.status["lookup-self"], l.status["a"] = 403, 403 })
			pass(time.Minute)
			r, err := l.client.Read(l.t.Context(), kv2("a"), 0)
			if got := said(l.t, r, err); got != "denied forbidden" {
				l.t.Errorf("Read() = %q, want denied: it was refused to a fresh token too", got)
			}
			if got := len(l.times("login")); got != 2 {
				l.t.Errorf("%d logins, want 2", got)
			}
		}},
		{name: "token for a hundred years", prepare: func(s *stub) { s.ttl, s.renewal = 876_000*3600, 876_000*3600 }, test: func(l *loop) {
			pass(time.Hour)
			if got := len(l.times("renew-self")) + len(l.times("login")); got != 1 {
				l.t.Errorf("%d logins and renewals in an hour, want 1", got)
			}
		}},
		{name: "token for longer than a duration can say", prepare: func(s *stub) { s.ttl, s.renewal = 1<<40, 1<<40 }, test: func(l *loop) {
			pass(time.Hour)
			if got := len(l.times("renew-self")) + len(l.times("login")); got != 1 {
				l.t.Errorf("%d logins and renewals in an hour, want 1", got)
			}
			if got, ends := l.client.TokenTTL(); !ends || got < 50*365*24*time.Hour {
				l.t.Errorf("TokenTTL() = %v, %v, want a long time", got, ends)
			}
		}},
		{name: "revokes at the end", test: func(l *loop) {
			l.stop()
			if got := len(l.times("revoke-self")); got != 1 {
				l.t.Errorf("%d revocations, want 1", got)
			}
		}},
		{name: "login panics", prepare: func(s *stub) { s.panics["login"] = true }, test: func(l *loop) {
			l.set(func() { delete(l.panics, "login") })
			pass(2 * time.Second)
			r, err := l.client.Read(l.t.Context(), kv2("a"), 0)
			if got := said(l.t, r, err); got != canary {
				l.t.Errorf("Read() = %q after the next login, want the value", got)
			}
			panicked(l, 1)
		}},
		{name: "renewal panics", prepare: func(s *stub) { s.panics["renew-self"] = true }, test: func(l *loop) {
			pass(45 * time.Minute)
			if got := len(l.times("login")); got != 2 {
				l.t.Errorf("%d logins, want 2", got)
			}
			panicked(l, 1)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { inLoop(t, tt.prepare, tt.test) })
	}
}

func panicked(l *loop, want int) {
	l.t.Helper()
	if got := l.seen(func(e secret.Event) bool { return e.Type == secret.EventPanic }); got != want {
		l.t.Errorf("%d panics observed, want %d", got, want)
	}
}

// spaced checks that calls are at least gap apart and not more than most.
func spaced(t *testing.T, calls []time.Time, gap time.Duration, most int) {
	t.Helper()
	if len(calls) > most || len(calls) < 2 {
		t.Errorf("%d calls, want 2 to %d", len(calls), most)
	}
	for i := 1; i < len(calls); i++ {
		if d := calls[i].Sub(calls[i-1]); d < gap {
			t.Errorf("calls %d and %d are %v apart, want %v or more", i-1, i, d, gap)
			return
		}
	}
}

// Nothing is left behind after Run returned.
func TestRunEndsWhatItStarted(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	s := newStub()
	c, err := vault.NewOver(vault.Config{
		Address: "https://vault.example", Auth: vault.AuthAppRole,
		RoleIDFile: file(t, filepath.Join(dir, "r"), "r"), SecretIDFile: file(t, filepath.Join(dir, "s"), "s"),
	}, s)
	if err != nil {
		t.Fatal(err)
	}
	stop := running(t, c)
	if _, err := c.Read(t.Context(), kv2("a"), 0); err != nil {
		t.Fatal(err)
	}
	stop()
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// A token must be renewed only if it is ours to renew.
func TestWhoseToken(t *testing.T) {
	tests := []struct {
		name     string
		cfg      vault.Config
		renewals int
		revoked  int
	}{
		{name: "given", cfg: vault.Config{Token: authz.NewSecret([]byte("s.given"))}, renewals: 1},
		{name: "in a file", cfg: vault.Config{TokenFile: file(t, filepath.Join(t.TempDir(), "token"), "s.file\n")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := tt.cfg
			cfg.Address = "https://vault.example"
			synctest.Test(t, func(t *testing.T) {
				s := newStub()
				c, err := vault.NewOver(cfg, s)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- c.Run(ctx) }()
				pass(45 * time.Minute)
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got := len(s.times("renew-self")); got != tt.renewals {
					t.Errorf("%d renewals, want %d", got, tt.renewals)
				}
				if got := len(s.times("revoke-self")); got != tt.revoked {
					t.Errorf("%d revocations, want %d", got, tt.revoked)
				}
			})
		})
	}
}

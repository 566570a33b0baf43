package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
	"github.com/hookauthz/hookauthz/authz/secret/memory"
	"github.com/hookauthz/hookauthz/server/config"
	"github.com/hookauthz/hookauthz/server/observe"
)

const policies = `secrets:
  gh: {env: {name: GH}}
policies:
  first:
    require:
      provider: {name: github, secrets: [gh]}
  second:
    require:
      provider: {name: github, secrets: [gh]}
routes:
  - match: {path: /first}
    policy: first
  - match: {path: /second}
    policy: second
`

// A file that is cut anywhere is refused, or is a whole policy file of its own.
// Either way there is a table, and the metric tells which.
func TestReloadOfATruncatedFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := policies
		secrets := cache.New(cache.Config{Sources: map[secret.Kind]secret.Source{secret.KindEnv: memory.New()}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- secrets.Run(ctx) }()
		defer func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		log := slog.New(slog.DiscardHandler)
		r := &reloader{log: log, metrics: observe.NewMetrics(0), loader: &loader{
			cache: secrets, log: log, refresh: time.Minute, maxStale: time.Hour,
			remotes: &remotes{keySets: keyset.New(keyset.Config{})},
			read: func() (*policy.File, []document.Finding) {
				return policy.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, policy.Options{})
			},
		}}
		first, err := r.loader.load()
		if err != nil {
			t.Fatal(err)
		}
		r.current.Store(first)
		loaded := 0
		for n := range len(policies) {
			before := r.current.Load()
			text = policies[:n]
			err := r.reload(ctx)
			after := r.current.Load()
			var mistakes *MistakesError
			switch {
			case err == nil && after == before:
				t.Errorf("%d bytes: nothing happened", n)
			case err == nil:
				loaded++
				if len(after.table.Policies()) == 0 {
					t.Errorf("%d bytes: a table without policies is in use", n)
				}
			case !errors.As(err, &mistakes) || after != before:
				t.Errorf("%d bytes: got %v, swapped %v", n, err, after != before)
			}
		}
		if loaded == 0 || loaded > len(policies)/2 {
			t.Errorf("%d of %d prefixes were loaded, want a few", loaded, len(policies))
		}
	})
}

func TestPanicsAreCountedAndTheWorkGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		panics, runs := 0, 0
		g := &group{log: slog.New(slog.NewTextHandler(&logged, nil)), panicked: func() { panics++ }}
		g.start(t.Context(), "work", func(context.Context) {
			runs++
			if runs < 3 {
				panic("canary")
			}
		})
		g.wait()
		if panics != 2 || runs != 3 {
			t.Errorf("got %d panics in %d runs, want 2 in 3", panics, runs)
		}
		if strings.Contains(logged.String(), "canary") || !strings.Contains(logged.String(), "goroutine=work") {
			t.Errorf("logged: %s", &logged)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		g.start(ctx, "work", func(context.Context) { panic("again") })
		g.wait() // a group that was stopped starts nothing again
	})
}

func TestNotServingOnlyWhenNothingIsGood(t *testing.T) {
	states := func(all ...secret.State) []cache.Status {
		var statuses []cache.Status
		for _, s := range all {
			statuses = append(statuses, cache.Status{State: s})
		}
		return statuses
	}
	for _, tt := range []struct {
		name string
		all  []cache.Status
		want bool
	}{
		{name: "no secrets"},
		{name: "all good", all: states(secret.StateFresh, secret.StateStale)},
		{name: "one good", all: states(secret.StateExpired, secret.StateStale)},
		{name: "none", all: states(secret.StateExpired, secret.StateExpired), want: true},
		{name: "ours to fix", all: states(secret.StateExpired, secret.StateGone)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := allExpired(tt.all, nil); got != tt.want {
				t.Errorf("allExpired = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	inVault := secret.Declaration{Vault: &secret.VaultLocation{Path: "a/b", Field: "key"}}
	inV1 := secret.Declaration{Vault: &secret.VaultLocation{Mount: "kv", KVVersion: 1, Path: "a/b", Field: "key"}}
	inFile := secret.Declaration{File: &secret.FileLocation{Path: "/run/s"}}
	inPKI := secret.Declaration{VaultPKI: &secret.PKILocation{Issuer: "root-2026", Field: secret.FieldCertificate}}
	inEnv := secret.Declaration{Env: &secret.EnvLocation{Name: "S"}}
	for _, tt := range []struct {
		name  string
		d     secret.Declaration
		state secret.State
		want  string
	}{
		{name: "good", d: inVault, state: secret.StateFresh},
		{name: "good file", d: inFile, state: secret.StateFresh},
		{name: "good variable", d: inEnv, state: secret.StateFresh},
		{name: "gone", d: inVault, state: secret.StateGone, want: "vault kv put -mount=secret a/b key=-"},
		{name: "denied", d: inVault, state: secret.StateDenied, want: `path "secret/data/a/b" { capabilities = ["read"] }`},
		{name: "denied, version 1", d: inV1, state: secret.StateDenied, want: `path "kv/a/b" { capabilities`},
		{name: "unusable", d: inVault, state: secret.StateUnusable, want: `field "key" at secret/data/a/b`},
		{name: "no file", d: inFile, state: secret.StateGone, want: "create the file /run/s"},
		{name: "mode", d: inFile, state: secret.StateDenied, want: "let this process read"},
		{name: "no file but a pipe", d: inFile, state: secret.StateUnusable, want: "regular file"},
		{name: "good issuer", d: inPKI, state: secret.StateFresh},
		{name: "no PKI engine", d: inPKI, state: secret.StateGone, want: "vault read pki/issuer/root-2026"},
		{name: "useless issuer", d: inPKI, state: secret.StateUnusable, want: `issuer "root-2026" at pki`},
		{name: "no variable", d: inEnv, state: secret.StateGone, want: "set the environment variable S"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := advice(tt.d, tt.state); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Where no events come, the content tells.
func TestWatcherPolls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	for _, tt := range []struct {
		name   string
		change func()
		want   bool
	}{
		{name: "the same", change: func() { write("one") }},
		{name: "another content", change: func() { write("two") }, want: true},
		{name: "gone", change: func() { _ = os.Remove(path) }, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := fingerprint(path)
			tt.change()
			if got := fingerprint(path) != before; got != tt.want {
				t.Errorf("changed = %v, want %v", got, tt.want)
			}
		})
	}
}

// The first load takes time. What changes meanwhile is loaded all the same.
func TestWatcherTellsWhatChangedBeforeItRan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWatcher(path, slog.New(slog.DiscardHandler))
	if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run(ctx)
	}()
	select {
	case <-w.changed:
	case <-time.After(pollEvery / 2):
		t.Error("the change was missed")
	}
	stop()
	<-done
}

// A file whose only secrets are an issuer of Vault's wants Vault all the same.
func TestIssuersOfVaultNeedVault(t *testing.T) {
	l := &loader{log: slog.New(slog.DiscardHandler), refresh: time.Minute, maxStale: time.Hour}
	pki := []secret.Declaration{{Name: "keys/ca", VaultPKI: &secret.PKILocation{Issuer: "root"}}}
	if err := l.feasible(pki); !errors.Is(err, errNoVault) {
		t.Errorf("feasible() = %v, want %v", err, errNoVault)
	}
	l.sources = map[secret.Kind]secret.Source{secret.KindVault: memory.New()}
	if err := l.feasible(pki); err != nil {
		t.Errorf("feasible() with Vault = %v", err)
	}
}

// A new signing key waits for replicas that refresh as seldom as we do.
func TestSigningDelay(t *testing.T) {
	for refresh, want := range map[time.Duration]time.Duration{time.Second: 2 * time.Minute, time.Minute: 4 * time.Minute} {
		r, err := newRemotes(config.Settings{Refresh: refresh}, nil, observe.NewMetrics(0), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if r.signingDelay != want {
			t.Errorf("refresh %v: got %v, want %v", refresh, r.signingDelay, want)
		}
	}
}

// As long as a key set is good, its routes work although every secret has expired.
func TestAllExpired(t *testing.T) {
	expired, fresh := secret.StateExpired, secret.StateFresh
	tests := []struct {
		name    string
		secrets []secret.State
		keys    []secret.State
		want    bool
	}{
		{name: "nothing declared"},
		{name: "every secret", secrets: []secret.State{expired, expired}, want: true},
		{name: "all but one", secrets: []secret.State{expired, fresh}},
		{name: "but a fresh key set", secrets: []secret.State{expired}, keys: []secret.State{expired, fresh}},
		{name: "but a stale key set", secrets: []secret.State{expired}, keys: []secret.State{secret.StateStale}},
		{name: "key sets too", secrets: []secret.State{expired}, keys: []secret.State{expired, secret.StateLoading}, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var secrets []cache.Status
			for _, s := range tt.secrets {
				secrets = append(secrets, cache.Status{State: s})
			}
			var keys []keyset.Status
			for _, s := range tt.keys {
				keys = append(keys, keyset.Status{State: s})
			}
			if got := allExpired(secrets, keys); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

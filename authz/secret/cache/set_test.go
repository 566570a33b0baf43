package cache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
	"github.com/hookauthz/hookauthz/authz/secret/env"
	"github.com/hookauthz/hookauthz/authz/secret/file"
	"github.com/hookauthz/hookauthz/authz/secret/memory"
)

func TestReload(t *testing.T) {
	inWorld(t, cache.Config{}, one, func(w *world) {
		before, _ := w.set.Secrets("s").Versions(time.Now())
		n := w.count()
		w.put("q", "new")
		next := w.cache.Open([]secret.Declaration{vault("s", "p", time.Hour), vault("t", "q", 0)})
		if err := next.Settled(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range w.since(n) {
			if r.path == "p" {
				t.Error("a secret that is declared as before was read again")
			}
		}
		if got := says(t, next.Secrets("t"), time.Now()); got != "new" {
			t.Errorf("the new secret answers %q, want %q", got, "new")
		}
		after, _ := next.Secrets("s").Versions(time.Now())
		if before != after {
			t.Error("a secret that is declared as before has another pointer")
		}

		old := w.set
		old.Close()
		old.Close()
		w.set = next
		w.pass(time.Hour)
		w.want("held by the next set", ok, secret.StateFresh)

		last := w.cache.Open([]secret.Declaration{vault("t", "q", 0)})
		next.Close()
		n = w.count()
		w.pass(10 * time.Minute)
		for _, r := range w.since(n) {
			if r.path == "p" {
				t.Fatal("a secret that nothing names is read")
			}
		}
		if got := w.says("s"); got != ok {
			t.Errorf("a request under way sees %q, want %q", got, ok)
		}
		w.pass(time.Hour)
		if got := w.says("s"); got != unavailable {
			t.Errorf("a retired secret answers %q for ever, want %q", got, unavailable)
		}
		last.Close()
	})
}

// Another grace, or another field of a secret that is held, is settled by a
// read of its own; what is in use verifies meanwhile.
func TestReloadChangesDeclaration(t *testing.T) {
	inWorld(t, cache.Config{}, func(w *world) {
		one(w)
		w.put("p", "two")
	}, func(w *world) {
		w.fail("p", down)
		next := w.cache.Open([]secret.Declaration{vault("s", "p", 0)})
		defer next.Close()
		w.pass(time.Second)
		if got := says(t, next.Secrets("s"), time.Now()); got != unavailable {
			t.Errorf("before its first read it answers %q, want %q", got, unavailable)
		}
		if got := w.says("s"); got != "two,~one" {
			t.Errorf("the one in use answers %q", got)
		}
		w.fail("p", nil)
		w.pass(time.Minute)
		if got := says(t, next.Secrets("s"), time.Now()); got != "two" {
			t.Errorf("after it, it answers %q, want %q", got, "two")
		}
		if got := w.says("s"); got != "two,~one" {
			t.Errorf("the one in use answers %q", got)
		}
	})
}

func TestOneReadServesAllFields(t *testing.T) {
	inWorld(t, cache.Config{}, one, func(w *world) {
		w.putFields("many", map[string]secret.Field{
			"a": {Secret: authz.NewSecret([]byte("A")), Text: true},
			"b": {Secret: authz.NewSecret([]byte("B")), Text: true},
		})
		n := w.count()
		field := func(name string) secret.Declaration {
			return secret.Declaration{Name: name, Vault: &secret.VaultLocation{Mount: "secret", Path: "many", Field: name, KVVersion: 2}}
		}
		set := w.cache.Open([]secret.Declaration{field("a"), field("b"), field("c")})
		defer set.Close()
		if err := set.Settled(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.count() - n; got != 1 {
			t.Errorf("%d reads, want 1", got)
		}
		for name, want := range map[string]string{"a": "A", "b": "B", "c": invalid} {
			if got := says(t, set.Secrets(name), time.Now()); got != want {
				t.Errorf("field %s answers %q, want %q", name, got, want)
			}
		}
	})
}

func TestUndeclaredAndWithoutSource(t *testing.T) {
	inWorld(t, cache.Config{}, one, func(w *world) {
		if got := w.says("nobody"); got != missing {
			t.Errorf("an undeclared secret answers %q, want %q", got, missing)
		}
		set := w.cache.Open([]secret.Declaration{{Name: "f", File: &secret.FileLocation{Path: "/x"}}, {Name: "none"}})
		defer set.Close()
		if err := set.Settled(w.t.Context()); err != nil {
			t.Errorf("Settled() error = %v, want nil: there will never be an answer", err)
		}
		for _, name := range []string{"f", "none"} {
			if got := says(t, set.Secrets(name), time.Now()); got != missing {
				t.Errorf("secret %s without a source answers %q, want %q", name, got, missing)
			}
		}
	})
}

func TestSettledTellsWhatIsOpen(t *testing.T) {
	inWorld(t, cache.Config{}, func(w *world) { w.fail("p", down) }, func(w *world) {
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
		defer cancel()
		err := w.set.Settled(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `1 of 1 not settled, such as "s"`) {
			t.Errorf("Settled() error = %v, want one that names the open secret", err)
		}
		if got := w.set.Status()[0]; got.Err == nil || got.Settled || got.Kind != secret.KindVault {
			t.Errorf("Status() = %+v, want an unsettled one with an error", got)
		}
	})
}

func TestStatus(t *testing.T) {
	inWorld(t, cache.Config{}, func(w *world) {
		one(w)
		w.put("p", "two")
	}, func(w *world) {
		w.pass(10 * time.Second)
		got := w.set.Status()[0]
		want := cache.Status{
			Name: "s", Kind: secret.KindVault, State: secret.StateFresh, Settled: true, Age: 10 * time.Second, Version: 2, Previous: true,
		}
		if got != want {
			t.Errorf("Status() = %+v, want %+v", got, want)
		}
	})
}

// A broken observer harms nobody.
func TestObserverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("p", "one")
		c := cache.New(cache.Config{
			Sources: map[secret.Kind]secret.Source{secret.KindVault: f}, Observer: broken{},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		set := c.Open([]secret.Declaration{vault("s", "p", 0)})
		time.Sleep(2 * time.Minute)
		f.put("p", "two")
		time.Sleep(2 * time.Minute)
		if got := says(t, set.Secrets("s"), time.Now()); got != "two" {
			t.Errorf("the secret answers %q, want %q", got, "two")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

type broken struct{}

func (broken) Observe(secret.Event) { panic("observer is broken") }

// local returns a running cache over source and the secret of decl, with a
// function that lets time pass.
func local(t *testing.T, kind secret.Kind, source secret.Source, decl secret.Declaration, test func(says func(after time.Duration) string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Config{Sources: map[secret.Kind]secret.Source{kind: source}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		set := c.Open([]secret.Declaration{decl})
		test(func(after time.Duration) string {
			time.Sleep(after)
			synctest.Wait()
			return says(t, set.Secrets(decl.Name), time.Now())
		})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	decl := secret.Declaration{Name: "f", File: &secret.FileLocation{Path: path}}
	local(t, secret.KindFile, file.New(), decl, func(says func(time.Duration) string) {
		steps := []struct {
			name   string
			change func()
			want   string
		}{
			{"missing", func() {}, missing},
			{"written", func() { write("one\n") }, "one"},
			{"changed", func() { write("two") }, "two"},
			{"two newlines", func() { write("three\n\n") }, "three\n"},
			{"other line ends", func() { write("four\r\n") }, "four"},
			{"emptied", func() { write("\n") }, invalid},
			{"written again", func() { write("five") }, "five"},
			{"too large", func() { write(strings.Repeat("x", file.MaxBytes+1)) }, invalid},
			{"largest", func() { write(strings.Repeat("x", file.MaxBytes)) }, strings.Repeat("x", file.MaxBytes)},
			{"removed", func() { _ = os.Remove(path) }, missing},
			{"directory", func() { _ = os.Mkdir(path, 0o700) }, invalid},
			{"link", func() {
				_ = os.Remove(path)
				_ = os.WriteFile(path+".1", []byte("linked\n"), 0o600)
				_ = os.Symlink(path+".1", path)
			}, "linked"},
			{"under a file", func() {
				_ = os.RemoveAll(path)
			}, missing},
		}
		for _, s := range steps {
			s.change()
			if got := says(4 * time.Second); got != s.want {
				t.Errorf("%s: the secret answers %.20q, want %.20q", s.name, got, s.want)
			}
		}
	})
}

func TestEnv(t *testing.T) {
	vars := map[string]string{"SET": "one\n", "EMPTY": ""}
	reads := 0
	lookup := func(name string) (string, bool) {
		reads++
		value, ok := vars[name]
		return value, ok
	}
	for name, want := range map[string]string{"SET": "one\n", "EMPTY": invalid, "UNSET": missing} {
		reads = 0
		decl := secret.Declaration{Name: "e", Env: &secret.EnvLocation{Name: name}}
		local(t, secret.KindEnv, env.New(lookup), decl, func(says func(time.Duration) string) {
			if got := says(0); got != want {
				t.Errorf("variable %s answers %q, want %q", name, got, want)
			}
			if got := says(100 * time.Hour); got != want {
				t.Errorf("variable %s answers %q after days, want %q", name, got, want)
			}
			if reads != 1 {
				t.Errorf("variable %s was read %d times, want 1", name, reads)
			}
		})
	}
}

func TestMemory(t *testing.T) {
	source := memory.New()
	decl := vault("m", "p", time.Hour)
	loc := decl.Location()
	local(t, secret.KindVault, source, decl, func(says func(time.Duration) string) {
		put := func(value string) {
			fields := map[string][]byte{"f": []byte(value)}
			source.Put(loc, fields, time.Now())
			fields["f"][0] = 'X' // the source keeps its own copy
		}
		if got := says(0); got != missing {
			t.Errorf("before the first version it answers %q, want %q", got, missing)
		}
		put("one")
		put("two")
		if got := says(time.Second); got != "two,~one" {
			t.Errorf("two versions answer %q", got)
		}
		source.Delete(loc, 1)
		if got := says(time.Second); got != "two" {
			t.Errorf("without the first they answer %q", got)
		}
		source.Delete(loc, 0)
		if got := says(3 * time.Second); got != missing {
			t.Errorf("deleted they answer %q, want %q", got, missing)
		}
	})
}

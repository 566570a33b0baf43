package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

// A fake is a versioned source whose answers a test sets. It counts reads.
type fake struct {
	mu       sync.Mutex
	answers  map[string]*answer // by path
	reads    []read
	inFlight int
	most     int
	latency  time.Duration
}

type read struct {
	path    string
	version int
	at      time.Time
}

type answer struct {
	versions map[int]secret.Reading
	newest   int
	err      error         // of every read
	previous error         // of reads of a given version
	panics   bool          // instead of answering
	delay    time.Duration // besides the source's latency
}

func newFake() *fake { return &fake{answers: map[string]*answer{}} }

func (f *fake) Read(ctx context.Context, loc secret.Location, version int) (secret.Reading, error) {
	f.mu.Lock()
	f.reads = append(f.reads, read{loc.Path, version, time.Now()})
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	a := f.answers[loc.Path]
	var reading secret.Reading
	err := error(gone)
	panics := false
	delay := f.latency
	if a != nil {
		delay += a.delay
		panics = a.panics
		if version == 0 {
			version = a.newest
		} else if a.previous != nil {
			err = a.previous
		}
		if r, ok := a.versions[version]; ok && (a.previous == nil || version == a.newest) {
			reading, err = r, nil
		}
		if a.err != nil {
			reading, err = secret.Reading{}, a.err
		}
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.inFlight--
		f.mu.Unlock()
	}()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return secret.Reading{}, ctx.Err()
		}
	}
	if panics {
		panic("source is broken")
	}
	return reading, err
}

func (f *fake) at(path string) *answer {
	a, ok := f.answers[path]
	if !ok {
		a = &answer{versions: map[int]secret.Reading{}}
		f.answers[path] = a
	}
	return a
}

// put writes the next version of path, whose field is "f".
func (f *fake) put(path, value string) {
	f.putFields(path, map[string]secret.Field{"f": {Secret: authz.NewSecret([]byte(value)), Text: true}})
}

func (f *fake) putFields(path string, fields map[string]secret.Field) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.at(path)
	a.newest++
	a.versions[a.newest] = secret.Reading{Fields: fields, Version: a.newest, Created: time.Now().Round(0)}
}

// change changes what path answers.
func (f *fake) change(path string, change func(a *answer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.at(path))
}

// fail makes every read of path fail; nil ends that.
func (f *fake) fail(path string, err error) { f.change(path, func(a *answer) { a.err = err }) }

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reads)
}

// since returns the reads from the n-th on.
func (f *fake) since(n int) []read {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]read(nil), f.reads[n:]...)
}

func failure(class secret.Class, cause secret.Cause) *secret.Error {
	return &secret.Error{Class: class, Cause: cause, Operation: secret.OperationRead}
}

var (
	gone     = failure(secret.ClassGone, secret.CauseNotFound)
	denied   = failure(secret.ClassDenied, secret.CauseForbidden)
	unusable = failure(secret.ClassUnusable, secret.CauseWrongEngine)
	down     = failure(secret.ClassTransient, secret.CauseNetwork)
	sealed   = &secret.Error{Class: secret.ClassTransient, Cause: secret.CauseStatus, Status: 503}
)

// A recorder keeps events.
type recorder struct {
	mu     sync.Mutex
	events []secret.Event
}

func (r *recorder) Observe(e secret.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) seen(kind secret.EventType) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// A world is a running cache over a fake source, on the virtual clock.
type world struct {
	*fake
	*recorder
	t     *testing.T
	cache *cache.Cache
	set   *cache.Set
	stop  func()
}

func vault(name, path string, previousFor time.Duration) secret.Declaration {
	return secret.Declaration{Name: name, Vault: &secret.VaultLocation{Path: path, Field: "f", PreviousFor: previousFor}}
}

// inWorld runs test with a cache of one secret "s" at path "p", of which
// prepare may set the first answer.
func inWorld(t *testing.T, cfg cache.Config, prepare func(w *world), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{fake: newFake(), recorder: &recorder{}, t: t}
		cfg.Sources = map[secret.Kind]secret.Source{secret.KindVault: w.fake}
		cfg.Observer = w.recorder
		if prepare != nil {
			prepare(w)
		}
		w.cache = cache.New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.cache.Run(ctx) }()
		stopped := false
		w.stop = func() {
			if stopped {
				return
			}
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run() error = %v, want nil", err)
			}
		}
		defer w.stop()
		w.set = w.cache.Open([]secret.Declaration{vault("s", "p", time.Hour)})
		synctest.Wait()
		test(w)
	})
}

// pass lets d pass.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	time.Sleep(d)
	synctest.Wait()
}

// says renders what the secret answers now: values newest first, the previous
// one behind "~", with "!" where something is unusable; or the reason.
func (w *world) says(name string) string {
	w.t.Helper()
	return says(w.t, w.set.Secrets(name), time.Now())
}

func says(t *testing.T, s authz.Secrets, now time.Time) string {
	t.Helper()
	versions, err := s.Versions(now)
	if err != nil {
		if versions != nil {
			t.Errorf("Versions() = %v with an error", versions)
		}
		var denial *authz.Denial
		if !errors.As(err, &denial) {
			t.Fatalf("Versions() error = %v, want a denial", err)
		}
		return denial.Reason().String()
	}
	text := ""
	for i, v := range versions.Accepted {
		if i > 0 {
			text += ","
		}
		if v.Previous {
			text += "~"
		}
		if v.Secret.Empty() {
			t.Errorf("Versions() holds an empty secret")
		}
		text += string(v.Secret.Reveal())
	}
	if versions.Unusable != nil {
		text += "!"
	}
	return text
}

func (w *world) want(when, want string, state secret.State) {
	w.t.Helper()
	if got := w.says("s"); got != want {
		w.t.Errorf("%s: the secret answers %q, want %q", when, got, want)
	}
	if got := w.set.Status()[0].State; got != state {
		w.t.Errorf("%s: state %v, want %v", when, got, state)
	}
	if v, err := w.set.Secrets("s").Versions(time.Now()); err == nil && v.Unusable == nil && v.Stale != (state == secret.StateStale) {
		w.t.Errorf("%s: Stale = %v in state %v", when, v.Stale, state)
	}
}

func (w *world) settled() bool {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Nanosecond)
	defer cancel()
	return w.set.Settled(ctx) == nil
}

const (
	ok          = "one"
	unavailable = "secret_unavailable"
	missing     = "secret_missing"
	forbidden   = "secret_forbidden"
	invalid     = "secret_invalid"
)

func one(w *world) { w.put("p", "one") }

func TestStateTable(t *testing.T) {
	tests := []struct {
		name    string
		cfg     cache.Config
		prepare func(w *world)
		test    func(w *world)
	}{
		{name: "start, read under way", prepare: func(w *world) {
			one(w)
			w.latency = time.Second
		}, test: func(w *world) {
			w.want("under way", unavailable, secret.StateLoading)
			if w.settled() {
				w.t.Error("settled while loading")
			}
			w.pass(time.Second)
			w.want("after it", ok, secret.StateFresh)
			if !w.settled() {
				w.t.Error("not settled with a value")
			}
		}},
		{name: "read again at soft ttl", prepare: one, test: func(w *world) {
			w.pass(23 * time.Second)
			if got := w.count(); got != 1 {
				w.t.Errorf("%d reads before 0.8 of the interval, want 1", got)
			}
			w.pass(14 * time.Second)
			if got := w.count(); got != 3 && got != 2 { // with the version before, if there were one
				w.t.Errorf("%d reads after 1.2 of the interval, want 2", got)
			}
			w.want("after it", ok, secret.StateFresh)
		}},
		{name: "same version keeps the pointer", prepare: one, test: func(w *world) {
			before, _ := w.set.Secrets("s").Versions(time.Now())
			w.pass(10 * time.Minute)
			after, _ := w.set.Secrets("s").Versions(time.Now())
			if before != after {
				w.t.Error("Versions() returned another pointer though nothing changed")
			}
		}},
		{name: "version up", prepare: one, test: func(w *world) {
			w.put("p", "two")
			w.pass(36 * time.Second)
			w.want("after the refresh", "two,~one", secret.StateFresh)
			if got := w.seen(secret.EventRotated); got != 1 {
				w.t.Errorf("%d rotations observed, want 1", got)
			}
			both, _ := w.set.Secrets("s").Versions(time.Now())
			w.pass(10 * time.Minute)
			again, _ := w.set.Secrets("s").Versions(time.Now())
			if both != again {
				w.t.Error("Versions() returned another pointer in the grace")
			}
		}},
		{name: "accept_until reached", prepare: one, test: func(w *world) {
			w.put("p", "two")
			w.pass(time.Hour - time.Second)
			w.want("just before", "two,~one", secret.StateFresh)
			w.pass(time.Second)
			w.want("at it", "two", secret.StateFresh)
			n := w.count()
			w.pass(5 * time.Minute)
			for _, r := range w.since(n) {
				if r.version != 0 {
					w.t.Errorf("version %d read after the grace", r.version)
				}
			}
		}},
		{name: "one previous only", prepare: one, test: func(w *world) {
			w.put("p", "two")
			w.pass(36 * time.Second)
			w.put("p", "three")
			w.pass(36 * time.Second)
			w.want("after two rotations", "three,~two", secret.StateFresh)
		}},
		{name: "previous deleted in the grace", prepare: one, test: func(w *world) {
			w.put("p", "two")
			w.pass(36 * time.Second)
			w.change("p", func(a *answer) { delete(a.versions, 1) })
			w.pass(36 * time.Second)
			w.want("after the refresh", "two", secret.StateFresh)
		}},
		{name: "previous can't be read after a rotation", prepare: one, test: func(w *world) {
			w.put("p", "two")
			w.change("p", func(a *answer) { a.previous = sealed })
			w.pass(36 * time.Second)
			w.want("held before", "two,~one", secret.StateFresh)
		}},
		{name: "previous can't be read at start", prepare: func(w *world) {
			one(w)
			w.put("p", "two")
			w.change("p", func(a *answer) { a.previous = sealed })
		}, test: func(w *world) {
			w.want("at start", "two!", secret.StateFresh)
			if v, _ := w.set.Secrets("s").Versions(time.Now()); !errors.Is(v.Unusable, authz.ErrUnavailable) {
				w.t.Errorf("Unusable = %v, want ErrUnavailable, so that nobody is told 401", v.Unusable)
			}
			w.change("p", func(a *answer) { a.previous = nil })
			w.pass(time.Minute)
			w.want("later", "two,~one", secret.StateFresh)
		}},
		{name: "previous can't be read, the newest is gone", cfg: cache.Config{Refresh: 5 * time.Second}, prepare: func(w *world) {
			one(w)
			w.put("p", "two")
			w.change("p", func(a *answer) { a.previous = sealed })
		}, test: func(w *world) {
			for range 20 { // the pauses are random
				w.fail("p", nil)
				w.pass(2 * time.Minute)
				w.fail("p", gone)
				w.pass(8 * time.Second)
				w.want("after the usual time", missing, secret.StateGone)
			}
		}},
		{name: "previous can't be read for over max_stale", cfg: cache.Config{MaxStale: 10 * time.Minute}, prepare: func(w *world) {
			one(w)
			w.put("p", "two")
		}, test: func(w *world) {
			w.change("p", func(a *answer) { a.previous = sealed })
			w.pass(9 * time.Minute)
			w.want("within it", "two,~one", secret.StateFresh)
			w.pass(3 * time.Minute)
			w.want("over it", "two!", secret.StateFresh)
		}},
		{name: "deletion_time of the previous version", prepare: func(w *world) {
			one(w)
			w.change("p", func(a *answer) {
				r := a.versions[1]
				r.Deletes = time.Now().Add(10 * time.Second)
				a.versions[1] = r
			})
			w.put("p", "two")
		}, test: func(w *world) {
			w.pass(10*time.Second - time.Millisecond)
			w.want("just before", "two,~one", secret.StateFresh)
			w.pass(time.Millisecond)
			w.want("at it", "two", secret.StateFresh)
		}},
		{name: "our clock is ahead of a deletion_time", prepare: func(w *world) {
			one(w)
			w.change("p", func(a *answer) {
				r := a.versions[1]
				r.Deletes = time.Now().Add(-10 * time.Second)
				a.versions[1] = r
			})
		}, test: func(w *world) {
			w.want("at start", missing, secret.StateGone)
			w.pass(10 * time.Minute)
			if got := w.count(); got > 40 {
				w.t.Errorf("%d reads in 10 minutes, want a poll now and then", got)
			}
		}},
		{name: "a second read too soon confirms nothing", prepare: one, test: func(w *world) {
			w.fail("p", gone)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			set := w.cache.Open([]secret.Declaration{vault("other", "p", 0)}) // is read at once
			defer set.Close()
			n := w.count()
			w.pass(time.Millisecond)
			if w.count() == n {
				w.t.Fatal("the other reference was not read at once")
			}
			w.want("read twice within a second", ok, secret.StateStale)
		}},
		{name: "start within a rotation", prepare: func(w *world) {
			one(w)
			w.put("p", "two")
		}, test: func(w *world) { w.want("at start", "two,~one", secret.StateFresh) }},
		{name: "start after the grace of a rotation", prepare: func(w *world) {
			one(w)
			w.put("p", "two")
			time.Sleep(2 * time.Hour)
		}, test: func(w *world) { w.want("at start", "two", secret.StateFresh) }},
		{name: "a clock that runs ahead prolongs nothing", prepare: one, test: func(w *world) {
			w.put("p", "two")
			w.change("p", func(a *answer) {
				r := a.versions[2]
				r.Created = r.Created.Add(24 * time.Hour)
				a.versions[2] = r
			})
			w.pass(36 * time.Second)
			w.want("in the grace", "two,~one", secret.StateFresh)
			w.pass(time.Hour)
			w.want("after it", "two", secret.StateFresh)
		}},
		{name: "version down", prepare: func(w *world) {
			one(w)
			w.put("p", "two")
			w.put("p", "three")
		}, test: func(w *world) {
			w.change("p", func(a *answer) { a.newest = 2 })
			for w.count() == 2 {
				w.pass(100 * time.Millisecond)
			}
			w.want("seen once", "three,~two", secret.StateFresh)
			w.pass(2 * time.Second)
			w.want("confirmed", "two", secret.StateFresh)
			if got := w.seen(secret.EventVersionRegressed); got != 1 {
				w.t.Errorf("%d regressions observed, want 1", got)
			}
			w.pass(10 * time.Minute)
			w.want("later", "two", secret.StateFresh)
		}},
		{name: "version down for under a second", prepare: func(w *world) {
			one(w)
			w.put("p", "two")
		}, test: func(w *world) {
			w.change("p", func(a *answer) { a.newest = 1 })
			for w.count() == 2 {
				w.pass(100 * time.Millisecond)
			}
			w.change("p", func(a *answer) { a.newest = 2 })
			w.pass(2 * time.Second)
			w.want("after the lag", "two,~one", secret.StateFresh)
			if got := w.seen(secret.EventVersionRegressed); got != 0 {
				w.t.Errorf("%d regressions observed, want 0", got)
			}
		}},
		{name: "same version, new content", prepare: one, test: func(w *world) {
			w.change("p", func(a *answer) { *a = answer{versions: map[int]secret.Reading{}} })
			w.put("p", "other")
			w.pass(36 * time.Second)
			w.want("after the refresh", "other", secret.StateFresh)
		}},
		{name: "value unusable", prepare: one, test: func(w *world) {
			w.putFields("p", nil)
			w.pass(36 * time.Second)
			w.want("in the grace", "~one!", secret.StateUnusable)
			if v, _ := w.set.Secrets("s").Versions(time.Now()); !errors.Is(v.Unusable, authz.ErrNotConfigured) {
				w.t.Errorf("Unusable = %v, want ErrNotConfigured", v.Unusable)
			}
			w.pass(time.Hour)
			w.want("after it", invalid, secret.StateUnusable)
			w.put("p", "three")
			w.pass(36 * time.Second)
			w.want("mended", "three", secret.StateFresh)
		}},
		{name: "transient failure within max_stale", prepare: one, test: func(w *world) {
			w.fail("p", down)
			w.pass(59 * time.Minute)
			w.want("down", ok, secret.StateStale)
			if w.seen(secret.EventRefreshFailed) == 0 {
				w.t.Error("no refresh error observed")
			}
			w.fail("p", nil)
			w.pass(time.Minute)
			w.want("up again", ok, secret.StateFresh)
		}},
		{name: "transient failure over max_stale", prepare: one, test: func(w *world) {
			w.fail("p", down)
			w.pass(time.Hour - time.Second)
			w.want("just before", ok, secret.StateStale)
			w.pass(40 * time.Second)
			w.want("after", unavailable, secret.StateExpired)
			w.fail("p", nil)
			w.pass(time.Minute)
			w.want("up again", ok, secret.StateFresh)
		}},
		{name: "deletion_time reached", prepare: func(w *world) {
			one(w)
			w.change("p", func(a *answer) {
				r := a.versions[1]
				r.Deletes = time.Now().Add(10 * time.Second)
				a.versions[1] = r
			})
		}, test: func(w *world) {
			w.pass(10*time.Second - time.Millisecond)
			w.want("just before", ok, secret.StateFresh)
			w.fail("p", gone)
			n := w.count()
			w.pass(time.Millisecond)
			w.want("at it", missing, secret.StateGone)
			if got := w.count() - n; got != 1 {
				w.t.Errorf("%d confirming reads at the instant, want 1", got)
			}
		}},
		{name: "deletion taken back", prepare: func(w *world) {
			one(w)
			w.change("p", func(a *answer) {
				r := a.versions[1]
				r.Deletes = time.Now().Add(10 * time.Second)
				a.versions[1] = r
			})
		}, test: func(w *world) {
			w.change("p", func(a *answer) {
				r := a.versions[1]
				r.Deletes = time.Time{}
				a.versions[1] = r
			})
			w.pass(11 * time.Second)
			w.want("after the instant", ok, secret.StateFresh)
		}},
		{name: "gone, confirmed", prepare: one, test: func(w *world) {
			w.fail("p", gone)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			w.want("seen once", ok, secret.StateStale)
			w.pass(2 * time.Second)
			w.want("confirmed", missing, secret.StateGone)
			reads := w.since(1)
			if apart := reads[1].at.Sub(reads[0].at); apart < time.Second {
				w.t.Errorf("the confirming read came after %v, want 1s or more", apart)
			}
			w.fail("p", nil)
			w.pass(30 * time.Second)
			w.want("written again", ok, secret.StateFresh)
		}},
		{name: "gone for under a second", prepare: one, test: func(w *world) {
			w.fail("p", gone)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			w.fail("p", nil)
			w.pass(2 * time.Second)
			w.want("after the lag", ok, secret.StateFresh)
		}},
		{name: "gone, then down", prepare: one, test: func(w *world) {
			w.fail("p", gone)
			w.pass(40 * time.Second)
			w.fail("p", down)
			w.pass(2 * time.Hour)
			w.want("down", missing, secret.StateGone)
		}},
		{name: "gone once, then down", prepare: one, test: func(w *world) {
			w.fail("p", gone)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			w.fail("p", down)
			w.pass(50 * time.Second)
			w.want("not confirmed yet", ok, secret.StateStale)
			w.pass(10 * time.Second)
			w.want("not confirmed for a minute", missing, secret.StateGone)
			w.fail("p", nil)
			w.pass(90 * time.Second)
			w.want("up again", ok, secret.StateFresh)
		}},
		{name: "denied once, then down", prepare: one, test: func(w *world) {
			w.fail("p", denied)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			w.fail("p", down)
			w.pass(time.Minute)
			w.want("not confirmed for a minute", forbidden, secret.StateDenied)
		}},
		{name: "wrong engine once, then down", prepare: one, test: func(w *world) {
			w.fail("p", unusable)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			w.fail("p", down)
			w.pass(time.Minute)
			w.want("not confirmed for a minute", invalid, secret.StateUnusable)
		}},
		{name: "denied within the grace, then denied", prepare: one, test: func(w *world) {
			w.fail("p", denied)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			seen := w.since(1)[0].at
			w.pass(time.Until(seen.Add(10*time.Second - time.Millisecond)))
			w.want("in the grace", ok, secret.StateStale)
			w.pass(time.Millisecond)
			w.want("grace over", forbidden, secret.StateDenied)
			if got := w.count(); got != 3 {
				w.t.Errorf("%d reads, want 3: the first, the denied and one to confirm", got)
			}
		}},
		{name: "denied for a moment", prepare: one, test: func(w *world) {
			w.fail("p", denied)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			w.fail("p", nil)
			w.pass(20 * time.Second)
			w.want("after it", ok, secret.StateFresh)
		}},
		{name: "denied without grace", cfg: cache.Config{ForbiddenGrace: -1}, prepare: one, test: func(w *world) {
			w.fail("p", denied)
			for w.count() == 1 {
				w.pass(100 * time.Millisecond)
			}
			w.want("at once", forbidden, secret.StateDenied)
		}},
		{name: "token dead", prepare: one, test: func(w *world) {
			w.fail("p", failure(secret.ClassCredential, secret.CauseToken))
			w.pass(59 * time.Minute)
			w.want("within max_stale", ok, secret.StateStale)
			w.pass(2 * time.Minute)
			w.want("over it", unavailable, secret.StateExpired)
		}},
		{name: "wrong engine", prepare: one, test: func(w *world) {
			w.fail("p", unusable)
			w.pass(38 * time.Second)
			w.want("confirmed", invalid, secret.StateUnusable)
		}},
		{name: "nobody's error is transient", prepare: one, test: func(w *world) {
			w.fail("p", errors.New("what is this"))
			w.pass(59 * time.Minute)
			w.want("within max_stale", ok, secret.StateStale)
		}},
		{name: "the source panics", prepare: one, test: func(w *world) {
			w.change("p", func(a *answer) { a.panics = true })
			w.pass(time.Minute)
			w.want("warm", ok, secret.StateStale)
			if w.seen(secret.EventPanic) == 0 {
				w.t.Error("no panic observed")
			}
			w.change("p", func(a *answer) { a.panics = false })
			w.pass(time.Minute)
			w.want("mended", ok, secret.StateFresh)
		}},
		{name: "shutdown in mid-read", prepare: one, test: func(w *world) {
			w.change("p", func(a *answer) { a.delay = time.Hour })
			w.pass(40 * time.Second)
			n := w.seen(secret.EventRefreshFailed)
			w.stop()
			if got := w.seen(secret.EventRefreshFailed) - n; got != 0 {
				w.t.Errorf("%d refresh errors observed of the end itself, want 0", got)
			}
		}},
		{name: "shutdown", prepare: one, test: func(w *world) {
			w.stop()
			n := w.count()
			w.pass(10 * time.Minute)
			if got := w.count(); got != n {
				w.t.Errorf("%d reads after Run returned, want 0", got-n)
			}
			if got := w.says("s"); got != ok {
				t.Errorf("while draining the secret answers %q, want %q", got, ok)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { inWorld(t, tt.cfg, tt.prepare, tt.test) })
	}
}

func ExampleRefreshBound() {
	var decls []secret.Declaration
	for i := range 10_000 {
		decls = append(decls, vault(fmt.Sprintf("s%d", i), fmt.Sprintf("p%d", i), 0))
	}
	fmt.Println(cache.RefreshBound(decls[:100], 30*time.Second, 20))
	fmt.Println(cache.RefreshBound(decls, 30*time.Second, 20))
	// Output:
	// 36s
	// 8m20s
}

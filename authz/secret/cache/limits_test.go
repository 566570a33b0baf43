package cache_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

func many(n int) []secret.Declaration {
	decls := make([]secret.Declaration, n)
	for i := range decls {
		decls[i] = vault(fmt.Sprintf("s%d", i), fmt.Sprintf("p%d", i), 0)
	}
	return decls
}

// most returns the most reads in any window.
func most(reads []read, window time.Duration) int {
	best, from := 0, 0
	for i := range reads {
		for reads[i].at.Sub(reads[from].at) >= window {
			from++
		}
		best = max(best, i-from+1)
	}
	return best
}

func TestPreloadRate(t *testing.T) {
	inWorld(t, cache.Config{}, func(w *world) {
		for i := range 1000 {
			w.put(fmt.Sprintf("p%d", i), "v")
		}
		w.latency = 20 * time.Millisecond
		one(w)
	}, func(w *world) {
		w.pass(time.Second)
		n := w.count()
		start := time.Now()
		set := w.cache.Open(many(1000))
		defer set.Close()
		if err := set.Settled(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 3900*time.Millisecond || took > 5*time.Second {
			t.Errorf("1000 secrets were read in %v, want about 4s: a burst of 200, then 200 a second", took)
		}
		if got := most(w.since(n), time.Second); got > 410 {
			t.Errorf("%d reads in a second, want at most 400", got)
		}
		if w.most > 16 {
			t.Errorf("%d reads at once, want at most 16", w.most)
		}
	})
}

func TestRefreshRate(t *testing.T) {
	inWorld(t, cache.Config{}, func(w *world) {
		for i := range 1000 {
			w.put(fmt.Sprintf("p%d", i), "v")
		}
		one(w)
	}, func(w *world) {
		set := w.cache.Open(many(1000))
		defer set.Close()
		w.pass(10 * time.Minute)
		n := w.count()
		w.pass(10 * time.Minute)
		reads := w.since(n)
		if got := most(reads, time.Second); got > 41 {
			t.Errorf("%d reads in a second, want 20 and at most a burst of 20", got)
		}
		if got := len(reads); got < 11_900 || got > 12_100 {
			t.Errorf("%d reads in 10 minutes, want 20 a second: the limit, fully used", got)
		}
		last := map[string]time.Time{}
		for _, r := range reads {
			if before, seen := last[r.path]; seen {
				if gap := r.at.Sub(before); gap > 75*time.Second {
					t.Errorf("%s was not read for %v, want about 1001/20 s", r.path, gap)
				}
			}
			last[r.path] = r.at
		}
	})
}

// While the source is down it is asked at the refresh rate, also for what was
// never read; as soon as it answers all is read fast.
func TestDownAtStart(t *testing.T) {
	inWorld(t, cache.Config{}, func(w *world) {
		for i := range 1000 {
			w.put(fmt.Sprintf("p%d", i), "v")
			w.fail(fmt.Sprintf("p%d", i), down)
		}
		one(w)
		w.fail("p", down)
	}, func(w *world) {
		set := w.cache.Open(many(1000))
		defer set.Close()
		w.pass(time.Minute)
		n := w.count()
		w.pass(10 * time.Minute)
		if got := most(w.since(n), time.Second); got > 41 {
			t.Errorf("%d reads in a second of an outage, want at most 40", got)
		}
		for i := range 1000 {
			w.fail(fmt.Sprintf("p%d", i), nil)
		}
		w.pass(15 * time.Second)
		for _, status := range set.Status() {
			if !status.Settled {
				t.Fatalf("%s is not settled 15 s after the outage", status.Name)
			}
		}
	})
}

func TestRetryAfterHoldsEverything(t *testing.T) {
	for _, tt := range []struct {
		asked, held time.Duration
	}{{5 * time.Second, 5 * time.Second}, {time.Hour, time.Minute}} {
		inWorld(t, cache.Config{}, func(w *world) {
			for i := range 50 {
				w.put(fmt.Sprintf("p%d", i), "v")
			}
			one(w)
		}, func(w *world) {
			set := w.cache.Open(many(50))
			defer set.Close()
			w.pass(40 * time.Second)
			for i := range 50 {
				w.fail(fmt.Sprintf("p%d", i), &secret.Error{Cause: secret.CauseStatus, Status: 429, RetryAfter: tt.asked})
			}
			n := w.count()
			for w.seen(secret.EventRefreshFailed) == 0 {
				w.pass(100 * time.Millisecond)
			}
			reads := w.since(n)
			began := reads[len(reads)-1].at
			n = w.count()
			w.put("late", "v")
			late := w.cache.Open([]secret.Declaration{vault("late", "late", 0)})
			defer late.Close()
			w.pass(time.Until(began.Add(tt.held - 200*time.Millisecond)))
			if got := w.count() - n; got != 0 {
				t.Errorf("asked for %v: %d reads within %v, want 0", tt.asked, got, tt.held)
			}
			w.pass(2 * time.Second)
			if got := w.count() - n; got == 0 {
				t.Errorf("asked for %v: no read after %v", tt.asked, tt.held)
			}
		})
	}
}

// A location that fails by itself, though it looks like an outage, is not asked
// again whenever another one is read.
func TestOneFailsAlone(t *testing.T) {
	inWorld(t, cache.Config{}, func(w *world) {
		for i := range 500 {
			w.put(fmt.Sprintf("p%d", i), "v")
		}
		w.fail("p", down)
	}, func(w *world) {
		set := w.cache.Open(many(500))
		defer set.Close()
		w.pass(10 * time.Minute)
		n := w.count()
		w.pass(10 * time.Minute)
		alone := 0
		for _, r := range w.since(n) {
			if r.path == "p" {
				alone++
			}
		}
		if alone > 130 {
			t.Errorf("%d reads of it in 10 minutes, want at most one in 5 s", alone)
		}
	})
}

// A slow source has one read of a location under way, never two.
func TestOneReadOfALocation(t *testing.T) {
	inWorld(t, cache.Config{Refresh: time.Second}, func(w *world) {
		one(w)
		w.latency = 5 * time.Second
	}, func(w *world) {
		var decls []secret.Declaration
		for i := range 20 {
			decls = append(decls, vault(fmt.Sprintf("n%d", i), "p", 0)) // 20 names of one location
		}
		set := w.cache.Open(decls)
		defer set.Close()
		w.pass(time.Minute)
		if w.most != 1 {
			t.Errorf("%d reads at once, want 1", w.most)
		}
	})
}

// A read that never ends is given up and holds nothing else up.
func TestHungRead(t *testing.T) {
	inWorld(t, cache.Config{InFlight: 2}, func(w *world) {
		one(w)
		w.put("p0", "v")
		w.change("p0", func(a *answer) { a.delay = 24 * time.Hour })
	}, func(w *world) {
		set := w.cache.Open(many(1))
		defer set.Close()
		w.pass(10 * time.Minute)
		w.want("beside a hung read", ok, secret.StateFresh)
		if got := set.Status()[0]; got.State != secret.StateLoading || got.Err == nil {
			t.Errorf("status of the hung one = %+v, want loading with an error", got)
		}
	})
}

// Requests cause no reads, however many there are.
func TestWarmRequestsReadNothing(t *testing.T) {
	inWorld(t, cache.Config{}, one, func(w *world) {
		n := w.count()
		s := w.set.Secrets("s")
		for range 100_000 {
			if _, err := s.Versions(time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.count() - n; got != 0 {
			t.Errorf("%d reads for warm requests, want 0", got)
		}
	})
	inWorld(t, cache.Config{}, func(w *world) { w.fail("p", down) }, func(w *world) {
		n := w.count()
		for range 100_000 {
			if got := w.says("s"); got != unavailable {
				t.Fatalf("cold, the secret answers %q", got)
			}
		}
		if got := w.count() - n; got != 0 {
			t.Errorf("%d reads for cold requests, want 0", got)
		}
	})
}

// Requests read while everything changes under them.
func TestConcurrentVersions(t *testing.T) {
	f := newFake()
	f.put("p", "value-0")
	c := cache.New(cache.Config{
		Sources: map[secret.Kind]secret.Source{secret.KindVault: f}, Refresh: time.Millisecond, RefreshRate: 10_000,
	})
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	set := c.Open([]secret.Declaration{vault("s", "p", time.Hour)})
	if err := set.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			s := set.Secrets("s")
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := s.Versions(time.Now())
				if err != nil || len(v.Accepted) == 0 || v.Accepted[0].Secret.Empty() {
					t.Errorf("Versions() = %v, %v", v, err)
					return
				}
			}
		})
	}
	for i := range 50 {
		f.put("p", fmt.Sprintf("value-%d", i+1))
		other := c.Open([]secret.Declaration{vault("s", "p", time.Hour), vault("t", "q", 0)})
		time.Sleep(2 * time.Millisecond)
		_ = other.Status()
		other.Close()
	}
	close(stop)
	wg.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run() error = %v", err)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines after Run, %d before", runtime.NumGoroutine(), before)
		}
	}
	if err := c.Run(t.Context()); err == nil {
		t.Error("a second Run() returned nil")
	}
}

func BenchmarkVersions(b *testing.B) {
	f := newFake()
	f.put("p", "value-0")
	f.put("p", "value-1")
	c := cache.New(cache.Config{Sources: map[secret.Kind]secret.Source{secret.KindVault: f}})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	for name, previousFor := range map[string]time.Duration{"newest": 0, "with previous": time.Hour} {
		set := c.Open([]secret.Declaration{vault("s", "p", previousFor)})
		if err := set.Settled(ctx); err != nil {
			b.Fatal(err)
		}
		s := set.Secrets("s")
		now := time.Now()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Versions(now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

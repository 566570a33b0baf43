package keyset_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/secret"
)

const setURL = "https://issuer.example/keys"

// A world is a cache with one key set of a fake issuer, on a virtual clock.
type world struct {
	t      *testing.T // of the bubble
	issuer *fake
	events *events
	cache  *keyset.Cache
	set    *keyset.Set
	keys   authz.KeySet
	stop   func()
}

// virtual runs test with a world whose issuer publishes key a.
func virtual(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, issuer: &fake{}, events: &events{}}
		w.issuer.serve(jwks("a"))
		w.cache = keyset.New(keyset.Config{Client: w.issuer, Observer: w.events})
		w.set = w.cache.Open([]keyset.Declaration{{Name: "k", URL: setURL}})
		w.keys = w.set.Keys("k")
		w.stop = run(t, w.cache)
		synctest.Wait()
		test(w)
	})
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func refresh(w *world, id string) (*authz.Keys, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return w.keys.Refresh(ctx, id, time.Now())
}

// Ten thousand tokens with keys that nobody has, in ten minutes, cost the issuer
// one fetch in 30 seconds at most, while it answers and while it does not.
func TestFloodOfUnknownKeys(t *testing.T) {
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprintf("down=%v", down), func(t *testing.T) {
			virtual(t, func(w *world) {
				t := w.t
				pass(time.Minute)
				if down {
					w.issuer.fail(outbound.CauseNetwork)
				}
				before := w.issuer.count()
				var wg sync.WaitGroup
				for i := range 10_000 {
					wg.Go(func() {
						keys, err := refresh(w, fmt.Sprintf("unknown-%d", i))
						if down {
							wantReason(t, err, authz.ReasonKeySetUnavailable)
						} else if err != nil || ids(keys) != "a " {
							t.Errorf("Refresh() = %s, %v", ids(keys), err)
						}
					})
					if i%10 == 9 {
						time.Sleep(600 * time.Millisecond)
					}
				}
				wg.Wait()
				fetches := w.issuer.count() - before
				if fetches < 15 || fetches > 21 {
					t.Errorf("%d fetches in ten minutes, want one in 30 seconds", fetches)
				}
				for i := 1; i < len(w.issuer.calls); i++ {
					if gap := w.issuer.calls[i].Sub(w.issuer.calls[i-1]); gap < keyset.Interval {
						t.Errorf("two fetches within %v", gap)
					}
				}
				wantState := secret.StateFresh
				if down {
					wantState = secret.StateStale
				}
				if state := w.set.Status()[0].State; state != wantState {
					t.Errorf("state = %v, want %v", state, wantState)
				}
			})
		})
	}
}

// A key that the issuer has begun to use is found by the first token, and all
// that come meanwhile wait for the same fetch.
func TestRotationIsMergedAndDetached(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		pass(time.Minute)
		before := w.issuer.count()
		var fetching error
		w.issuer.set(func(ctx context.Context, _ outbound.Request) (*outbound.Response, error) {
			time.Sleep(time.Second)
			fetching = ctx.Err()
			return answer(http.StatusOK, jwks("b", "a")), nil
		})
		var wg sync.WaitGroup
		wg.Go(func() { // this one gives up, and takes nobody with it
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := w.keys.Refresh(ctx, "b", time.Now())
			wantReason(t, err, authz.ReasonKeySetUnavailable)
		})
		for range 100 {
			wg.Go(func() {
				time.Sleep(10 * time.Millisecond)
				if keys, err := refresh(w, "b"); err != nil || ids(keys) != "b a " {
					t.Errorf("Refresh() = %s, %v", ids(keys), err)
				}
			})
		}
		wg.Wait()
		if n := w.issuer.count() - before; n != 1 || fetching != nil {
			t.Errorf("%d fetches, context %v", n, fetching)
		}
		wantKeys(t, w.keys, time.Now(), "b a ")
		if e := w.events.last(keyset.EventFetched); !e.Changed || e.Keys != 2 || e.Name != "k" {
			t.Errorf("event = %+v", e)
		}
	})
}

// No more requests wait for one fetch than a bound; the others are told at once
// to try again.
func TestWaitersAreBounded(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		pass(time.Minute)
		w.issuer.set(func(context.Context, outbound.Request) (*outbound.Response, error) {
			time.Sleep(time.Second)
			return answer(http.StatusOK, jwks("a")), nil
		})
		var mu sync.Mutex
		refused := 0
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				if _, err := refresh(w, fmt.Sprint(i)); err != nil {
					mu.Lock()
					defer mu.Unlock()
					refused++
				}
			})
		}
		wg.Wait()
		if want := 1000 - keyset.MaxWaiting; refused != want {
			t.Errorf("%d refused, want %d", refused, want)
		}
		if keys, err := refresh(w, "again"); err != nil {
			t.Errorf("afterwards: %s, %v", ids(keys), err)
		}
	})
}

// A key that was asked for and is not there is not asked for again for a while,
// however often it comes.
func TestMissingKeyIsRemembered(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		pass(time.Minute)
		before := w.issuer.count()
		for range 19 {
			if _, err := refresh(w, "gone"); err != nil {
				t.Fatal(err)
			}
			pass(6 * time.Second)
		}
		if n := w.issuer.count() - before; n != 1 {
			t.Errorf("%d fetches in two minutes", n)
		}
		pass(10 * time.Second)
		w.issuer.serve(jwks("a", "gone"))
		if keys, err := refresh(w, "gone"); err != nil || ids(keys) != "a gone " {
			t.Errorf("Refresh() = %s, %v: it is never asked for again", ids(keys), err)
		}
	})
}

// Once the issuer is down nobody can tell whether it still is not there.
func TestMissingKeyWhileTheIssuerIsDown(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		pass(time.Minute)
		if keys, err := refresh(w, "b"); err != nil || ids(keys) != "a " {
			t.Fatalf("Refresh() = %s, %v", ids(keys), err)
		}
		w.issuer.fail(outbound.CauseNetwork)
		pass(keyset.Interval)
		for _, id := range []string{"c", "b"} {
			_, err := refresh(w, id)
			wantReason(t, err, authz.ReasonKeySetUnavailable)
		}
		w.issuer.serve(jwks("a", "b"))
		pass(keyset.Interval)
		if keys, err := refresh(w, "b"); err != nil || ids(keys) != "a b " {
			t.Errorf("Refresh() = %s, %v after it came back", ids(keys), err)
		}
	})
}

func TestRefreshThatAsksNobody(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		pass(time.Minute)
		before := w.issuer.count()
		for _, id := range []string{"", "a"} {
			if keys, err := refresh(w, id); err != nil || ids(keys) != "a " {
				t.Errorf("Refresh(%q) = %s, %v", id, ids(keys), err)
			}
		}
		w.stop() // nobody could fetch
		stopped := time.Now()
		_, err := refresh(w, "b")
		wantReason(t, err, authz.ReasonKeySetUnavailable)
		if waited := time.Since(stopped); waited > 0 {
			t.Errorf("waited %v for nobody", waited)
		}
		if n := w.issuer.count() - before; n != 0 {
			t.Errorf("%d fetches", n)
		}
		wantKeys(t, w.keys, time.Now(), "a ")
	})
}

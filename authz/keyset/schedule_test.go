package keyset_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// In the background a set is fetched every ten minutes, a little sooner, or as
// often as the issuer says, but not more than once a minute.
func TestBackgroundRefresh(t *testing.T) {
	tests := []struct {
		name, cacheControl string
		least, most        int // fetches in two hours
	}{
		{name: "not said", least: 12, most: 14},
		{name: "longer", cacheControl: "public, max-age=86400", least: 12, most: 14},
		{name: "shorter", cacheControl: "max-age=300, must-revalidate", least: 24, most: 28},
		{name: "much shorter", cacheControl: "max-age=1", least: 118, most: 136},
		{name: "none", cacheControl: "no-store", least: 12, most: 14},
		{name: "not a number", cacheControl: "max-age=soon", least: 12, most: 14},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, func(w *world) {
				t := w.t
				w.issuer.serve(jwks("a"), "Cache-Control", tt.cacheControl)
				first := wantKeys(t, w.keys, time.Now(), "a ")
				pass(10 * time.Minute)
				before := w.issuer.count()
				pass(2 * time.Hour)
				if n := w.issuer.count() - before; n < tt.least || n > tt.most {
					t.Errorf("%d fetches in two hours, want %d to %d", n, tt.least, tt.most)
				}
				if wantKeys(t, w.keys, time.Now(), "a ") != first {
					t.Error("the same keys came as another pointer")
				}
			})
		})
	}
}

// While the issuer is down its keys count, marked as stale, up to an hour after
// they were fetched; then nobody can tell. They come back by themselves.
func TestStaleThenExpired(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		fetched := time.Now()
		w.issuer.fail(outbound.CauseTimeout)
		pass(30 * time.Minute)
		stale := wantKeys(t, w.keys, time.Now(), "a stale")
		if again := wantKeys(t, w.keys, time.Now(), "a stale"); again != stale {
			t.Error("another pointer although nothing changed")
		}
		status := w.set.Status()[0]
		if status.State != secret.StateStale || status.Err == nil || status.Age < 30*time.Minute {
			t.Errorf("Status() = %+v", status)
		}
		if e := w.events.last(keyset.EventFailed); e.Err == nil || e.Err.Cause != outbound.CauseTimeout || e.Err.Step != keyset.StepKeys {
			t.Errorf("event = %+v", e)
		}
		wantKeys(t, w.keys, fetched.Add(59*time.Minute), "a stale")

		pass(31 * time.Minute)
		_, err := w.keys.Keys(time.Now())
		wantReason(t, err, authz.ReasonKeySetUnavailable)
		_, err = refresh(w, "b")
		wantReason(t, err, authz.ReasonKeySetUnavailable)
		if state := w.set.Status()[0].State; state != secret.StateExpired {
			t.Errorf("state = %v", state)
		}
		w.issuer.serve(jwks("a"))
		pass(7 * time.Minute)
		wantKeys(t, w.keys, time.Now(), "a ")
		if e := w.events.last(keyset.EventStateChanged); e.To != secret.StateFresh || e.From != secret.StateExpired {
			t.Errorf("event = %+v", e)
		}
	})
}

// Whichever clock says that the keys are too old is believed: the wall clock is
// all that goes on while a machine sleeps.
func TestExpiryByEitherClock(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		now := time.Now()
		wantKeys(t, w.keys, now.Add(59*time.Minute), "a ")
		for _, later := range []time.Time{now.Add(time.Hour), now.Round(0).Add(time.Hour)} {
			_, err := w.keys.Keys(later)
			wantReason(t, err, authz.ReasonKeySetUnavailable)
		}
		wantKeys(t, w.keys, now.Round(0).Add(-time.Hour), "a ")
	})
}

// An issuer that is down from the start does not keep the process from being
// ready for ever, and its keys count as soon as they come.
func TestColdStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{issuer: &fake{}}
		w.issuer.fail(outbound.CauseNetwork)
		w.cache = keyset.New(keyset.Config{Client: w.issuer})
		w.set = w.cache.Open([]keyset.Declaration{{Name: "k", URL: setURL}})
		w.keys = w.set.Keys("k")
		run(t, w.cache)
		_, err := w.keys.Keys(time.Now())
		wantReason(t, err, authz.ReasonKeySetUnavailable)
		short, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := w.set.Settled(short); err == nil {
			t.Error("Settled() = nil before anything was fetched")
		}
		started := time.Now()
		if err := w.set.Settled(t.Context()); err != nil {
			t.Errorf("Settled() = %v", err)
		}
		if waited := time.Since(started); waited > keyset.SettleTime-20*time.Second {
			t.Errorf("settled %v after it was opened", waited+20*time.Second)
		}
		if s := w.set.Status()[0]; s.State != secret.StateLoading || !s.Settled || s.Err == nil {
			t.Errorf("Status() = %+v", s)
		}
		w.issuer.serve(jwks("a"))
		pass(time.Minute + time.Second)
		wantKeys(t, w.keys, time.Now(), "a ")
	})
}

func TestSettledWithTheFirstKeys(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		started := time.Now()
		if err := w.set.Settled(t.Context()); err != nil || time.Since(started) > 0 {
			t.Errorf("Settled() = %v after %v", err, time.Since(started))
		}
	})
}

// The issuer is left alone for as long as it asks, within reason.
func TestRetryAfter(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		w.issuer.set(func(context.Context, outbound.Request) (*outbound.Response, error) {
			return answer(http.StatusServiceUnavailable, "{}", "Retry-After", "240"), nil
		})
		pass(10 * time.Minute)
		before := w.issuer.count()
		pass(time.Hour)
		if n := w.issuer.count() - before; n > 15 {
			t.Errorf("%d fetches in an hour", n)
		}
	})
}

// An issuer that publishes no key any more has withdrawn those that it had.
func TestKeysAreWithdrawn(t *testing.T) {
	for name, body := range map[string]string{
		"none":       `{"keys":[]}`,
		"not usable": `{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(w *world) {
				t := w.t
				w.issuer.serve(body)
				pass(10 * time.Minute)
				_, err := w.keys.Keys(time.Now())
				wantReason(t, err, authz.ReasonKeySetUnavailable)
				if s := w.set.Status()[0]; s.State != secret.StateUnusable || s.Err == nil {
					t.Errorf("Status() = %+v", s)
				}
				w.issuer.serve(jwks("b"))
				pass(time.Minute)
				wantKeys(t, w.keys, time.Now(), "b ")
			})
		})
	}
}

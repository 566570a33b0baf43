package cache_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

// TestFaultMatrix holds each way in which a source can fail against when it
// begins: before the first read, and after it; at once, within max_stale, over
// it. Nobody is ever allowed by mistake, nor told that a right key is wrong.
func TestFaultMatrix(t *testing.T) {
	status := func(code int) *secret.Error {
		return &secret.Error{Class: secret.ClassTransient, Cause: secret.CauseStatus, Status: code}
	}
	refused := failure(secret.ClassCredential, secret.CauseRefused)
	tests := []struct {
		name  string
		fault error
		cold  string
		seen  string
		over  string
	}{
		{"connection refused", down, unavailable, ok, unavailable},
		{"timeout", failure(secret.ClassTransient, secret.CauseTimeout), unavailable, ok, unavailable},
		{"certificate", failure(secret.ClassTransient, secret.CauseTLS), unavailable, ok, unavailable},
		{"not Vault", failure(secret.ClassTransient, secret.CauseNotVault), unavailable, ok, unavailable},
		{"malformed", failure(secret.ClassTransient, secret.CauseMalformed), unavailable, ok, unavailable},
		{"too large", failure(secret.ClassTransient, secret.CauseTooLarge), unavailable, ok, unavailable},
		{"redirect", failure(secret.ClassTransient, secret.CauseRedirect), unavailable, ok, unavailable},
		{"500", status(500), unavailable, ok, unavailable},
		{"503 sealed", sealed, unavailable, ok, unavailable},
		{"472", status(472), unavailable, ok, unavailable},
		{"412", status(412), unavailable, ok, unavailable},
		{"400 upgrading", failure(secret.ClassTransient, secret.CauseUpgrading), unavailable, ok, unavailable},
		{"login refused", refused, unavailable, ok, unavailable},
		{"error of no class", errors.New("odd"), unavailable, ok, unavailable},
		{"gone", gone, missing, missing, missing},
		{"denied", denied, forbidden, forbidden, forbidden},
		{"wrong engine", unusable, invalid, invalid, invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name+", cold", func(t *testing.T) {
			inWorld(t, cache.Config{}, func(w *world) {
				one(w)
				w.fail("p", tt.fault)
			}, func(w *world) {
				for range 100 {
					if got := w.says("s"); got != tt.cold {
						t.Fatalf("cold, the secret answers %q, want %q", got, tt.cold)
					}
					w.pass(time.Minute)
				}
				if got, want := w.settled(), tt.cold != unavailable; got != want {
					t.Errorf("settled = %v, want %v", got, want)
				}
				w.fail("p", nil)
				w.pass(time.Minute + time.Second)
				if got := w.says("s"); got != ok {
					t.Errorf("a backoff step after the end, the secret answers %q, want %q", got, ok)
				}
			})
		})
		t.Run(tt.name+", warm", func(t *testing.T) {
			inWorld(t, cache.Config{}, one, func(w *world) {
				w.fail("p", tt.fault)
				if got := w.says("s"); got != ok {
					t.Errorf("unseen, the secret answers %q, want %q", got, ok)
				}
				w.pass(50 * time.Second) // a refresh, a confirmation, the grace of a 403
				for range 58 {
					if got := w.says("s"); got != tt.seen {
						t.Fatalf("seen, the secret answers %q, want %q", got, tt.seen)
					}
					w.pass(time.Minute)
				}
				w.pass(2 * time.Minute)
				for range 60 {
					if got := w.says("s"); got != tt.over {
						t.Fatalf("over max_stale, the secret answers %q, want %q", got, tt.over)
					}
					w.pass(time.Minute)
				}
				if got := w.count(); got > 700 {
					t.Errorf("%d reads in two hours, want at most one in 10 s", got)
				}
				w.fail("p", nil)
				w.pass(time.Minute + time.Second)
				if got := w.says("s"); got != ok {
					t.Errorf("a backoff step after the end, the secret answers %q, want %q", got, ok)
				}
			})
		})
	}
}

// A newest version that can't be used is 500, or 503 where the one before might
// be meant; the one before verifies in its grace.
func TestUnusableFields(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields map[string]secret.Field
		cause  secret.Cause
	}{
		{"missing", map[string]secret.Field{"other": {Text: true}}, secret.CauseFieldMissing},
		{"no data", nil, secret.CauseFieldMissing},
		{"no text", map[string]secret.Field{"f": {Secret: authz.NewSecret([]byte("1"))}}, secret.CauseFieldType},
		{"empty", map[string]secret.Field{"f": {Text: true}}, secret.CauseFieldEmpty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, cache.Config{}, func(w *world) { w.putFields("p", tt.fields) }, func(w *world) {
				w.want("cold", invalid, secret.StateUnusable)
				if !w.settled() {
					t.Error("not settled by an authoritative answer")
				}
				failure, ok := errors.AsType[*secret.Error](w.set.Status()[0].Err)
				if !ok || failure.Class != secret.ClassUnusable || failure.Cause != tt.cause {
					t.Errorf("Status().Err = %v, want %s", w.set.Status()[0].Err, tt.cause)
				}
			})
			inWorld(t, cache.Config{}, one, func(w *world) {
				w.putFields("p", tt.fields)
				w.pass(37 * time.Second)
				w.want("warm", "~one!", secret.StateUnusable)
			})
		})
	}
}

// A third of all reads fail: everything is read in time all the same.
func TestRandomErrors(t *testing.T) {
	inWorld(t, cache.Config{}, one, func(w *world) {
		for i := range 1000 {
			if i%3 == 0 {
				w.fail("p", sealed)
			} else {
				w.fail("p", nil)
			}
			w.pass(3 * time.Second)
			if got := w.says("s"); got != ok {
				t.Fatalf("the secret answers %q, want %q", got, ok)
			}
		}
	})
}

// A secret lives no longer because the wall clock steps or the machine sleeps.
func TestClockSteps(t *testing.T) {
	inWorld(t, cache.Config{}, one, func(w *world) {
		s := w.set.Secrets("s")
		if got := says(t, s, time.Now().Round(0).Add(61*time.Minute)); got != unavailable {
			t.Errorf("an hour ahead by the wall clock alone, the secret answers %q, want %q", got, unavailable)
		}
		if got := says(t, s, time.Now().Round(0).Add(-10*time.Minute)); got != ok {
			t.Errorf("with the wall clock set back, the secret answers %q, want %q", got, ok)
		}
	})
	start := time.Now()
	wall := start.UnixNano()
	for _, tt := range []struct {
		name string
		at   time.Duration // of the monotonic clock, from start
		wall time.Duration // of the wall clock
		want bool
	}{
		{"both before", time.Second, time.Second, false},
		{"both after", -time.Second, -time.Second, true},
		{"wall clock set back", -time.Second, time.Hour, true},
		{"machine was suspended", time.Hour, -time.Second, true},
	} {
		if got := cache.Reached(start.Add(tt.at), wall+int64(tt.wall), start); got != tt.want {
			t.Errorf("%s: reached = %v, want %v", tt.name, got, tt.want)
		}
	}
}

package extauthz_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/extauthz"
)

type extauthzConfig = extauthz.Config

func noTable() *policy.Table { return nil }

// Whatever time the gateway leaves, the answer is there before it gives up, and
// it is an allow only if the decision was in time.
func TestDeadlineSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		for left := time.Duration(0); left <= 200*time.Millisecond; left += time.Millisecond {
			for _, name := range []string{"key", "slow"} {
				ctx, cancel := context.WithTimeout(t.Context(), left)
				start := time.Now()
				response := l.checkWith(ctx, t, keyed(name))
				took := time.Since(start)
				cancel()

				inTime := left >= 15*time.Millisecond
				if name == "slow" {
					inTime = left > slowness+10*time.Millisecond
				}
				want := "deadline"
				if inTime {
					want = "verified"
				}
				if got := metadatum(response, "reason"); got != want {
					t.Errorf("%s with %v left: reason %q, want %q", name, left, got, want)
				}
				if want == "deadline" {
					same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 503)
				}
				if left < 15*time.Millisecond && took != 0 {
					t.Errorf("%s with %v left: took %v, want an answer at once", name, left, took)
				}
			}
		}
	})
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, func(c *extauthzConfig) { c.Budget = slowness / 2 })
		same(t, "reason", metadatum(l.check(t, keyed("slow")), "reason"), "deadline")
		same(t, "reason", metadatum(l.check(t, keyed("key")), "reason"), "verified")
	})
}

func TestCancelledNeverAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		for _, after := range []time.Duration{0, slowness / 2} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(after, cancel)
			synctest.Wait()
			response := l.checkWith(ctx, t, keyed("slow")) // checks that it is recorded
			same(t, "reason", metadatum(response, "reason"), "deadline")
			cancel()
		}
	})
}

func TestDeadlineOf(t *testing.T) {
	const budget = time.Second
	tests := []struct {
		left, want time.Duration
		ok         bool
	}{
		{left: -time.Second},
		{left: 14 * time.Millisecond},
		{left: 15 * time.Millisecond, want: 5 * time.Millisecond, ok: true},
		{left: 200 * time.Millisecond, want: 190 * time.Millisecond, ok: true},
		{left: time.Second + 10*time.Millisecond, want: time.Second, ok: true},
		{left: time.Minute, want: time.Second, ok: true},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), tt.left)
			defer cancel()
			got, ok := extauthz.DeadlineOf(ctx, now, budget)
			same(t, "ok", ok, tt.ok)
			if ok {
				same(t, "budget", got.Sub(now), tt.want)
			}
		})
	}
	now := time.Now()
	got, ok := extauthz.DeadlineOf(t.Context(), now, budget)
	same(t, "ok without a deadline", ok, true)
	same(t, "budget without a deadline", got.Sub(now), budget)
}

func TestLazyDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, waits := range []bool{false, true} {
			ctx, stop := extauthz.LazyDeadline(t.Context(), time.Now().Add(time.Second))
			if err := ctx.Err(); err != nil {
				t.Errorf("Err before the deadline = %v", err)
			}
			if waits {
				derived, cancel := context.WithCancel(ctx)
				<-derived.Done()
				cancel()
				same(t, "deadline error", errors.Is(derived.Err(), context.DeadlineExceeded), true)
			} else {
				time.Sleep(time.Second)
			}
			same(t, "deadline error", errors.Is(ctx.Err(), context.DeadlineExceeded), true)
			<-ctx.Done()
			stop()
		}
	})
}

// A stall delays the calls that were there; an overload delays all of them for
// long. Only the second is refused.
func TestQueueLimit(t *testing.T) {
	const ms = time.Millisecond
	start := time.Unix(1_000_000, 0)
	type call struct {
		at, waited time.Duration
		want       bool
	}
	tests := []struct {
		name  string
		calls []call
	}{
		{name: "in time", calls: []call{{0, 0, true}, {1 * ms, 20 * ms, true}, {500 * ms, 20 * ms, true}}},
		{name: "one stall", calls: []call{{0, 300 * ms, true}, {10 * ms, 310 * ms, true}, {99 * ms, 200 * ms, true}, {100 * ms, 5 * ms, true}, {110 * ms, 200 * ms, true}}},
		{name: "overload", calls: []call{{0, 30 * ms, true}, {50 * ms, 40 * ms, true}, {100 * ms, 50 * ms, false}, {150 * ms, 50 * ms, false}, {200 * ms, 20 * ms, true}, {201 * ms, 30 * ms, true}}},
		{name: "two stalls far apart", calls: []call{{0, 30 * ms, true}, {1000 * ms, 30 * ms, true}, {1050 * ms, 30 * ms, true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var limit extauthz.QueueLimit
			for _, c := range tt.calls {
				now := start.Add(c.at)
				if got := limit.Admit(now.Add(-c.waited), now); got != c.want {
					t.Errorf("Admit at %v after waiting %v = %v, want %v", c.at, c.waited, got, c.want)
				}
			}
		})
	}
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		late := func() string {
			ctx := extauthz.WithArrival(t.Context(), time.Now().Add(-30*time.Millisecond))
			return metadatum(l.checkWith(ctx, t, keyed("panics")), "reason")
		}
		same(t, "first late call", late(), "bug") // it is decided
		time.Sleep(100 * time.Millisecond)
		same(t, "late call after 100 ms", late(), "overloaded") // no check ran
		same(t, "status", l.last(t).Status, 503)
		same(t, "call in time", metadatum(l.check(t, keyed("key")), "reason"), "verified")
		same(t, "late call after one in time", late(), "bug")
	})
}

func TestBytesInFlight(t *testing.T) {
	l := newLab(t, func(c *extauthzConfig) { c.MaxInflightBytes = 4096 })
	same(t, "reason", metadatum(l.check(t, signed("small")), "reason"), "verified")
	response := l.check(t, signed(strings.Repeat("x", 4096)))
	same(t, "reason", metadatum(response, "reason"), "overloaded")
	same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 503)
	same(t, "reason", metadatum(l.check(t, signed("small")), "reason"), "verified")
}

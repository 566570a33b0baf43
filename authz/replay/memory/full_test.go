package memory_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/replay/memory"
)

// A policy that is full gives up what was signed longest ago, and from then on
// nobody is granted what was signed then or before: nothing passes twice.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const quota = 100
		s := memory.New(memory.Config{MaxEntries: 4 * quota})
		start := time.Now()
		at := func(i int) *authz.Claim { return signed(start.Add(time.Duration(i)*time.Second), fmt.Sprint(i)) }
		for i := range 3 * quota {
			granted(t, s, at(i), authz.ClaimNew)
			if n := s.Len(); n > quota {
				t.Fatalf("%d messages are remembered, want %d at most", n, quota)
			}
		}
		for i := range 3 * quota {
			want := authz.ReasonReplayed
			if i < 2*quota {
				want = authz.ReasonReplayStoreUnavailable
			}
			refused(t, s, at(i), want)
		}
		// New, but signed before what is still remembered.
		refused(t, s, signed(start, "new"), authz.ReasonReplayStoreUnavailable)
		refused(t, s, signed(start.Add(2*quota*time.Second), "new"), authz.ReasonReplayStoreUnavailable)
		granted(t, s, signed(start.Add((2*quota+1)*time.Second), "new"), authz.ClaimNew)
		// Without a signed time nothing can be given up for it, nor is it known
		// to be new.
		refused(t, s, untimed("a"), authz.ReasonReplayStoreUnavailable)
		time.Sleep(keep)
		granted(t, s, untimed("a"), authz.ClaimNew)
		refused(t, s, at(3*quota-1), authz.ReasonReplayStoreUnavailable)
	})
}

// What has no signed time, or was claimed with others, is never given up.
func TestFullForGood(t *testing.T) {
	for name, full := range map[string]func(i int) *authz.Claim{
		"untimed":  func(i int) *authz.Claim { return untimed(fmt.Sprint(i)) },
		"together": func(i int) *authz.Claim { return claim(fmt.Sprint(i), fmt.Sprint(-i-1)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.New(memory.Config{MaxEntries: 4 * 16})
				held := 0
				for held < 16 {
					c := full(held)
					granted(t, s, c, authz.ClaimNew)
					held += len(c.Messages)
				}
				later := time.Now().Add(time.Second)
				refused(t, s, signed(later, "new"), authz.ReasonReplayStoreUnavailable)
				refused(t, s, untimed("new"), authz.ReasonReplayStoreUnavailable)
				refused(t, s, full(0), authz.ReasonReplayed)
				time.Sleep(keep)
				granted(t, s, claim("new"), authz.ClaimNew)
			})
		})
	}
}

// One policy gets a quarter, whatever the others leave free; and all together get
// no more than there is.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{MaxEntries: 400})
		of := func(policy string, i int) *authz.Claim {
			return with(untimed(fmt.Sprint(i)), func(c *authz.Claim) { c.Policy = policy })
		}
		for _, policy := range []string{"a", "b", "c", "d"} {
			for i := range 100 {
				granted(t, s, of(policy, i), authz.ClaimNew)
			}
			refused(t, s, of(policy, 100), authz.ReasonReplayStoreUnavailable)
		}
		refused(t, s, of("e", 0), authz.ReasonReplayStoreUnavailable)
		if n := s.Len(); n != 400 {
			t.Errorf("%d messages are remembered, want 400", n)
		}
		// Those that claim nothing any more don't keep their part for ever.
		time.Sleep(keep)
		for i := range 100 {
			granted(t, s, of("e", i), authz.ClaimNew)
		}
		if n := s.Len(); n != 100 {
			t.Errorf("%d messages are remembered, want 100", n)
		}
	})
}

// Policies that come one after the other share the memory: what one had at its peak
// is free for the next.
func TestMemoryOfBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const policies, quota = 8, 1 << 14
		s := memory.New(memory.Config{MaxEntries: 4 * quota})
		used := func() uint64 {
			runtime.GC()
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return stats.HeapAlloc
		}
		burst := func(policy string) {
			for i := range quota {
				c := untimed(fmt.Sprint(i))
				c.Policy = policy
				granted(t, s, c, authz.ClaimNew)
			}
			time.Sleep(keep)
			for s.Len() > 1 { // the last of them is held by nobody
				c := untimed("another")
				c.Policy = policy
				_, _ = s.Claim(t.Context(), c)
			}
		}
		before := used()
		burst("first")
		one := used() - min(before, used())
		for i := range policies {
			burst(fmt.Sprint(i))
		}
		if all := used() - min(before, used()); all > 4*max(one, 1<<20) {
			t.Errorf("%d policies keep %d bytes after their bursts, the first %d", policies, all, one)
		}
		runtime.KeepAlive(s)
	})
}

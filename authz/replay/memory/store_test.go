package memory_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/replay/memory"
)

const keep = 10 * time.Minute

// claim is of one policy's messages, signed now and kept for keep.
func claim(names ...string) *authz.Claim {
	now := time.Now()
	c := &authz.Claim{Policy: "p", Now: now, Signed: now, Keep: keep, Repeat: time.Second}
	for _, name := range names {
		c.Messages = append(c.Messages, sha256.Sum256([]byte(name)))
	}
	return c
}

// with returns c changed.
func with(c *authz.Claim, change func(*authz.Claim)) *authz.Claim {
	change(c)
	return c
}

func untimed(names ...string) *authz.Claim {
	return with(claim(names...), func(c *authz.Claim) { c.Signed = time.Time{} })
}

func signed(at time.Time, names ...string) *authz.Claim {
	return with(claim(names...), func(c *authz.Claim) { c.Signed = at })
}

func granted(t *testing.T, s *memory.Store, c *authz.Claim, want authz.ClaimResult) {
	t.Helper()
	got, err := s.Claim(t.Context(), c)
	if err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func refused(t *testing.T, s *memory.Store, c *authz.Claim, want authz.Reason) {
	t.Helper()
	got, err := s.Claim(t.Context(), c)
	authztest.WantReason(t, err, want)
	if got != authz.ClaimNone {
		t.Errorf("a grant beside the error: %v", got)
	}
}

func TestOnce(t *testing.T) {
	s := memory.New(memory.Config{})
	granted(t, s, claim("a"), authz.ClaimNew)
	refused(t, s, claim("a"), authz.ReasonReplayed)
	granted(t, s, with(claim("a"), func(c *authz.Claim) { c.Policy = "another" }), authz.ClaimNew)
	granted(t, s, untimed("b"), authz.ClaimNew)
	refused(t, s, untimed("b"), authz.ReasonReplayed)
	if n := s.Len(); n != 3 {
		t.Errorf("%d messages are remembered, want 3", n)
	}
}

// All messages of a claim are claimed, or none.
func TestAllOrNone(t *testing.T) {
	s := memory.New(memory.Config{})
	granted(t, s, claim("a", "b", "a"), authz.ClaimNew)
	refused(t, s, claim("c", "b"), authz.ReasonReplayed)
	granted(t, s, claim("c"), authz.ClaimNew)
	refused(t, s, claim("a"), authz.ReasonReplayed)
	if n := s.Len(); n != 3 {
		t.Errorf("%d messages are remembered, want 3", n)
	}
}

func TestNoClaim(t *testing.T) {
	s := memory.New(memory.Config{})
	names := make([]string, memory.MaxMessages+1)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	refused(t, s, claim(names...), authz.ReasonBug)
	refused(t, s, claim(), authz.ReasonBug)
	refused(t, s, with(claim("a"), func(c *authz.Claim) { c.Keep = 0 }), authz.ReasonBug)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Claim(ctx, claim("a"))
	authztest.WantReason(t, err, authz.ReasonReplayStoreUnavailable)
	granted(t, s, claim(names[1:]...), authz.ClaimNew)
	granted(t, s, claim("a"), authz.ClaimNew)
}

// The same stream may ask again for a while, and for nothing but what it claimed.
func TestRepeat(t *testing.T) {
	of := func(stream string, names ...string) *authz.Claim {
		return with(claim(names...), func(c *authz.Claim) { c.Stream = stream })
	}
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{})
		granted(t, s, of("1", "a", "b"), authz.ClaimNew)
		granted(t, s, of("1", "a", "b"), authz.ClaimRepeated)
		refused(t, s, of("2", "a", "b"), authz.ReasonReplayed)
		refused(t, s, of("", "a", "b"), authz.ReasonReplayed)
		refused(t, s, of("1", "a", "c"), authz.ReasonReplayed)
		granted(t, s, of("2", "c"), authz.ClaimNew)
		refused(t, s, of("2", "a", "c"), authz.ReasonReplayed) // of two streams
		time.Sleep(time.Second - 1)
		granted(t, s, of("1", "a", "b"), authz.ClaimRepeated)
		time.Sleep(time.Nanosecond) // the repeats didn't make it longer
		refused(t, s, of("1", "a", "b"), authz.ReasonReplayed)
		// Without a stream nobody is known again.
		granted(t, s, of("", "d"), authz.ClaimNew)
		refused(t, s, of("", "d"), authz.ReasonReplayed)
	})
}

// A claim is kept for as long as it says, and not longer.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{})
		granted(t, s, untimed("a"), authz.ClaimNew)
		granted(t, s, claim("b"), authz.ClaimNew)
		old := claim("b")
		time.Sleep(keep - 1)
		refused(t, s, untimed("a"), authz.ReasonReplayed)
		refused(t, s, old, authz.ReasonReplayed)
		time.Sleep(time.Nanosecond)
		granted(t, s, untimed("a"), authz.ClaimNew)
		// What is forgotten is not granted all the same, should a clock or a
		// window be such that it passes again.
		refused(t, s, old, authz.ReasonReplayStoreUnavailable)
		if n := s.Len(); n != 1 {
			t.Errorf("%d messages are remembered, want 1", n)
		}
	})
}

// A step of the wall clock frees nothing and pins nothing. The steps are those of
// the times in a claim; what the store measures is the machine's other clock.
func TestClockSteps(t *testing.T) {
	for _, step := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			shifted := func(name string, at time.Time) *authz.Claim {
				return with(signed(at, name), func(c *authz.Claim) { c.Now = c.Now.Add(step) })
			}
			s := memory.New(memory.Config{Start: time.Now().Add(-time.Hour)})
			before := time.Now()
			granted(t, s, claim("before"), authz.ClaimNew)
			granted(t, s, shifted("during", before.Add(step)), authz.ClaimNew)
			refused(t, s, shifted("before", before), authz.ReasonReplayed)
			time.Sleep(keep / 2)
			refused(t, s, shifted("before", before), authz.ReasonReplayed)
			refused(t, s, shifted("during", before.Add(step)), authz.ReasonReplayed)
			refused(t, s, signed(before.Add(step), "during"), authz.ReasonReplayed) // the clock is right again
			time.Sleep(keep / 2)
			for _, again := range []*authz.Claim{
				signed(before, "before"), shifted("before", before),
				signed(before.Add(step), "during"), shifted("during", before.Add(step)),
			} {
				refused(t, s, again, authz.ReasonReplayStoreUnavailable)
			}
			// Whoever signs with the right clock passes: at most what a clock that
			// was ahead claimed is in the way, for as long as it was ahead.
			granted(t, s, signed(before.Add(max(0, step)+1), "after"), authz.ClaimNew)
			if n := s.Len(); n != 1 {
				t.Errorf("%d messages are remembered, want 1", n)
			}
		})
	}
}

// What was signed before the store began may have passed elsewhere.
func TestBarrier(t *testing.T) {
	start := time.Now()
	s := memory.New(memory.Config{Start: start})
	refused(t, s, signed(start.Add(-1), "a"), authz.ReasonReplayStoreUnavailable)
	granted(t, s, signed(start, "a"), authz.ClaimNew)
	refused(t, s, signed(start, "a"), authz.ReasonReplayed)
	granted(t, s, untimed("b"), authz.ClaimNew) // nobody can tell
	granted(t, memory.New(memory.Config{}), signed(start.Add(-time.Hour), "a"), authz.ClaimNew)
}

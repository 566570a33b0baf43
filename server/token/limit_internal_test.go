package token

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"
	"time"
)

func name(i int) key { return key{client: fmt.Sprint(i)} }

// Memory is bounded, and who is at the limit stays there while strangers pass.
func TestLimiterForgets(t *testing.T) {
	l := newLimiter(10, time.Minute)
	l.limit = 100
	now := time.Now()
	culprit := key{client: "culprit"}
	for range l.burst {
		l.take(culprit, now)
	}
	for i := range 10_000 {
		l.take(name(i), now)
		if len(l.ends) > l.limit {
			t.Fatalf("%d keys are kept", len(l.ends))
		}
	}
	if l.wait(culprit, now) == 0 {
		t.Error("the one at the limit was forgotten")
	}
}

// Who has its whole burst again makes room before anybody else.
func TestLimiterForgetsTheIdleFirst(t *testing.T) {
	l := newLimiter(10, time.Minute)
	l.limit = 8 // all are looked at
	now := time.Now()
	for i := range l.limit {
		l.take(name(i), now)
		now = now.Add(time.Second)
	}
	busy := name(l.limit - 1)
	l.take(busy, now)
	now = now.Add(time.Minute)
	for i := range l.limit - 1 {
		l.take(name(100+i), now)
	}
	if l.left(l.ends[maphash.Comparable(l.seed, busy)], now.Sub(l.start)+9*time.Minute) != 0 || l.wait(busy, now) != 0 {
		t.Error("the busy one waits")
	}
	for range 9 {
		l.take(busy, now)
	}
	if l.wait(busy, now) == 0 {
		t.Error("what the busy one did was forgotten")
	}
}

// A limiter never permits more than burst and one each interval, and permits that.
func TestLimiterCounts(t *testing.T) {
	const burst, every = 5, time.Second
	for range 50 {
		l := newLimiter(burst, every)
		now := l.start
		k, allowed := name(1), 0
		for range 200 {
			now = now.Add(rand.N(3 * every))
			most := burst + int(now.Sub(l.start)/every)
			wait := l.wait(k, now)
			taken := l.take(k, now)
			if wait != taken {
				t.Fatalf("wait() = %v, take() = %v", wait, taken)
			}
			if taken == 0 {
				allowed++
			} else if l.wait(k, now.Add(taken)) != 0 {
				t.Fatalf("after the %v it named, it is not permitted", taken)
			}
			if allowed > most {
				t.Fatalf("%d in %v", allowed, now.Sub(l.start))
			}
		}
	}
}

package token

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// The limits of one process. A sender asks once per token's lifetime and replica
// of its own, so these are far from what honest ones do.
const (
	// Requests of one address: a whole network may stand behind it.
	addressBurst = 100
	addressEvery = 100 * time.Millisecond
	// Failed authentications as one client from one address. What others fail at
	// elsewhere doesn't count against a client: the name is no secret.
	failureBurst = 10
	failureEvery = 6 * time.Second
	// Tokens issued to, and revocations asked by, one client.
	clientBurst = 60
	clientEvery = time.Second

	maxBuckets = 1 << 16
)

// A limiter counts by key how often something happened lately: up to burst at
// once, and one more each interval. It may be used by many goroutines.
//
// It remembers maxBuckets keys. Beyond that, a key that has its whole burst left
// goes first, then the one of a few that has most left: whoever is at the limit is
// not forgotten as long as somebody else is not.
type limiter struct {
	burst int
	every time.Duration
	limit int
	seed  maphash.Seed
	start time.Time

	mu sync.Mutex
	// ends is when, since start, the key has its whole burst again.
	ends map[uint64]time.Duration
}

func newLimiter(burst int, every time.Duration) *limiter {
	return &limiter{
		burst: burst, every: every, limit: maxBuckets, seed: maphash.MakeSeed(),
		start: time.Now(), ends: map[uint64]time.Duration{},
	}
}

// A key is whom a limiter counts.
type key struct {
	network netip.Prefix
	client  string
}

// wait returns how long it takes until k may do it again, 0 if it may now.
func (l *limiter) wait(k key, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := now.Sub(l.start)
	return l.left(l.ends[maphash.Comparable(l.seed, k)], at)
}

// take is [limiter.wait], and counts if it returns 0.
func (l *limiter) take(k key, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum, at := maphash.Comparable(l.seed, k), now.Sub(l.start)
	end, known := l.ends[sum]
	if wait := l.left(end, at); wait > 0 {
		return wait
	}
	if !known && len(l.ends) >= l.limit {
		l.forget(at)
	}
	l.ends[sum] = max(end, at) + l.every
	return 0
}

func (l *limiter) left(end, at time.Duration) time.Duration {
	return max(0, end-at-time.Duration(l.burst-1)*l.every)
}

// forget makes room for one key.
func (l *limiter) forget(at time.Duration) {
	const looks = 16
	seen, fullest, first := 0, uint64(0), true
	for sum, end := range l.ends { // in random order
		if first || end < l.ends[fullest] {
			fullest, first = sum, false
		}
		if seen++; seen == looks || end <= at {
			break
		}
	}
	delete(l.ends, fullest)
}

// network returns what one sender can choose its address from: a whole /64 of
// IPv6.
func network(addr netip.Addr) netip.Prefix {
	const bits = 64
	if addr.Is6() {
		prefix, err := addr.WithZone("").Prefix(bits)
		if err == nil {
			return prefix
		}
	}
	return netip.PrefixFrom(addr, addr.BitLen())
}

package basic

import (
	"context"
	"hash/maphash"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// A guard keeps bcrypt from taking the machine. A hash keeps a core busy for a
// time in which thousands of other requests are decided, and whoever can reach us
// can ask for one.
//
// All checks of one policy file share a guard, so its bounds do not grow with the
// number of policies.
type guard struct {
	matches func(stored.Hash, []byte) bool
	dummies [stored.MaxCost + 1]stored.Hash

	// strangers is for credentials that we never saw hold, known for those that
	// did: nobody else can take its place.
	strangers, known lane
	// waiting counts the requests that wait for a hash.
	waiting atomic.Int32

	tables    sync.Once
	seed      maphash.Seed
	addresses buckets // by policy and source address
	users     buckets // by policy, user and source address
}

const (
	// maxWaiting is how many requests may wait for a hash at a time, so that they
	// don't fill the server.
	maxWaiting = 256

	// An address may fail addressBurst times at once and then once in addressPause;
	// with one user's name userBurst times and then once in userPause.
	addressBurst = 20
	addressPause = time.Second
	userBurst    = 5
	userPause    = 10 * time.Second

	// tableSize is the number of buckets of a kind. Who can't choose the seed
	// can't choose whose bucket to share.
	tableSize = 1 << 13
)

func newGuard(matches func(stored.Hash, []byte) bool) *guard {
	g := &guard{
		matches: matches, strangers: make(lane, max(1, runtime.GOMAXPROCS(0)/2)), known: make(lane, 1),
	}
	for cost := stored.MinWeakCost; cost <= stored.MaxCost; cost++ {
		g.dummies[cost] = stored.Dummy(cost)
	}
	return g
}

// overloaded is the answer where there was no hash in time.
func overloaded() error {
	return authz.Deny(authz.ReasonOverloaded, "too many passwords wait to be hashed")
}

// queue reports whether one more request may wait. The caller calls leave if so.
func (g *guard) queue() bool {
	if g.waiting.Add(1) > maxWaiting {
		g.waiting.Add(-1)
		return false
	}
	return true
}

func (g *guard) leave() { g.waiting.Add(-1) }

// enter waits for a place in l until ctx is done. It reports whether there is
// one; the caller gives it back.
func (g *guard) enter(ctx context.Context, l lane) bool {
	select {
	case l <- struct{}{}:
		return true
	default:
	}
	if !g.queue() {
		return false
	}
	defer g.leave()
	select {
	case l <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// A lane holds a value for each hash that is being made.
type lane chan struct{}

func (l lane) exit() { <-l }

// waste takes as long as hashes of work rounds in all. Work is a multiple of
// that of the least cost.
func (g *guard) waste(work int, password []byte) {
	for cost := stored.MaxCost; cost >= stored.MinWeakCost; cost-- {
		for ; work >= g.dummies[cost].Work(); work -= g.dummies[cost].Work() {
			g.matches(g.dummies[cost], password)
		}
	}
}

// An admission is what an attempt took from the buckets.
type admission struct{ address, user *atomic.Int64 }

// admit takes an attempt's tokens. It reports false if the source fails too often.
func (g *guard) admit(policy string, from source, user []byte, now time.Time) (admission, bool) {
	g.tables.Do(func() {
		g.seed = maphash.MakeSeed()
		g.addresses = make(buckets, tableSize)
		g.users = make(buckets, tableSize)
	})
	k := key{policy: policy, from: from}
	a := admission{address: &g.addresses[maphash.Comparable(g.seed, k)%tableSize]}
	k.user = string(user)
	a.user = &g.users[maphash.Comparable(g.seed, k)%tableSize]
	byAddress := take(a.address, now, addressBurst, addressPause)
	byUser := take(a.user, now, userBurst, userPause)
	switch {
	case byAddress && byUser:
		return a, true
	case byAddress:
		a.address.Add(-int64(addressPause))
	case byUser:
		a.user.Add(-int64(userPause))
	}
	return admission{}, false
}

// refund gives back the tokens of an attempt that did not fail.
func (a admission) refund() {
	if a.address != nil {
		a.address.Add(-int64(addressPause))
		a.user.Add(-int64(userPause))
	}
}

// A key is whose attempts share a bucket.
type key struct {
	policy string
	from   source
	user   string // empty: all users
}

// A source is what is counted as one: an IPv4 address, or the /64 that one
// customer has of IPv6. Connections without an address are one source.
type source [16]byte

func sourceOf(peer netip.Addr) source {
	peer = peer.Unmap()
	if !peer.IsValid() {
		return source{}
	}
	bytes := peer.As16()
	if peer.Is6() {
		clear(bytes[8:])
	}
	return bytes
}

// buckets are token buckets. Each is the time, in nanoseconds since 1970, at which
// it is full again.
type buckets []atomic.Int64

// take takes a token from a bucket of burst tokens, of which one comes back each
// pause. Where the clock was set back, no bucket is more than empty.
func take(bucket *atomic.Int64, now time.Time, burst int, pause time.Duration) bool {
	at, most := now.UnixNano(), int64(burst)*int64(pause)
	for {
		old := bucket.Load()
		full := min(max(old, at), at+most)
		taken := full+int64(pause) <= at+most
		if taken {
			full += int64(pause)
		}
		if bucket.CompareAndSwap(old, full) {
			return taken
		}
	}
}

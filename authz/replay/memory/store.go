// Package memory remembers in this process what was claimed.
//
// What is remembered is bounded, and nothing is forgotten silently. A policy has a
// floor: a message that was signed at or before it may have been forgotten, or may
// have come before this process ran, and nobody is granted it. The floor rises with
// all that is forgotten, whether its time is up or there is no room, so no step of a
// clock brings back what was forgotten.
package memory

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// DefaultEntries is how many messages a [Store] remembers if its [Config] says
// nothing: about 110 MB once it is full.
const DefaultEntries = 1 << 20

// MaxMessages is how many messages one claim may have.
const MaxMessages = 16

// policyShare is the part of all messages that one policy may have: a quarter.
const policyShare = 4

// A Config says how much a [Store] remembers, and since when.
type Config struct {
	// MaxEntries bounds the messages of all policies together, 0 for
	// [DefaultEntries]. One policy gets a quarter of them, at least one.
	MaxEntries int
	// Start is since when everything that passes is claimed here. What was
	// signed before is [authz.ReasonReplayStoreUnavailable], since another
	// process may have let it pass. Zero for no such bound.
	Start time.Time
}

// A Store is an [authz.ReplayStore] of one process. How long something is kept is
// measured by the machine's monotonic clock from the claim on, and [authz.Claim.Now]
// is not read: steps of the wall clock change nothing. It starts no goroutine.
type Store struct {
	limit, quota int64
	start        time.Time
	seed         maphash.Seed
	began        time.Time // its monotonic reading is the store's zero

	held atomic.Int64  // messages of all policies
	turn atomic.Uint64 // whose policy is looked through next

	mu     sync.Mutex
	shards atomic.Pointer[shards] // written with mu held, replaced by each new policy
}

// shards are the policies that ever claimed; there are as many as names.
type shards struct {
	named map[string]*shard
	all   []*shard
}

var _ authz.ReplayStore = (*Store)(nil)

// New returns an empty store.
func New(c Config) *Store {
	if c.MaxEntries = min(c.MaxEntries, 1<<30); c.MaxEntries <= 0 {
		c.MaxEntries = DefaultEntries
	}
	s := &Store{
		limit: int64(c.MaxEntries), quota: max(1, int64(c.MaxEntries)/policyShare),
		start: c.Start, seed: maphash.MakeSeed(), began: time.Now(),
	}
	s.shards.Store(&shards{named: map[string]*shard{}})
	return s
}

// Len returns how many messages are remembered.
func (s *Store) Len() int { return int(s.held.Load()) }

// Claim implements [authz.ReplayStore]. It waits for nothing but other claims of
// the same policy.
func (s *Store) Claim(ctx context.Context, c *authz.Claim) (authz.ClaimResult, error) {
	if n := len(c.Messages); n == 0 || n > MaxMessages || c.Keep <= 0 {
		return authz.ClaimNone, authz.Deny(authz.ReasonBug, fmt.Sprintf("a claim of %d messages for %v", n, c.Keep))
	}
	if ctx.Err() != nil {
		return authz.ClaimNone, authz.Deny(authz.ReasonReplayStoreUnavailable, "the deadline passed before the claim")
	}
	var w wish
	s.read(c, &w)
	s.help(w.now)
	return s.shard(c.Policy).claim(s, &w)
}

// A wish is a claim as a shard reads it.
type wish struct {
	stream  uint64
	signed  int64 // nanoseconds since 1970, if timed
	timed   bool
	now     int64 // nanoseconds since the store began, like all below
	expires int64
	repeat  int64

	room [MaxMessages]key
	n    int
}

// keys are what is claimed, no two alike.
func (w *wish) keys() []key { return w.room[:w.n] }

func (s *Store) read(c *authz.Claim, w *wish) {
	w.now = int64(time.Since(s.began))
	w.expires, w.repeat = w.now+int64(c.Keep), w.now+int64(c.Repeat)
	if w.timed = !c.Signed.IsZero(); w.timed {
		w.signed = c.Signed.UnixNano()
	}
	if c.Stream != "" {
		w.stream = max(1, maphash.String(s.seed, c.Stream)) // 0 is none
	}
	for i := range c.Messages {
		if k := key(c.Messages[i][:keyBytes]); !slices.Contains(w.keys(), k) {
			w.room[w.n] = k
			w.n++
		}
	}
}

// take makes room for n messages among those of all policies, if there is any.
func (s *Store) take(n int) bool {
	if s.held.Add(int64(n)) <= s.limit {
		return true
	}
	s.held.Add(int64(-n))
	return false
}

// help forgets a little of what is over in some policy, whose turn it is: a policy
// that claims nothing any more would keep its part for ever.
func (s *Store) help(now int64) {
	all := s.shards.Load().all
	if len(all) < 2 {
		return
	}
	all[s.turn.Add(1)%uint64(len(all))].tryExpire(s, now)
}

// sweep is help for all policies but the one whose lock the caller holds.
func (s *Store) sweep(now int64) {
	for _, other := range s.shards.Load().all {
		other.tryExpire(s, now)
	}
}

func (s *Store) shard(policy string) *shard {
	if found, ok := s.shards.Load().named[policy]; ok {
		return found
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.shards.Load()
	if found, ok := old.named[policy]; ok {
		return found
	}
	added := newShard(s.start)
	next := &shards{named: make(map[string]*shard, len(old.named)+1), all: append(slices.Clip(old.all), added)}
	maps.Copy(next.named, old.named)
	next.named[policy] = added
	s.shards.Store(next)
	return added
}

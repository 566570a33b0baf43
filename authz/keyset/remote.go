package keyset

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

var _ authz.KeySet = (*remote)(nil)

// maxWaiting is how many requests may wait for one fetch.
const maxWaiting = 256

// The pauses after failures in a row while keys are held, and how long an issuer
// may ask to be left alone.
const (
	maxPause      = 5 * time.Minute
	maxRetryAfter = 5 * time.Minute
)

// A remote is a key set on the web.
type remote struct {
	cache       *Cache
	declaration Declaration
	opened      time.Time
	settled     chan struct{} // closed at the first key set
	view        atomic.Pointer[view]

	// Made once, so that to deny costs nothing.
	unfetched, expired, empty, untold error

	users int // guarded by Cache.mu

	mu       sync.Mutex
	keys     []authz.PublicKey
	refused  int
	fetched  time.Time     // when the last good fetch began; zero if no key set is held
	began    time.Time     // when the last fetch did
	next     time.Time     // of the next fetch
	asked    bool          // a request wants one now
	flying   bool          // one is under way
	landing  chan struct{} // closed when the one that is asked for or under way has ended; nil if none
	waiting  int
	fails    int // in a row
	err      *Error
	state    secret.State
	missing  missing
	metadata metadata
}

// A view is all that a request may need to know of a remote. It is immutable.
type view struct {
	keys    *authz.Keys // nil: err
	err     error
	fetched time.Time
	expired error // instead of keys, once they are too old
	limit   time.Duration
}

func newRemote(c *Cache, d Declaration) *remote {
	deny := func(why string) error {
		return authz.Deny(authz.ReasonKeySetUnavailable, fmt.Sprintf("key set %q %s", d.Name, why))
	}
	r := &remote{
		cache: c, declaration: d, opened: time.Now(), settled: make(chan struct{}), missing: newMissing(),
		unfetched: deny("was not fetched yet"),
		expired:   deny("could not be fetched for too long"),
		empty:     deny("has no key that could verify a signature"),
		untold:    deny("could not be asked for a key that it did not have"),
	}
	r.view.Store(&view{err: r.unfetched})
	return r
}

// Keys implements [authz.KeySet]. It takes no lock and does not allocate.
func (r *remote) Keys(now time.Time) (*authz.Keys, error) {
	v := r.view.Load()
	if v.keys == nil {
		return nil, v.err
	}
	if secret.Age(v.fetched, now) >= v.limit {
		return nil, v.expired
	}
	return v.keys, nil
}

// Refresh implements [authz.KeySet].
func (r *remote) Refresh(ctx context.Context, id string, now time.Time) (*authz.Keys, error) {
	keys, err := r.Keys(now)
	if err != nil || id == "" || holds(keys, id) {
		return keys, err
	}
	landing, err := r.want(id, time.Now())
	if err != nil || landing == nil {
		return keys, err
	}
	defer r.leave()
	select {
	case <-landing:
	case <-ctx.Done():
		return nil, r.untold
	}
	keys, err = r.Keys(now)
	if err != nil || holds(keys, id) {
		return keys, err
	}
	if err := r.remember(id, time.Now()); err != nil {
		return nil, err
	}
	return keys, nil
}

func holds(keys *authz.Keys, id string) bool {
	for i := range keys.Accepted {
		if keys.Accepted[i].ID == id {
			return true
		}
	}
	return false
}

// want returns what is closed once a fetch that may bring the key has ended; nil
// if none is to be had, because the set was asked lately. The error says that
// nobody can tell whether there is such a key.
func (r *remote) want(id string, now time.Time) (landing chan struct{}, err error) {
	serves := r.cache.serves(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err == nil && r.missing.has(id, now):
		return nil, nil
	case r.landing == nil && secret.Age(r.began, now) < Interval:
		if r.err != nil {
			return nil, r.untold
		}
		return nil, nil
	case !serves, r.waiting >= maxWaiting:
		return nil, r.untold
	}
	if r.landing == nil {
		r.landing = make(chan struct{})
		r.asked = true
		r.cache.signal()
	}
	r.waiting++
	return r.landing, nil
}

func (r *remote) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
}

// remember notes that the key was asked for and is not there. It returns an error
// if that is not known.
func (r *remote) remember(id string, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.untold
	}
	r.missing.add(id, now)
	return nil
}

// begin reports whether a fetch is due, and if so that it begins; otherwise how
// long none is due.
func (r *remote) begin(now time.Time) (due bool, left time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.flying:
		return false, time.Hour // its end calls again
	case !r.asked && now.Before(r.next):
		return false, r.next.Sub(now)
	}
	r.began, r.flying, r.asked = now, true, false
	if r.landing == nil {
		r.landing = make(chan struct{})
	}
	return true, 0
}

// pause returns how long to wait after a fetch. r.mu is held.
func (r *remote) pause(got result, now time.Time) time.Duration {
	if got.err == nil {
		every := refresh
		if got.maxAge > 0 {
			every = min(every, got.maxAge)
		}
		if len(got.keys) == 0 {
			every = minRefresh
		}
		every = max(every, minRefresh)
		return every - rand.N(every/10) //nolint:gosec // jitter need not be secret
	}
	wait := secret.Backoff(r.fails) // nothing to lose: ask soon
	if !r.fetched.IsZero() {
		wait = min(Interval<<min(r.fails-1, 4), maxPause)
		wait = min(wait, max((r.cache.cfg.MaxStale-secret.Age(r.fetched, now))/4, Interval)) // several attempts before it expires
		wait += rand.N(wait / 4)                                                             //nolint:gosec // jitter need not be secret
	}
	return max(wait, min(got.retryAfter, maxRetryAfter))
}

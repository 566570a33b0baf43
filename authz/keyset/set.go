package keyset

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// A Set is the key sets that one policy file has fetched.
type Set struct {
	cache   *Cache
	remotes map[string]*remote
	close   sync.Once
}

// Open returns the set of declarations and has what is new in it fetched. The
// names must differ. The caller closes the set when nothing uses it any more.
func (c *Cache) Open(declarations []Declaration) *Set {
	s := &Set{cache: c, remotes: make(map[string]*remote, len(declarations))}
	for _, d := range declarations {
		if _, ok := s.remotes[d.Name]; !ok {
			s.remotes[d.Name] = c.acquire(d)
		}
	}
	return s
}

// Keys returns the key set declared under name. One that is not declared is
// unavailable for ever.
func (s *Set) Keys(name string) authz.KeySet {
	if r, ok := s.remotes[name]; ok {
		return r
	}
	return undeclared{authz.Deny(authz.ReasonKeySetUnavailable, "the key set is not declared")}
}

type undeclared struct{ err error }

func (u undeclared) Keys(time.Time) (*authz.Keys, error) { return nil, u.err }

func (u undeclared) Refresh(context.Context, string, time.Time) (*authz.Keys, error) {
	return nil, u.err
}

// Settled waits until each key set was fetched, or is [SettleTime] old. If ctx
// ends before, the error says how many are open and wraps the cause of ctx.
func (s *Set) Settled(ctx context.Context) error {
	for _, r := range s.remotes {
		if err := r.settle(ctx); err != nil {
			open := s.unsettled()
			if len(open) == 0 {
				return nil
			}
			return fmt.Errorf("fetch key sets: %d of %d not settled, such as %q: %w", len(open), len(s.remotes), open[0], err)
		}
	}
	return nil
}

func (r *remote) settle(ctx context.Context) error {
	left := SettleTime - secret.Age(r.opened, time.Now())
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-r.settled:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

func (s *Set) unsettled() []string {
	var names []string
	for _, status := range s.Status() {
		if !status.Settled {
			names = append(names, status.Name)
		}
	}
	return names
}

// A Status is what is known of a key set. All of it may be logged.
type Status struct {
	Name string
	// State is loading, fresh, stale, expired or unusable.
	State secret.State
	// Settled says that it was fetched once, or is [SettleTime] old.
	Settled bool
	// Age is the time since the last good fetch, 0 if no key set is held.
	Age time.Duration
	// Keys and Refused are those of [Event].
	Keys, Refused int
	// Err is why the last fetch failed, nil if it did not.
	Err error
}

// Status returns the state of each key set at present, sorted by name.
func (s *Set) Status() []Status {
	now := time.Now()
	all := make([]Status, 0, len(s.remotes))
	for _, name := range slices.Sorted(maps.Keys(s.remotes)) {
		all = append(all, s.remotes[name].status(now))
	}
	return all
}

// Close gives the key sets back. Those that no other set holds are not fetched
// any more; what they answer grows stale.
func (s *Set) Close() {
	s.close.Do(func() {
		for _, r := range s.remotes {
			s.cache.release(r)
		}
	})
}

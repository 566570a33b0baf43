package cache

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

// A Set is the secrets that one policy file names.
type Set struct {
	cache *Cache
	refs  map[string]*reference
	close sync.Once
}

// Open returns the set of decls and has what is new in it read. The names must
// differ. The caller closes the set when nothing uses it any more.
func (c *Cache) Open(decls []secret.Declaration) *Set {
	s := &Set{cache: c, refs: make(map[string]*reference, len(decls))}
	for _, d := range decls {
		if _, ok := s.refs[d.Name]; !ok {
			s.refs[d.Name] = c.acquire(d)
		}
	}
	return s
}

// Secrets returns the secret declared under name. One that is not declared is
// missing for ever.
func (s *Set) Secrets(name string) authz.Secrets {
	if r, ok := s.refs[name]; ok {
		return r
	}
	return undeclared{authz.Deny(authz.ReasonSecretMissing, "the secret is not declared")}
}

type undeclared struct{ err error }

func (u undeclared) Versions(time.Time) (*authz.Versions, error) { return nil, u.err }

// Settled waits until each secret has a value, or the word of its source that
// there is none. If ctx ends before, the error says how many are open and wraps
// the cause of ctx.
func (s *Set) Settled(ctx context.Context) error {
	for _, r := range s.refs {
		select {
		case <-r.settled:
		default:
			select {
			case <-r.settled:
			case <-ctx.Done():
				open := s.unsettled()
				if len(open) == 0 {
					return nil
				}
				return fmt.Errorf("read secrets: %d of %d not settled, such as %q: %w",
					len(open), len(s.refs), open[0], context.Cause(ctx))
			}
		}
	}
	return nil
}

func (s *Set) unsettled() []string {
	var names []string
	for name, r := range s.refs {
		select {
		case <-r.settled:
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// A Status is what is known of a secret. All of it may be logged.
type Status struct {
	Name  string
	Kind  secret.Kind
	State secret.State
	// Settled says that there was a value, or an authoritative answer.
	Settled bool
	// Age is the time since the last good read, 0 if no value is held.
	Age time.Duration
	// Version that is newest, 0 where none is known.
	Version int
	// Previous says that the version before is accepted too.
	Previous bool
	// Err is why the last read failed, nil if it did not.
	Err error
}

// Status returns the state of each secret at present, sorted by name.
func (s *Set) Status() []Status {
	now := time.Now()
	all := make([]Status, 0, len(s.refs))
	for _, name := range slices.Sorted(maps.Keys(s.refs)) {
		all = append(all, s.refs[name].status(now))
	}
	return all
}

// Close gives the secrets back. Those that no other set holds are not read any
// more; what they answer grows stale.
func (s *Set) Close() {
	s.close.Do(func() {
		for _, r := range s.refs {
			s.cache.release(r)
		}
	})
}

package introspect

import (
	"math/rand/v2"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hookauthz/hookauthz/authz"
)

// How much is kept for one check: bytes of answers, and tokens that are not
// active. They are kept apart, so that a flood of bad tokens costs only bad ones
// their place.
const (
	maxAnswerBytes = 4 << 20
	maxInactive    = 10_000
	overhead       = 256 // of an entry, roughly
)

// A verdict is what a server said of a token.
type verdict struct {
	answer []byte // nil: the token is not active
	asked  time.Time
	keep   time.Duration
}

// result is that of [authz.Introspector].
func (v *verdict) result() ([]byte, error) {
	if v.answer == nil {
		return nil, authz.Deny(authz.ReasonTokenInvalid, "the authorization server says that the token is not active")
	}
	return v.answer, nil
}

// memory keeps verdicts. It may be used by many goroutines and starts none: old
// verdicts go when newer ones need their place, or are left for the garbage
// collector with the whole.
type memory struct {
	active, inactive *otter.Cache[name, *verdict]
}

func newMemory() *memory {
	inline := func(do func()) { do() }
	return &memory{
		active: otter.Must(&otter.Options[name, *verdict]{
			MaximumWeight: maxAnswerBytes, Executor: inline,
			Weigher: func(_ name, v *verdict) uint32 { return uint32(len(v.answer) + overhead) }, //nolint:gosec // G115: answers are bounded
		}),
		inactive: otter.Must(&otter.Options[name, *verdict]{MaximumSize: maxInactive, Executor: inline}),
	}
}

// get returns what is known of a token at now.
func (m *memory) get(key name, now time.Time) (*verdict, bool) {
	for _, cache := range [...]*otter.Cache[name, *verdict]{m.active, m.inactive} {
		known, ok := cache.GetIfPresent(key)
		if !ok {
			continue
		}
		// A request that came just before the answer may use it, too. One from
		// long before shows that the clock was set back.
		if age := now.Sub(known.asked); age < known.keep && age > -known.keep {
			return known, true
		}
	}
	return nil, false
}

// put keeps v in place of what was known. What is not to be kept is dropped.
func (m *memory) put(key name, v *verdict) {
	m.active.Invalidate(key)
	m.inactive.Invalidate(key)
	switch {
	case v.keep <= 0:
	case v.answer == nil:
		m.inactive.Set(key, v)
	default:
		m.active.Set(key, v)
	}
}

// spread returns d or a little less, so that what was learnt at once is not asked
// again at once.
func spread(d time.Duration) time.Duration {
	return d - rand.N(d/10+1) //nolint:gosec // G404: no secret
}

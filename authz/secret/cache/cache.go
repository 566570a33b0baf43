// Package cache keeps secrets in memory and answers for them.
//
// A [Cache] reads locations in the background, again and again, each once for
// all references to it. A [Set] is what one policy file names; its secrets
// answer from memory, without a lock, and never wait for a source.
//
// Two rules decide what is answered. A failure that says nothing about a secret
// (no connection, an error on the source's side, an answer that can't be read)
// never changes what the source said last, until Config.MaxStale. The source's
// own word that a secret is gone or forbidden takes effect as soon as a second
// read confirms it.
//
// What is dropped is left to the garbage collector and not overwritten with
// zeros: a request that is using it would verify a MAC under a key that
// everybody knows.
package cache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// Defaults of [Config].
const (
	// DefaultRefresh bounds, with its jitter, how long a revoked secret keeps
	// working.
	DefaultRefresh = 30 * time.Second
	// DefaultMaxStale is how long Vault may be down without harm.
	DefaultMaxStale       = time.Hour
	DefaultForbiddenGrace = 10 * time.Second
	DefaultNegativeTTL    = 10 * time.Second
	DefaultRefreshRate    = 20
	DefaultPreloadRate    = 200
	DefaultInFlight       = 16
)

// confirmAfter is how far apart two reads must be to confirm each other: more
// than a replica of Vault or OpenBao lags behind.
const confirmAfter = time.Second

// fetchTimeout ends a read whatever its source does. Sources have shorter
// timeouts of their own for each request.
const fetchTimeout = 15 * time.Second

// A Config says how a [Cache] works. A duration or number that is not positive
// means the default.
type Config struct {
	// Sources by kind of location. A [secret.Local] source is read at its own
	// interval and without limits.
	Sources map[secret.Kind]secret.Source
	// Refresh is how often a secret is read again, each time 20 % more or
	// less.
	Refresh time.Duration
	// MaxStale is how long a value is good without a successful read, by the
	// monotonic and by the wall clock.
	MaxStale time.Duration
	// ForbiddenGrace is how long a value is good after the source first said
	// that it must not be read. Negative means none, not even a second read.
	ForbiddenGrace time.Duration
	// NegativeTTL is how soon a secret that is gone, denied or unusable is
	// asked for again, doubling up to Refresh.
	NegativeTTL time.Duration
	// RefreshRate and PreloadRate are reads in a second of one source, the
	// latter for what was never read.
	RefreshRate int
	PreloadRate int
	// InFlight is how many reads of one source run at once.
	InFlight int
	// Observer is told what happens; nil for nobody.
	Observer secret.Observer
}

func (c Config) filled() Config {
	c.Refresh = positive(c.Refresh, DefaultRefresh)
	c.MaxStale = positive(c.MaxStale, DefaultMaxStale)
	c.NegativeTTL = positive(c.NegativeTTL, DefaultNegativeTTL)
	c.RefreshRate = positive(c.RefreshRate, DefaultRefreshRate)
	c.PreloadRate = positive(c.PreloadRate, DefaultPreloadRate)
	c.InFlight = positive(c.InFlight, DefaultInFlight)
	if c.ForbiddenGrace == 0 {
		c.ForbiddenGrace = DefaultForbiddenGrace
	}
	if c.Observer == nil {
		c.Observer = secret.Ignore{}
	}
	return c
}

func positive[T ~int | ~int64](value, fallback T) T {
	if value > 0 {
		return value
	}
	return fallback
}

// A Cache holds secrets. Its methods may be called by many goroutines.
type Cache struct {
	feeds map[secret.Kind]*feed

	mu      sync.Mutex
	running bool
	refs    map[key]*reference
}

// key tells references apart. One that is declared alike in the next policy
// file keeps its state.
type key struct {
	name        string
	loc         secret.Location
	field       string
	previousFor time.Duration
}

// New returns a Cache that reads nothing until it runs.
func New(cfg Config) *Cache {
	cfg = cfg.filled()
	c := &Cache{feeds: map[secret.Kind]*feed{}, refs: map[key]*reference{}}
	for kind, source := range cfg.Sources {
		if source != nil {
			c.feeds[kind] = newFeed(cfg, source)
		}
	}
	return c
}

// Run reads what the sets need until ctx ends, and returns when everything that
// it started has stopped. What was read is answered for afterwards too, as long
// as it is good. Run may be called once; the only error is that it was called
// again.
func (c *Cache) Run(ctx context.Context) error {
	c.mu.Lock()
	if c.running {
		c.mu.Unlock()
		return errors.New("run secret cache: it was run before")
	}
	c.running = true
	c.mu.Unlock()

	var wg sync.WaitGroup
	for _, f := range c.feeds {
		wg.Go(func() { f.run(ctx) })
	}
	wg.Wait()
	return nil
}

// acquire returns the reference that d declares and counts its user.
func (c *Cache) acquire(d secret.Declaration) *reference {
	k := key{name: d.Name, loc: d.Location(), field: d.Field(), previousFor: d.PreviousFor()}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.refs[k]
	if !ok {
		r = newReference(k)
		c.refs[k] = r
		if f := c.feeds[k.loc.Kind]; f != nil {
			f.attach(r)
		} else {
			r.fix(secret.StateGone, r.denials[authz.ReasonSecretMissing])
		}
	}
	r.users++
	return r
}

// release retires r if nobody uses it any more.
func (c *Cache) release(r *reference) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.users--
	if r.users > 0 {
		return
	}
	delete(c.refs, r.key)
	if f := c.feeds[r.key.loc.Kind]; f != nil {
		f.detach(r)
	}
}

// RefreshBound returns within what time a change of any of decls is seen, if
// the source answers: 1.2 times refresh, or as long as it takes to read all of
// them at rate reads a second. Values that are not positive mean the defaults.
// To it comes a second where the change must be confirmed.
func RefreshBound(decls []secret.Declaration, refresh time.Duration, rate int) time.Duration {
	locations := map[secret.Location]struct{}{}
	for _, d := range decls {
		if d.Vault != nil || d.VaultPKI != nil {
			locations[d.Location()] = struct{}{}
		}
	}
	rate = positive(rate, DefaultRefreshRate)
	reads := time.Duration(len(locations)) * time.Second / time.Duration(rate)
	return max(positive(refresh, DefaultRefresh)*6/5, reads)
}

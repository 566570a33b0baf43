// Package keyset keeps the public keys and the trust anchors that a policy file
// declares.
//
// A [Cache] fetches what issuers publish, in the background. [StoredKeys],
// [StoredAnchors] and a [Signer] derive theirs from secrets. All of them answer
// from memory: a request waits for an issuer only where its token names a key
// that nobody knows, and then for one fetch that all such requests share. How
// often that happens is not for senders to say.
package keyset

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz/outbound"
)

// The default of [Config], and the limits that nobody sets.
const (
	DefaultMaxStale = time.Hour

	// Interval is the least time between two fetches of one key set that
	// requests cause.
	Interval = 30 * time.Second
	// SettleTime is how long a key set keeps the process from being ready. An
	// issuer that is down must not keep us from serving everybody else.
	SettleTime = 30 * time.Second

	// refresh is how often a key set is fetched again, up to 10 % sooner. An
	// issuer may ask for it to be sooner, by Cache-Control, but not sooner than
	// minRefresh.
	refresh     = 10 * time.Minute
	minRefresh  = time.Minute
	maxInFlight = 16
)

// A Client makes the requests; an [outbound.Client] is one.
type Client interface {
	Do(ctx context.Context, r outbound.Request) (*outbound.Response, error)
}

// A Config says how a [Cache] works.
type Config struct {
	// Client is required.
	Client Client
	// MaxStale is how long a key set is good without a successful fetch, by the
	// monotonic and by the wall clock. What is not positive means
	// [DefaultMaxStale].
	MaxStale time.Duration
	// Dev permits key sets at plain http.
	Dev bool
	// Observer is told what happens; nil for nobody.
	Observer Observer
}

// A Declaration is a key set on the web as a policy file declares it. Either
// Issuer or URL is set.
type Declaration struct {
	Name string
	// Issuer publishes where its keys are (OpenID Connect Discovery 1.0, RFC
	// 8414).
	Issuer string
	// URL is where a JWK Set is.
	URL string
	// Private permits addresses of private networks.
	Private bool
}

// A Cache holds key sets. Its methods may be called by many goroutines.
type Cache struct {
	cfg     Config
	changed chan struct{} // holds one token: look at the key sets again

	mu       sync.Mutex
	started  bool
	running  bool
	inFlight int
	// A key set that is declared alike in the next policy file keeps its state.
	// One of another name does not share it, wherever its keys come from.
	remotes map[Declaration]*remote
}

// New returns a Cache that fetches nothing until it runs.
func New(cfg Config) *Cache {
	if cfg.MaxStale <= 0 {
		cfg.MaxStale = DefaultMaxStale
	}
	if cfg.Observer == nil {
		cfg.Observer = ignore{}
	}
	return &Cache{cfg: cfg, changed: make(chan struct{}, 1), remotes: map[Declaration]*remote{}}
}

// Run fetches what the sets need until ctx ends, and returns when everything that
// it started has stopped. What was fetched is answered for afterwards too, as
// long as it is good. Run may be called once; the only error is that it was
// called again.
func (c *Cache) Run(ctx context.Context) error {
	c.mu.Lock()
	if c.started {
		c.mu.Unlock()
		return errors.New("run key set cache: it was run before")
	}
	c.started, c.running = true, true
	c.mu.Unlock()

	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() {
		c.mu.Lock()
		c.running = false
		c.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
		case <-timer.C:
		}
		timer.Reset(c.step(ctx, &wg))
	}
}

// step begins the fetches that are due and returns how long no other will be.
func (c *Cache) step(ctx context.Context, wg *sync.WaitGroup) time.Duration {
	now := time.Now()
	wait := time.Hour
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.remotes {
		if c.inFlight >= maxInFlight {
			return wait // the end of a fetch calls again
		}
		due, left := r.begin(now)
		if !due {
			wait = min(wait, left)
			continue
		}
		c.inFlight++
		wg.Go(func() { c.fetch(ctx, r) })
	}
	return wait
}

// fetch fetches r once and learns from it.
func (c *Cache) fetch(ctx context.Context, r *remote) {
	defer c.signal()
	defer func() {
		c.mu.Lock()
		c.inFlight--
		c.mu.Unlock()
	}()
	defer func() {
		if recover() != nil { // a bug of ours in what follows the question
			r.abandon()
		}
	}()
	started := time.Now()
	events := r.learn(started, c.ask(ctx, r))
	if ctx.Err() == nil { // otherwise we are shutting down
		c.tell(events)
	}
}

// ask is [remote.fetch] without its panics.
func (c *Cache) ask(ctx context.Context, r *remote) (got result) {
	defer func() {
		if recover() != nil { // what it panicked with may hold what a server sent
			got = result{err: &Error{Cause: CauseBug}}
		}
	}()
	return r.fetch(ctx)
}

// tell tells the observer, whose panics end neither the process nor the fetch.
func (c *Cache) tell(events []Event) {
	defer func() { _ = recover() }()
	for _, e := range events {
		c.cfg.Observer.Observe(e)
	}
}

func (c *Cache) signal() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// acquire returns the key set that d declares and counts its user.
func (c *Cache) acquire(d Declaration) *remote {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.remotes[d]
	if !ok {
		r = newRemote(c, d)
		c.remotes[d] = r
		c.signal()
	}
	r.users++
	return r
}

// release retires r if nobody uses it any more.
func (c *Cache) release(r *remote) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.users--
	if r.users == 0 {
		delete(c.remotes, r.declaration)
	}
}

// serves reports whether somebody fetches r.
func (c *Cache) serves(r *remote) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running && r.users > 0
}

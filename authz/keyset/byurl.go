package keyset

import (
	"context"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// placeTime is how long an entry that nobody asks for is remembered.
const placeTime = 2 * keepCertificate

// A URLConfig says how a [ByURL] works.
type URLConfig struct {
	// Client is required.
	Client Client
	// Dev permits URLs of plain http, and a port at a permitted host.
	Dev bool
	// Observer is told what each fetch brought; nil for nobody.
	Observer Observer
}

// A URLEntry says within what bounds requests to one policy may name a URL.
type URLEntry struct {
	// Policy and Name, the entry's under keys, tell what is remembered apart.
	Policy, Name string
	// Hosts are in lower case and without a port.
	Hosts []string
	// PathPrefix begins and ends with a slash.
	PathPrefix string
}

// ByURL finds the certificates at URLs that requests name. It outlives policy
// files: what it fetched for an entry of a policy is there for the next file.
// Many goroutines may use it.
//
// Whoever sends requests chooses the URLs, so that little follows from one. No
// connection is made but to a permitted host, and for each entry of each policy
// at most one in [Interval], whatever arrives; what was fetched once stays, so
// that no flood pushes it out.
type ByURL struct {
	cfg    URLConfig
	ctx    context.Context // of the fetches, which end with no request
	cancel context.CancelFunc

	mu     sync.Mutex // taken before that of a place
	places map[placeName]*place

	end     sync.Mutex // taken after that of a place
	closed  bool
	flights sync.WaitGroup
}

type placeName struct{ policy, name string }

// NewByURL returns a ByURL that holds nothing yet. The caller closes it.
func NewByURL(cfg URLConfig) *ByURL {
	if cfg.Observer == nil {
		cfg.Observer = ignore{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &ByURL{cfg: cfg, ctx: ctx, cancel: cancel, places: map[placeName]*place{}}
}

// Find returns the key of the certificate at url, which is untrusted, as it
// counts at now. What is at hand is returned at once. Else, if fetch is true, it
// is fetched if that may be now, and waited for no longer than ctx lives; the end
// of ctx does not end the fetch, which others may wait for.
//
// The error is a denial: [authz.ReasonKidUnknown] if url is out of bounds, if the
// server has nothing there or if the certificate there does not count at now;
// [authz.ReasonKeySetUnavailable] if nobody can tell.
func (b *ByURL) Find(ctx context.Context, entry URLEntry, url string, now time.Time, fetch bool) (*authz.Keys, error) {
	if !entry.permits(url, b.cfg.Dev) {
		return nil, authz.Deny(authz.ReasonKidUnknown, "the request names a URL of a certificate that is out of bounds")
	}
	p := b.place(entry)
	keys, landing, err := p.look(url, now, fetch)
	if landing == nil {
		return keys, err
	}
	defer p.leave()
	select {
	case <-landing:
	case <-ctx.Done():
		return nil, p.denials.untold
	}
	keys, _, err = p.look(url, now, false)
	return keys, err
}

// Close ends the fetches that are under way, and returns when they have ended.
// Afterwards nothing is fetched any more.
func (b *ByURL) Close() {
	b.end.Lock()
	b.closed = true
	b.end.Unlock()
	b.cancel()
	b.flights.Wait()
}

// place returns what is remembered of an entry.
func (b *ByURL) place(entry URLEntry) *place {
	name := placeName{entry.Policy, entry.Name}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.places[name]
	if !ok {
		now := time.Now()
		for old, other := range b.places { // entries of policy files that are gone
			if other.idle(now) >= placeTime {
				delete(b.places, old)
			}
		}
		p = newPlace(b, entry.Name)
		b.places[name] = p
	}
	return p
}

// begin fetches url for p in the background, false if nothing is fetched any
// more.
func (b *ByURL) begin(p *place, url string) bool {
	b.end.Lock()
	defer b.end.Unlock()
	if b.closed {
		return false
	}
	b.flights.Go(func() { b.fetch(p, url) })
	return true
}

// fetch fetches url once and lets p learn of it, whatever happens.
func (b *ByURL) fetch(p *place, url string) {
	started := time.Now()
	got := landed{err: &Error{Step: StepCertificate, Cause: CauseBug}}
	defer func() {
		_ = recover() // what a bug of ours panicked with may hold what a server sent
		p.land(url, started, got)
		if b.ctx.Err() == nil { // otherwise we are shutting down
			b.tell(p, started, got)
		}
	}()
	got = b.ask(url)
}

// tell tells the observer, whose panics end nothing.
func (b *ByURL) tell(p *place, started time.Time, got landed) {
	defer func() { _ = recover() }()
	event := Event{Type: EventFailed, Name: p.name, Duration: time.Since(started), Err: got.err}
	if got.err == nil {
		event.Type, event.Keys = EventFetched, 1
	}
	b.cfg.Observer.Observe(event)
}

// idle returns for how long nobody asked.
func (p *place) idle(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return secret.Age(p.used, now)
}

package basic

import (
	"context"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// flights let requests that present the same user and password from one source at
// the same time share one attempt: senders that begin to deliver do so many times
// at once. Another source has to be admitted by itself.
type flights struct {
	mu   sync.Mutex
	open map[passage]*flight
}

// A passage is what the requests of a flight have in common.
type passage struct {
	tag  stored.Tag
	from source
}

// A flight is an attempt under way. What is below done is set once done is closed.
type flight struct {
	done     chan struct{}
	identity authz.Identity
	err      error
	// settled says that the attempt ended in a verdict, good for all.
	settled bool
}

// join returns the attempt for p, and whether the caller is the one to make it
// and then to land it.
func (f *flights) join(p passage) (*flight, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.open[p]; ok {
		return under, false
	}
	own := &flight{done: make(chan struct{})}
	if f.open == nil {
		f.open = map[passage]*flight{}
	}
	f.open[p] = own
	return own, true
}

func (f *flights) land(p passage, own *flight) {
	f.mu.Lock()
	delete(f.open, p)
	f.mu.Unlock()
	close(own.done)
}

// share makes the attempt for p, or waits for the one that is under way.
func (f *flights) share(
	ctx context.Context, g *guard, p passage, attempt func() (identity authz.Identity, settled bool, err error),
) (authz.Identity, error) {
	for {
		under, first := f.join(p)
		if first {
			defer f.land(p, under)
			under.identity, under.settled, under.err = attempt()
			return under.identity, under.err
		}
		if !g.queue() {
			return authz.Identity{}, overloaded()
		}
		select {
		case <-under.done:
			g.leave()
		case <-ctx.Done():
			g.leave()
			return authz.Identity{}, overloaded()
		}
		if under.settled {
			return under.identity, under.err
		}
		// Whoever made it gave up, or was not admitted: that says nothing of us.
	}
}

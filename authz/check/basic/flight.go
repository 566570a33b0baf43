package basic

import (
	"context"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// flights let requests that present the same user and password at the same time
// share one attempt: senders that begin to deliver do so many times at once.
type flights struct {
	mu   sync.Mutex
	open map[stored.Tag]*flight
}

// A flight is an attempt under way. What is below done is set once done is closed.
type flight struct {
	done     chan struct{}
	identity authz.Identity
	err      error
	// settled says that the attempt ended in a verdict, good for all.
	settled bool
}

// join returns the attempt for tag, and whether the caller is the one to make it
// and then to land it.
func (f *flights) join(tag stored.Tag) (*flight, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.open[tag]; ok {
		return under, false
	}
	own := &flight{done: make(chan struct{})}
	if f.open == nil {
		f.open = map[stored.Tag]*flight{}
	}
	f.open[tag] = own
	return own, true
}

func (f *flights) land(tag stored.Tag, own *flight) {
	f.mu.Lock()
	delete(f.open, tag)
	f.mu.Unlock()
	close(own.done)
}

// share makes the attempt for tag, or waits for the one that is under way.
func (f *flights) share(
	ctx context.Context, g *guard, tag stored.Tag, attempt func() (identity authz.Identity, settled bool, err error),
) (authz.Identity, error) {
	for {
		under, first := f.join(tag)
		if first {
			defer f.land(tag, under)
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

package keyset

import (
	"crypto"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// learn changes r by what a fetch brought, and lets those go on who waited for
// it. It returns what to tell.
func (r *remote) learn(started time.Time, got result) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	event := Event{Type: EventFailed, Name: r.declaration.Name, Duration: now.Sub(started), Err: got.err}
	r.err = got.err
	if got.err == nil {
		event.Type, event.Keys, event.Refused = EventFetched, len(got.keys), got.refused
		event.Changed = !same(r.keys, got.keys)
		r.take(started, got, event.Changed)
	} else {
		r.fails++
	}
	r.publish()
	r.next = now.Add(r.pause(got, now))
	r.flying = false
	if r.landing != nil {
		close(r.landing)
		r.landing = nil
	}
	events := []Event{event}
	if state := r.stateAt(now); state != r.state {
		events = append(events, Event{Type: EventStateChanged, Name: r.declaration.Name, From: r.state, To: state, Err: got.err})
		r.state = state
	}
	return events
}

// abandon ends a fetch that a bug of ours cut short. Nobody can tell what it would
// have brought.
func (r *remote) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = &Error{Cause: CauseBug}
	r.flying, r.next = false, time.Now().Add(Interval)
	if r.landing != nil {
		close(r.landing)
		r.landing = nil
	}
}

// take makes what was fetched what is held. An issuer that publishes no key at
// all has withdrawn those it had.
func (r *remote) take(started time.Time, got result, changed bool) {
	if r.fetched.IsZero() {
		close(r.settled)
	}
	r.fetched, r.fails, r.refused, r.metadata = started, 0, got.refused, got.metadata
	if changed {
		r.keys = got.keys
	}
}

// publish makes what is known what requests are answered from. Where that is the
// same as before, they get the same pointer.
func (r *remote) publish() {
	switch {
	case r.fetched.IsZero():
		return
	case len(r.keys) == 0:
		r.view.Store(&view{err: r.empty})
		return
	}
	next := &view{fetched: r.fetched, expired: r.expired, limit: r.cache.cfg.MaxStale}
	was, stale := r.view.Load().keys, r.err != nil
	if was != nil && was.Stale == stale && &was.Accepted[0] == &r.keys[0] {
		next.keys = was
	} else {
		next.keys = &authz.Keys{Accepted: r.keys, Stale: stale}
	}
	r.view.Store(next)
}

// stateAt returns the state at now. r.mu is held.
func (r *remote) stateAt(now time.Time) secret.State {
	switch {
	case r.fetched.IsZero():
		return secret.StateLoading
	case secret.Age(r.fetched, now) >= r.cache.cfg.MaxStale:
		return secret.StateExpired
	case len(r.keys) == 0:
		return secret.StateUnusable
	case r.err != nil:
		return secret.StateStale
	}
	return secret.StateFresh
}

// same reports whether a and b hold the same keys, in any order.
func same(a, b []authz.PublicKey) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !slices.ContainsFunc(b, func(key authz.PublicKey) bool { return equal(a[i], key) }) {
			return false
		}
	}
	return true
}

// equal reports whether a and b are the same key by the same name.
func equal(a, b authz.PublicKey) bool {
	key, ok := a.Key.(interface {
		Equal(other crypto.PublicKey) bool
	})
	return ok && a.ID == b.ID && a.Algorithm == b.Algorithm && key.Equal(b.Key)
}

// status returns what is known at now.
func (r *remote) status(now time.Time) Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{Name: r.declaration.Name, State: r.stateAt(now), Keys: len(r.keys), Refused: r.refused, Settled: true}
	if r.fetched.IsZero() {
		s.Settled = secret.Age(r.opened, now) >= SettleTime
	} else {
		s.Age = secret.Age(r.fetched, now)
	}
	switch {
	case r.err != nil:
		s.Err = r.err
	case s.State == secret.StateUnusable:
		s.Err = &Error{Step: StepKeys, Cause: CauseNoKeys}
	}
	return s
}

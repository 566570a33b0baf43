package introspect

import (
	"context"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// maxFlights is how many questions one Introspector has under way. At 20 ms each
// that is 3200 new tokens a second.
const maxFlights = 64

// An asker asks one server for one check. It is an [authz.Introspector].
type asker struct {
	owner    *Introspection
	question question
	names    *names
	known    *memory

	mu      sync.Mutex
	flights map[name]*flight
	breaker breaker
}

var _ authz.Introspector = (*asker)(nil)

func newAsker(owner *Introspection, server authz.IntrospectionServer) *asker {
	return &asker{
		owner:    owner,
		question: newQuestion(owner.client, server),
		names:    newNames(owner.key, server),
		known:    newMemory(),
		flights:  map[name]*flight{},
	}
}

// A flight is a question that is under way and those who wait for its answer.
type flight struct {
	done    chan struct{} // closed once verdict and err are set
	verdict *verdict
	err     error
}

// Introspect implements [authz.Introspector].
func (a *asker) Introspect(ctx context.Context, token string, now time.Time) ([]byte, error) {
	key := a.names.of(token)
	if known, ok := a.known.get(key, now); ok {
		return known.result()
	}
	waiting, err := a.join(ctx, key, token, now)
	if err != nil {
		return nil, err
	}
	select {
	case <-waiting.done:
	case <-ctx.Done():
		return nil, unavailable("no answer before the request's deadline")
	}
	if waiting.err != nil {
		return nil, waiting.err
	}
	return waiting.verdict.result()
}

// join returns the flight for token and starts one if there is none. The question
// is asked for all who wait, so it doesn't end with the request that came first.
func (a *asker) join(ctx context.Context, key name, token string, now time.Time) (*flight, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if waiting, ok := a.flights[key]; ok {
		return waiting, nil
	}
	if known, ok := a.known.get(key, now); ok { // it landed just now
		landed := &flight{done: make(chan struct{}), verdict: known}
		close(landed.done)
		return landed, nil
	}
	if len(a.flights) >= maxFlights {
		return nil, unavailable("too many tokens are being asked about")
	}
	if err := a.breaker.refuse(a.owner.config.Now()); err != nil {
		return nil, err
	}
	started := &flight{done: make(chan struct{})}
	ctx = context.WithoutCancel(ctx)
	if !a.owner.start(func() { a.fly(ctx, started, key, token, now) }) {
		return nil, unavailable("the server is shutting down")
	}
	a.flights[key] = started
	return started, nil
}

// fly asks, and lands whatever happens.
func (a *asker) fly(ctx context.Context, f *flight, key name, token string, now time.Time) {
	f.err = authz.Deny(authz.ReasonBug, authz.PanicDetail+" while a token was asked about")
	defer func() {
		_ = recover() // f.err tells of it
		a.mu.Lock()
		delete(a.flights, key)
		a.breaker.heard(f.err, a.owner.config.Now())
		a.mu.Unlock()
		close(f.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, a.owner.config.Timeout)
	defer cancel()
	answer, err := a.question.ask(ctx, token, now, a.owner.config.Timeout)
	if err != nil {
		f.err = err
		return
	}
	f.verdict = answer.keptFor(now)
	a.known.put(key, f.verdict)
	f.err = nil
}

func unavailable(detail string) error {
	return authz.Deny(authz.ReasonIntrospectionUnavailable, detail)
}

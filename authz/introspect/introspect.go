// Package introspect asks authorization servers what tokens are worth
// (RFC 7662).
//
// A server is asked once for all requests that wait for the same token, and its
// verdict is kept for a short time; trouble with it never is. Neither a server
// that hangs nor senders with ever new tokens can make more than a bounded number
// of questions wait.
package introspect

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// DefaultTimeout is that of a [Config] that sets none.
const DefaultTimeout = 2 * time.Second

// How long a verdict is kept at most. That a token is active is forgotten when the
// token ends, if the server says when.
const (
	keepActive   = time.Minute // bounds how long a token lives on that was revoked
	keepInactive = 10 * time.Second
)

// A Client makes requests, as [outbound.Client] does.
type Client interface {
	Do(ctx context.Context, r outbound.Request) (*outbound.Response, error)
}

// Config says how servers are asked. Its zero value is made of the defaults.
type Config struct {
	// Timeout is for one question, with all attempts.
	Timeout time.Duration
	// Now is the clock that says when to spare a server; nil is [time.Now].
	Now func() time.Time
}

// An Introspection asks servers. It may be used by many goroutines.
type Introspection struct {
	client Client
	config Config
	key    []byte // for the names under which verdicts are kept

	mu      sync.Mutex
	closed  bool
	flights sync.WaitGroup
}

// New returns an Introspection that asks through client.
func New(client Client, config Config) *Introspection {
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, by its documentation
	return &Introspection{client: client, config: config, key: key}
}

// Close waits until no question is under way, for at most [Config.Timeout].
// Tokens whose verdict is not known are denied from then on.
func (i *Introspection) Close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.flights.Wait()
}

// start runs do on a goroutine that Close waits for, false if it is too late.
func (i *Introspection) start(do func()) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.flights.Go(do)
	return true
}

// Server returns who asks server. What it learns is its own: two Introspectors
// share no verdict, even of the same server.
func (i *Introspection) Server(server authz.IntrospectionServer) authz.Introspector {
	return newAsker(i, server)
}

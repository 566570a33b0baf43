// Package vault reads secrets from the key-value engines of HashiCorp Vault and
// OpenBao, and issuers from their PKI engine, and keeps a token alive for that.
//
// A [Client] must run while it is read from: [Client.Run] logs in, renews the
// token and logs in again. Replies are decoded and classified here: only a reply
// that is Vault's own can say that a secret does not exist, and only status 200
// with all members in their place brings a value.
package vault

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/hookauthz/hookauthz/authz/secret"
)

var _ secret.Source = (*Client)(nil)

// A Client reads from one Vault. Its methods may be called by many goroutines.
type Client struct {
	cfg       Config
	transport http.RoundTripper
	suspected chan struct{} // holds one token: look at suspect

	current atomic.Pointer[session]

	mu      sync.Mutex
	phase   phase
	failure *secret.Error // of the last login
	moved   chan struct{} // closed and replaced when current or phase changes
	suspect uint64        // the newest session whose token is dead

	lookup lookup
}

// A session is a token and the client that sends it. It is immutable.
type session struct {
	number uint64
	client *api.Client
	token  token
	// blind says that the token may not look itself up, as far as was asked.
	// It counts as alive for a while after began, since else every refusal
	// would want a login, and none would ever be confirmed.
	blind bool
	began time.Time
}

// vouched reports whether the token of s counts as alive though it may not say
// so itself.
func (s *session) vouched(now time.Time) bool {
	left, ends := s.token.left(now)
	return s.blind && now.Sub(s.began) < healthy && (!ends || left > 0)
}

// A phase is what the login loop is doing.
type phase uint8

const (
	phaseLogin phase = iota // a session may come soon
	phaseReady              // the current session is the newest to be had
	phaseRest               // the last login failed, the next will take a while
)

// New returns a Client. The error holds all mistakes of cfg.
func New(cfg Config) (*Client, error) {
	cfg = cfg.filled()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure Vault: %w", err)
	}
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure Vault: %w", err)
	}
	return newClient(cfg, transport)
}

func newClient(cfg Config, transport http.RoundTripper) (*Client, error) {
	c := &Client{
		cfg: cfg, transport: limiter{transport},
		suspected: make(chan struct{}, 1), moved: make(chan struct{}),
	}
	if _, err := newAPI(cfg, c.transport, ""); err != nil {
		return nil, fmt.Errorf("configure Vault: %w", err)
	}
	return c, nil
}

// Read implements [secret.Source]. Where the token turns out to be dead it waits
// for the next login and reads once more.
func (c *Client) Read(ctx context.Context, loc secret.Location, version int) (secret.Reading, error) {
	paths := loc.VaultPaths()
	if len(paths) == 0 || !plainPath(paths[0]) {
		return secret.Reading{}, &secret.Error{
			Class: secret.ClassUnusable, Cause: secret.CauseLocation, Operation: secret.OperationRead,
		}
	}
	s, failure := c.session(ctx, 0)
	if failure != nil {
		return secret.Reading{}, failure
	}
	reading, failure := c.read(ctx, s, loc, version)
	if failure == nil {
		return reading, nil
	}
	if failure.Class != secret.ClassDenied {
		return secret.Reading{}, failure
	}

	alive, unknown := c.alive(ctx, s)
	switch {
	case unknown != nil:
		return secret.Reading{}, unknown
	case alive:
		return secret.Reading{}, failure
	}
	c.distrust(s.number)
	s, failure = c.session(ctx, s.number)
	if failure != nil {
		return secret.Reading{}, failure
	}
	// With a fresh token a second refusal is final, also for a token that may
	// not look itself up.
	reading, failure = c.read(ctx, s, loc, version)
	if failure != nil {
		return secret.Reading{}, failure
	}
	return reading, nil
}

func (c *Client) read(
	ctx context.Context, s *session, loc secret.Location, version int,
) (secret.Reading, *secret.Error) {
	if loc.Kind == secret.KindVaultPKI {
		return c.readIssuer(ctx, s, loc)
	}
	var query map[string][]string
	if version > 0 {
		query = map[string][]string{"version": {strconv.Itoa(version)}}
	}
	r, failure := c.get(ctx, s, loc.VaultPaths()[0], query)
	if failure != nil {
		return secret.Reading{}, failure
	}
	return judge(r, loc, version, time.Now())
}

func (c *Client) get(
	ctx context.Context, s *session, path string, query map[string][]string,
) (reply, *secret.Error) {
	return c.call(ctx, secret.OperationRead, func(ctx context.Context) (*api.Response, error) {
		return s.client.Logical().ReadRawWithDataWithContext(ctx, path, query)
	})
}

// A lookup asks once for all reads that meet a 403 at about the same time.
type lookup struct {
	mu     sync.Mutex
	number uint64
	at     time.Time
	alive  bool
}

// lookupGood is how long an answer about a token serves other reads.
const lookupGood = time.Second

// alive reports whether the token of s is alive, or why that can't be told.
func (c *Client) alive(ctx context.Context, s *session) (bool, *secret.Error) {
	if s.vouched(time.Now()) {
		return true, nil
	}
	c.lookup.mu.Lock()
	defer c.lookup.mu.Unlock()
	l := &c.lookup
	if l.number == s.number && (!l.alive || time.Since(l.at) < lookupGood) && !l.at.IsZero() {
		return l.alive, nil
	}
	started := time.Now()
	r, failure := c.lookupSelf(ctx, s.client)
	if failure == nil {
		_, failure = r.verdict(secret.OperationLookup)
	}
	switch {
	case failure == nil:
		l.number, l.at, l.alive = s.number, started, true
	case failure.Class == secret.ClassDenied:
		l.number, l.at, l.alive = s.number, started, false
	default:
		failure.Class = secret.ClassTransient // whatever it says, it is not about the secret
		return false, failure
	}
	return l.alive, nil
}

func (c *Client) lookupSelf(ctx context.Context, client *api.Client) (reply, *secret.Error) {
	return c.call(ctx, secret.OperationLookup, func(ctx context.Context) (*api.Response, error) {
		return client.Logical().ReadRawWithContext(ctx, "auth/token/lookup-self")
	})
}

// session returns a session newer than the one with that number, whose token is
// not known to be dead. It waits while a login is under way, but not while the
// next one is far.
func (c *Client) session(ctx context.Context, after uint64) (*session, *secret.Error) {
	for {
		c.mu.Lock()
		s, moved, phase, failure := c.current.Load(), c.moved, c.phase, c.failure
		dead := c.suspect
		c.mu.Unlock()
		if s != nil && s.number > max(after, dead) {
			return s, nil
		}
		if phase == phaseRest {
			return nil, credential(secret.OperationRead, failure)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, credential(secret.OperationRead, nil)
		}
	}
}

// credential returns the failure of a read for want of a token.
func credential(operation string, login *secret.Error) *secret.Error {
	e := &secret.Error{Class: secret.ClassCredential, Cause: secret.CauseToken, Operation: operation}
	if login != nil {
		e.Cause, e.Status = login.Cause, login.Status
	}
	return e
}

// distrust tells the login loop that the token of that session is dead.
func (c *Client) distrust(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.current.Load(); s == nil || s.number != number || c.suspect >= number {
		return
	}
	c.suspect = number
	if c.phase == phaseReady {
		c.phase = phaseLogin // so that reads wait for it
	}
	select {
	case c.suspected <- struct{}{}:
	default:
	}
}

// move changes what reads see of the login loop. A nil session keeps the
// current one.
func (c *Client) move(p phase, s *session, failure *secret.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != nil {
		c.current.Store(s)
	}
	if p == phaseReady && c.distrusted() {
		p = phaseLogin
	}
	c.phase, c.failure = p, failure
	close(c.moved)
	c.moved = make(chan struct{})
}

// distrusted reports whether the current token is known to be dead. c.mu is
// held.
func (c *Client) distrusted() bool {
	s := c.current.Load()
	return s != nil && c.suspect >= s.number
}

// TokenTTL returns how long the token lives if nothing renews it, false if
// there is none or it does not end.
func (c *Client) TokenTTL() (time.Duration, bool) {
	s := c.current.Load()
	if s == nil {
		return 0, false
	}
	return s.token.left(time.Now())
}

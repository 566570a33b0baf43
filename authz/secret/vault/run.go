package vault

import (
	"context"
	"crypto/subtle"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/hookauthz/hookauthz/authz/secret"
)

const (
	// floor is the least time between two logins.
	floor = time.Second
	// healthy is how long a session must last for the pauses to start anew.
	healthy = 5 * time.Minute
	// revokeTimeout is how long the end may take for the sake of the token.
	revokeTimeout = time.Second
	// maxRetryAfter is how long Vault may keep us from logging in.
	maxRetryAfter = time.Minute
	// tokenFileInterval is how often a token file is looked at.
	tokenFileInterval = 5 * time.Second
)

// Run logs in and keeps the token alive until ctx ends. Then it revokes a token
// that it had logged in for, and returns nil. There is never more than one login
// under way, and at most one a second.
//
// The library's LifetimeWatcher does less: it may call without a pause while
// renewals fail, and does not notice a revoked token.
func (c *Client) Run(ctx context.Context) error {
	failures, number, again := 0, uint64(0), false
	for ctx.Err() == nil {
		started := time.Now()
		s, failure := c.open(ctx, number+1, again)
		if ctx.Err() != nil && failure != nil {
			break
		}
		pause := time.Duration(0)
		if failure != nil {
			failures++
			pause = max(secret.Backoff(failures), min(failure.RetryAfter, maxRetryAfter))
			c.move(phaseRest, nil, failure)
		} else {
			number = s.number
			c.move(phaseReady, s, nil)
			unexpected := c.watch(ctx, s)
			switch {
			case time.Since(started) >= healthy:
				failures = 0
			case unexpected: // a token that dies young again and again is no better than none
				failures++
			}
			if again = unexpected && failures > 1; again {
				pause = secret.Backoff(failures - 1)
				c.move(phaseRest, nil, loginFailure(secret.CauseToken))
			}
		}
		sleep(ctx, max(pause, time.Until(started.Add(floor))))
		if ctx.Err() == nil {
			c.move(phaseLogin, nil, nil)
		}
	}
	if s := c.current.Load(); s != nil && s.token.owned {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
		defer cancel()
		c.revoke(last, s)
	}
	return nil
}

// open logs in and returns the session; again says that several tokens in
// a row were taken for dead. A panic is a failed login.
func (c *Client) open(ctx context.Context, number uint64, again bool) (s *session, failure *secret.Error) {
	defer func() {
		if recover() != nil {
			c.cfg.Observer.Observe(secret.Event{Type: secret.EventPanic, Operation: secret.OperationLogin})
			s, failure = nil, loginFailure(secret.CauseBug)
		}
	}()
	t, failure := c.login(ctx)
	if failure == nil {
		client, err := newAPI(c.cfg, c.transport, string(t.secret.Reveal()))
		if err == nil {
			c.report(secret.EventLogin, t.ttl, nil)
			s = &session{number: number, client: client, token: t, began: time.Now()}
			s.blind = again && c.blind(ctx, client)
			return s, nil
		}
		failure = loginFailure(secret.CauseCredential)
	}
	c.report(secret.EventLogin, 0, failure)
	return nil, failure
}

// blind reports whether a new token may not look itself up, so that the refusal
// to do so does not show that it is dead.
func (c *Client) blind(ctx context.Context, client *api.Client) bool {
	r, failure := c.lookupSelf(ctx, client)
	if failure == nil {
		_, failure = r.verdict(secret.OperationLookup)
	}
	return failure != nil && failure.Class == secret.ClassDenied
}

func (c *Client) report(kind secret.EventType, ttl time.Duration, failure *secret.Error) {
	e := secret.Event{Type: kind, Result: result(failure), TTL: ttl}
	if failure != nil {
		e.Err, e.Class, e.Cause, e.Status = failure, failure.Class, failure.Cause, failure.Status
	}
	c.cfg.Observer.Observe(e)
}

// watch renews the token of s until another login is needed. It reports whether
// that came unexpectedly: the token is dead.
func (c *Client) watch(ctx context.Context, s *session) (dead bool) {
	defer func() {
		if recover() != nil {
			c.cfg.Observer.Observe(secret.Event{Type: secret.EventPanic, Operation: secret.OperationRenew})
			dead = true
		}
	}()
	life := newLife(s.token)
	timer := time.NewTimer(life.pause)
	defer timer.Stop()
	ticker := time.NewTicker(tokenFileInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-c.suspected:
			c.mu.Lock()
			dead = c.distrusted()
			c.mu.Unlock()
			if dead {
				return true
			}
		case <-ticker.C:
			if c.replaced(s) {
				return false
			}
		case <-timer.C:
			if !life.renews {
				return false
			}
			ttl, failure := c.renew(ctx, s)
			if ctx.Err() != nil {
				return false
			}
			c.report(secret.EventRenewal, ttl, failure)
			if failure != nil && !life.failed(s.token, failure) {
				return false
			}
			if failure == nil {
				s.token.extend(ttl)
				life.renewed(ttl)
			}
			timer.Reset(life.pause)
		}
	}
}

// replaced reports whether the token file holds another token than s.
func (c *Client) replaced(s *session) bool {
	if c.cfg.TokenFile == "" {
		return false
	}
	value, ok := credentialFile(c.cfg.TokenFile)
	return ok && subtle.ConstantTimeCompare([]byte(value), s.token.secret.Reveal()) == 0
}

// A life says when a token must be looked after.
type life struct {
	full     time.Duration // what a renewal should bring
	pause    time.Duration
	renews   bool // after pause it is renewed, else replaced
	failures int
}

// forEver stands for a token that does not end.
const forEver = 100 * 365 * 24 * time.Hour

func newLife(t token) *life {
	l := &life{full: t.ttl, renews: t.renewable, pause: forEver}
	if t.ttl > 0 {
		l.pause = due(t.ttl)
	}
	return l
}

// due returns two thirds of ttl, a little more or less.
func due(ttl time.Duration) time.Duration {
	return ttl/5*3 + rand.N(ttl/15*2+1) //nolint:gosec // jitter need not be secret
}

// renewed notes a renewal. One that brought less than the first time shows that
// the token nears its last end.
func (l *life) renewed(ttl time.Duration) {
	l.failures = 0
	l.pause = due(ttl)
	l.renews = ttl >= l.full/10*9
}

// failed notes a failed renewal and reports whether to try another.
func (l *life) failed(t token, failure *secret.Error) bool {
	left, _ := t.left(time.Now())
	if failure.Class == secret.ClassCredential || left < l.full/6 {
		return false
	}
	l.failures++
	pause := max(secret.Backoff(l.failures), min(failure.RetryAfter, maxRetryAfter), floor)
	l.pause = min(pause, max(left-l.full/6, floor))
	return true
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

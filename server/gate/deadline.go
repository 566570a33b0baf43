package gate

import (
	"context"
	"sync"
	"time"
)

const (
	// reportTime is kept back from the caller's deadline, so that the answer
	// arrives before the caller gives up: that would be an error to it, not a
	// denial.
	reportTime = 10 * time.Millisecond
	// leastTime is the least time worth starting with.
	leastTime = 15 * time.Millisecond
)

// DeadlineOf returns when a decision that starts at now must be there: after
// budget, or somewhat before ctx's own deadline if that is sooner. It returns
// false if too little is left to start.
func DeadlineOf(ctx context.Context, now time.Time, budget time.Duration) (time.Time, bool) {
	deadline := now.Add(budget)
	callers, ok := ctx.Deadline()
	if !ok {
		return deadline, true
	}
	if callers.Sub(now) < leastTime {
		return time.Time{}, false
	}
	if own := callers.Add(-reportTime); own.Before(deadline) {
		deadline = own
	}
	return deadline, true
}

// A LazyDeadline is context.WithDeadline without its cost where nobody waits:
// checks read memory and look at Err, so the timer is made by the first call of
// Done. Whoever makes one calls Stop.
type LazyDeadline struct {
	context.Context //nolint:containedctx // it is a context itself
	deadline        time.Time

	once   sync.Once
	timed  context.Context //nolint:containedctx // as above
	cancel context.CancelFunc
}

// NewLazyDeadline returns a context that is done at deadline, or with ctx.
func NewLazyDeadline(ctx context.Context, deadline time.Time) *LazyDeadline {
	return &LazyDeadline{Context: ctx, deadline: deadline}
}

// Deadline implements [context.Context].
func (c *LazyDeadline) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements [context.Context].
func (c *LazyDeadline) Done() <-chan struct{} {
	c.once.Do(func() { c.timed, c.cancel = context.WithDeadline(c.Context, c.deadline) })
	return c.timed.Done()
}

// Err implements [context.Context].
func (c *LazyDeadline) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(c.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// Stop frees the timer.
func (c *LazyDeadline) Stop() {
	c.once.Do(func() {})
	if c.cancel != nil {
		c.cancel()
	}
}

package gate

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/tap"
)

// A ByteLimit bounds the bytes of what is being worked on. Many goroutines may
// use it.
type ByteLimit struct {
	limit int64
	used  atomic.Int64
}

// NewByteLimit returns a limit of that many bytes.
func NewByteLimit(limit int64) *ByteLimit { return &ByteLimit{limit: limit} }

// Used returns the bytes that are taken.
func (l *ByteLimit) Used() int64 { return l.used.Load() }

// Take reserves n bytes, or returns false. What was taken is given back.
func (l *ByteLimit) Take(n int64) bool {
	if l.used.Add(n) > l.limit {
		l.used.Add(-n)
		return false
	}
	return true
}

// Give gives n bytes back that were taken.
func (l *ByteLimit) Give(n int64) { l.used.Add(-n) }

const (
	// maxQueueDelay is how long a call may wait for its turn while others wait
	// as long.
	maxQueueDelay = 20 * time.Millisecond
	// overloadAfter is how long every call must have waited that long. A stall
	// of the machine delays the calls that are there once, and they are still
	// answered.
	overloadAfter = 100 * time.Millisecond
)

// A QueueLimit refuses calls while the server is overloaded: every call has
// waited longer than maxQueueDelay for overloadAfter. Answering the rest
// late would have the gateway give up on all of them; refusing some at once
// keeps the others in time. This is the idea of CoDel (RFC 8289).
//
// The zero value is ready for use, by many goroutines.
//
// A call's wait is the time between the arrival of its headers and the start of
// its handler. The server has nothing else to wait for.
type QueueLimit struct {
	lateSince atomic.Int64 // when the present row of late calls began, 0: none
	lateLast  atomic.Int64 // when the last late call started
}

// Admit reports whether a call that arrived at arrived and starts at now may
// proceed.
func (l *QueueLimit) Admit(arrived, now time.Time) bool {
	since := l.lateSince.Load()
	if now.Sub(arrived) <= maxQueueDelay {
		if since != 0 {
			l.lateSince.Store(0)
		}
		return true
	}
	at := now.UnixNano()
	last := l.lateLast.Swap(at)
	if since == 0 || at-last > int64(overloadAfter) {
		l.lateSince.Store(at)
		return true
	}
	return at-since < int64(overloadAfter)
}

// An arrival is a call's context that knows when its headers came.
type arrival struct {
	context.Context //nolint:containedctx // it is a context itself
	at              time.Time
}

type arrivalKey struct{}

// Value implements [context.Context].
func (a *arrival) Value(key any) any {
	if key == (arrivalKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// stamp is run by the server as soon as it has read a call's headers.
func stamp(ctx context.Context, _ *tap.Info) (context.Context, error) {
	return WithArrival(ctx, time.Now()), nil
}

// WithArrival returns a context of a call whose headers came at at.
func WithArrival(ctx context.Context, at time.Time) context.Context {
	return &arrival{Context: ctx, at: at}
}

// ArrivedAt returns when the call's headers came, or now if nobody noted it.
func ArrivedAt(ctx context.Context, now time.Time) time.Time {
	if a, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		return a.at
	}
	return now
}

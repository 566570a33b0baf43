package introspect

import (
	"errors"
	"time"
)

// After maxFailures in a row a server is left alone for pause; then one question
// at a time tries it.
const (
	maxFailures = 5
	pause       = 5 * time.Second
)

// A breaker spares a server that is down, and those who would wait for it. It is
// guarded by its owner's mutex.
type breaker struct {
	failures int
	until    time.Time
	last     error
}

// refuse returns why the server is not asked now: what the last question led to.
// If it returns nil the server must be asked, and heard be told.
func (b *breaker) refuse(now time.Time) error {
	if b.failures < maxFailures {
		return nil
	}
	if now.Before(b.until) {
		return b.last
	}
	b.until = now.Add(pause)
	return nil
}

// heard is told how a question ended. What may depend on the token, and so on the
// sender, says nothing of the server.
func (b *breaker) heard(err error, now time.Time) {
	if _, down := errors.AsType[downError](err); !down {
		b.failures, b.last = 0, nil
		return
	}
	b.failures++
	b.last = err
	b.until = now.Add(pause)
}

// A downError is a failure that the next token would meet as well.
type downError struct{ error }

func (d downError) Unwrap() error { return d.error }

package extproc

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// An inbox waits for the gateway's messages, and no longer than a body may take.
type inbox struct {
	c        *call
	arrivals chan arrival
	done     chan struct{}
	timer    *time.Timer
	patient  bool // nothing is waited for that a deadline should end
	cut      bool // the stream ended
}

// An arrival is a message, or why there is none.
type arrival struct {
	q   *question
	err error
}

// open starts to receive.
func (b *inbox) open(c *call) {
	b.c, b.arrivals, b.done = c, make(chan arrival), make(chan struct{})
	b.timer = time.NewTimer(c.s.config.BodyTime)
	c.s.receivers.Go(b.receive)
}

// close ends the receiver, as soon as the handler has returned.
func (b *inbox) close() {
	if b.done != nil {
		close(b.done)
		b.timer.Stop()
	}
}

// receive hands over one message after the other.
func (b *inbox) receive() {
	defer func() {
		if cause := recover(); cause != nil {
			b.c.s.config.Logger.Error("panic while receiving", slog.String("type", fmt.Sprintf("%T", cause)))
			b.hand(arrival{err: authz.Deny(authz.ReasonBug, authz.PanicDetail+" while receiving")})
		}
	}()
	for {
		q := &question{limit: b.c.s.inflight}
		err := b.c.stream.RecvMsg(q)
		if err != nil {
			q.release()
			b.hand(arrival{err: cutOff(err)})
			return
		}
		if !b.hand(arrival{q: q}) {
			q.release()
			return
		}
	}
}

func (b *inbox) hand(a arrival) bool {
	select {
	case b.arrivals <- a:
		return true
	case <-b.done:
		return false
	}
}

// next returns the next message, which must be released. The error is a denial.
func (b *inbox) next() (*question, error) {
	for {
		select {
		case a := <-b.arrivals:
			return b.look(a)
		case <-b.timer.C:
			if left := b.left(); left > 0 {
				b.timer.Reset(left)
				continue
			}
			if b.patient {
				continue
			}
			return nil, authz.Deny(authz.ReasonDeadline, "the body took too long to arrive")
		case <-b.abandoned():
			return nil, authz.Deny(authz.ReasonNotReady, "the server stops")
		}
	}
}

// look turns what arrived into a message that can be used.
func (b *inbox) look(a arrival) (*question, error) {
	switch {
	case a.err != nil:
		b.cut = true
		return nil, a.err
	case a.q.refused:
		return nil, authz.Deny(authz.ReasonOverloaded, "the bodies in flight fill the memory they may have")
	case a.q.err != nil:
		a.q.release()
		return nil, authz.Deny(authz.ReasonBug, "the gateway's message can't be decoded")
	}
	return a.q, nil
}

// left is how long the body may still take.
func (b *inbox) left() time.Duration {
	allowed := b.c.s.config.BodyTime
	if b.c.spool != nil {
		allowed += time.Duration(b.c.spool.size) * time.Second / bodyRate
	}
	return time.Until(b.c.started.Add(allowed))
}

// abandoned is closed when the server stops, for calls that are not decided.
func (b *inbox) abandoned() <-chan struct{} {
	if b.patient {
		return nil
	}
	return b.c.s.abandoned
}

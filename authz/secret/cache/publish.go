package cache

import (
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// tick does what time alone does to e.
func (f *feed) tick(e *entry, now time.Time) {
	f.wakes.remove(e) // so that a panic below is not met again and again
	e.wake = time.Time{}
	if e.held != nil {
		end, state, _ := e.end(f.maxStale)
		switch {
		case !end.reached(now):
		case e.doubt != nil && e.doubt.drop == end:
			e.deny(e.doubt.err)
		case state == secret.StateGone:
			e.deny(gone())
			e.err = e.negative
			if !e.reading {
				f.schedule(e, now) // the deletion may have been taken back
			}
		default:
			e.drop()
			e.expired = true
		}
	}
	for r := range e.refs {
		if r.previous.until.reached(now) {
			r.previous = grace{}
		}
	}
	f.publish(e, now)
}

// publish makes what is known of e what its references answer.
func (f *feed) publish(e *entry, now time.Time) {
	wake := deadline{}
	for r := range e.refs {
		v := e.render(r, f.maxStale, now)
		r.view.Store(v)
		for i := range v.phases {
			wake = wake.earlier(v.phases[i].until)
		}
		if v.settled && !r.answered {
			r.answered = true
			close(r.settled)
		}
		if state := v.phases[0].state; state != r.state {
			f.changedState(r, v, state)
		}
	}
	e.wake = wake.at
	if wake.none() {
		f.wakes.remove(e)
		return
	}
	f.wakes.put(e)
}

func (f *feed) changedState(r *reference, v *view, to secret.State) {
	event := secret.Event{
		Type: secret.EventStateChanged, Reference: r.key.name, From: r.state, To: to, Version: v.version,
	}
	r.state = to
	if v.err != nil {
		failure := classify(v.err)
		event.Err, event.Class, event.Cause, event.Status = v.err, failure.Class, failure.Cause, failure.Status
	}
	f.note(event)
}

// failed tells that a read brought no value.
func (f *feed) failed(e *entry, failure *secret.Error) {
	f.tell(e, secret.Event{
		Type: secret.EventRefreshFailed, Err: failure, Class: failure.Class, Cause: failure.Cause, Status: failure.Status,
	})
}

// tell notes event for each reference of e.
func (f *feed) tell(e *entry, event secret.Event) {
	for r := range e.refs {
		event.Reference = r.key.name
		f.note(event)
	}
}

// begin takes e out of the queues of reads until its read ends.
func (f *feed) begin(e *entry) {
	e.reading, e.next = true, time.Time{}
	f.reads.remove(e)
	f.preloads.remove(e)
}

// schedule has e read at next; zero is never.
func (f *feed) schedule(e *entry, next time.Time) {
	f.reads.remove(e)
	f.preloads.remove(e)
	e.next = next
	if next.IsZero() || len(e.refs) == 0 {
		return
	}
	if e.loading() && (!e.tried || f.healthy) {
		f.preloads.put(e)
	} else {
		f.reads.put(e)
	}
}

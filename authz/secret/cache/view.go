package cache

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// A deadline is reached as soon as either clock says so: a step of the wall
// clock can't prolong it, nor can a machine that was suspended, whose monotonic
// clock stood still. The zero deadline is never reached.
type deadline struct {
	at   time.Time // with a monotonic reading
	wall int64     // in nanoseconds
}

// after returns the deadline that is d after start, a time of this machine.
func after(start time.Time, d time.Duration) deadline {
	at := start.Add(d)
	return deadline{at: at, wall: at.UnixNano()}
}

// instant returns the deadline at t, a time of another machine's clock.
func instant(now, t time.Time) deadline { return after(now, t.Sub(now)) }

func (d deadline) none() bool { return d.at.IsZero() }

func (d deadline) reached(now time.Time) bool {
	return !d.at.IsZero() && (!now.Before(d.at) || now.UnixNano() >= d.wall)
}

// earlier returns the one of d and e that is reached first.
func (d deadline) earlier(e deadline) deadline {
	if d.none() || (!e.none() && e.at.Before(d.at)) {
		return e
	}
	return d
}

// A view is all that a request may need to know of a reference. It is
// immutable. Time passes through its phases without anybody changing it.
type view struct {
	phases  []phase // the last one has no end
	fetched time.Time
	version int
	settled bool
	err     error // of the last read
}

// A phase is what is answered until its end.
type phase struct {
	until    deadline
	versions *authz.Versions
	err      error // set if versions is nil
	state    secret.State
}

func (v *view) phase(now time.Time) *phase {
	last := len(v.phases) - 1
	for i := range last {
		if !v.phases[i].until.reached(now) {
			return &v.phases[i]
		}
	}
	return &v.phases[last]
}

// age returns how long ago the last good read began, 0 if none did.
func (v *view) age(now time.Time) time.Duration {
	if v.fetched.IsZero() {
		return 0
	}
	return secret.Age(v.fetched, now)
}

package cache

import (
	"errors"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// An entry is one location and what is known of it. It is guarded by feed.mu.
type entry struct {
	loc  secret.Location
	refs map[*reference]struct{}

	held     *held         // nil if no value is held
	negative *secret.Error // the source's word, confirmed, that there is none
	expired  bool          // a value was held for too long
	doubt    *doubt        // a word that is not confirmed yet
	alone    int           // a version that came by going back: nothing before it counts
	err      error         // of the last read

	fails     int // transient failures in a row
	openGrace int // reads in a row that could not tell the previous version
	negatives int // reads in a row that brought no usable value
	tried     bool

	reading bool
	next    time.Time // of the next read; zero for never
	wake    time.Time // when something changes without a read; zero for never
	slots   [2]int    // positions in the queues
}

// held says which version is held and since when.
type held struct {
	version int
	created time.Time
	seen    time.Time // when this version was first read
	fetched time.Time // when the last good read began
	deletes deadline
}

// A doubt is what a read said against a value that is held.
type doubt struct {
	err   *secret.Error // nil: the version fell
	since time.Time
	drop  deadline // when the value goes; none if err is nil
}

// An outcome is what a read brought.
type outcome struct {
	started     time.Time
	reading     secret.Reading
	err         error
	asked       bool // for the previous version
	previous    secret.Reading
	previousErr error
}

// window returns until when the version before the one that is read counts for
// r. The source's clock can shorten it, not prolong it.
func (e *entry) window(r *reference, reading *secret.Reading, now time.Time) deadline {
	if r.key.previousFor <= 0 || reading.Version < 2 || reading.Version == e.alone {
		return deadline{}
	}
	start := now
	if e.held != nil && e.held.version == reading.Version {
		start = e.held.seen
	}
	if !reading.Created.IsZero() && reading.Created.Before(start) {
		start = now.Add(reading.Created.Sub(now)) // keeps the monotonic reading of now
	}
	if d := after(start, r.key.previousFor); !d.reached(now) {
		return d
	}
	return deadline{}
}

// wantsPrevious reports whether the version before reading must be read too.
func (e *entry) wantsPrevious(reading *secret.Reading, now time.Time) bool {
	if e.falls(reading) {
		return false
	}
	for r := range e.refs {
		if !e.window(r, reading, now).none() {
			return true
		}
	}
	return false
}

func (e *entry) falls(reading *secret.Reading) bool {
	return e.held != nil && reading.Version < e.held.version
}

// take makes the newest reading the one that is held.
func (e *entry) take(o *outcome, maxStale time.Duration, now time.Time) {
	old := e.held
	h := &held{version: o.reading.Version, created: o.reading.Created, seen: now, fetched: o.started}
	if !o.reading.Deletes.IsZero() {
		h.deletes = instant(now, o.reading.Deletes)
	}
	if old != nil && old.version == h.version && old.created.Equal(h.created) {
		h.seen = old.seen
	}
	unknown := false
	for r := range e.refs {
		r.previous = e.grace(r, old, o, maxStale, now)
		unknown = unknown || r.previous.unknown
		r.current = field(&o.reading, r.key.field)
		r.known = true
	}
	e.held, e.negative, e.doubt, e.expired, e.err = h, nil, nil, false, nil
	e.fails = 0
	if unknown {
		e.openGrace++
		e.err = o.previousErr
	} else {
		e.openGrace = 0
	}
}

// grace returns the previous version for r after the reading in o. It looks at
// what r holds, so it comes before r is changed.
func (e *entry) grace(r *reference, old *held, o *outcome, maxStale time.Duration, now time.Time) grace {
	until := e.window(r, &o.reading, now)
	if until.none() {
		return grace{}
	}
	number := o.reading.Version - 1
	if o.asked && o.previousErr == nil {
		g := grace{value: field(&o.previous, r.key.field), fetched: o.started, until: until}
		if !g.value.good() {
			return grace{}
		}
		if !o.previous.Deletes.IsZero() {
			g.until = g.until.earlier(instant(now, o.previous.Deletes))
		}
		return g.bounded(maxStale)
	}
	if o.asked {
		if class := classify(o.previousErr).Class; class == secret.ClassGone || class == secret.ClassUnusable {
			return grace{}
		}
	}
	// Nothing is known now: what was known before still holds.
	switch {
	case !r.previous.until.none() && !r.previous.unknown && r.previous.value.number == number:
		g := r.previous
		g.until = g.until.earlier(until)
		return g
	case old != nil && old.version == number && r.known && r.current.good():
		g := grace{value: r.current, fetched: old.fetched, until: until.earlier(old.deletes)}
		return g.bounded(maxStale)
	}
	return grace{until: until, unknown: true}
}

func (g grace) bounded(maxStale time.Duration) grace {
	if maxStale > 0 {
		g.until = g.until.earlier(after(g.fetched, maxStale))
	}
	return g
}

// field judges a field as far as it can be without knowing its use.
func field(reading *secret.Reading, name string) value {
	v := value{number: reading.Version, created: reading.Created}
	f, ok := reading.Fields[name]
	switch {
	case !ok:
		v.bad = secret.CauseFieldMissing
	case !f.Text:
		v.bad = secret.CauseFieldType
	case f.Secret.Empty():
		v.bad = secret.CauseFieldEmpty
	default:
		v.secret = f.Secret
	}
	return v
}

// drop forgets every value.
func (e *entry) drop() {
	e.held, e.doubt = nil, nil
	for r := range e.refs {
		r.known, r.current, r.previous = false, value{}, grace{}
		r.with, r.without = nil, nil
	}
}

// deny drops every value on the source's word.
func (e *entry) deny(err *secret.Error) {
	e.drop()
	e.negative, e.expired = err, false
}

// unusable reports whether a reference can't use the version that is held.
func (e *entry) unusable() bool {
	for r := range e.refs {
		if r.known && !r.current.good() {
			return true
		}
	}
	return false
}

// loading reports whether a reference has no answer yet.
func (e *entry) loading() bool {
	if e.negative != nil {
		return false
	}
	for r := range e.refs {
		if !r.known && !r.answered {
			return true
		}
	}
	return false
}

// classify returns err as an error with a class. What no source classified is
// transient.
func classify(err error) *secret.Error {
	if failure, ok := errors.AsType[*secret.Error](err); ok && failure != nil {
		return failure
	}
	return &secret.Error{Class: secret.ClassTransient, Cause: secret.CauseBug, Operation: secret.OperationRead}
}

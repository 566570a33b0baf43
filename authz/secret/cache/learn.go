package cache

import (
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// maxRetryAfter is how long a source may ask to be left alone.
const maxRetryAfter = time.Minute

// doubtTime is how long a value outlives the source's word that is not confirmed.
const doubtTime = time.Minute

// learn changes e by what a read brought.
func (f *feed) learn(e *entry, o *outcome, now time.Time) {
	// If anything below panics the entry is tried again all the same.
	f.schedule(e, now.Add(secret.MaxBackoff))
	e.tried = true
	var next time.Duration
	if d := o.reading.Deletes; o.err == nil && !d.IsZero() && !d.After(now) {
		o.err = gone() // by our clock, which is ahead of the source's
	}
	if o.err == nil {
		next = f.good(e, o, now)
	} else {
		failure := classify(o.err)
		e.err = failure
		f.failed(e, failure)
		if failure.Class.Authoritative() {
			next = f.refused(e, failure, now)
		} else {
			next = f.unanswered(e, failure, now)
		}
	}
	f.publish(e, now)
	if next < 0 {
		f.schedule(e, time.Time{})
		return
	}
	f.schedule(e, now.Add(next))
}

// good learns a reading. It returns when to read next; negative is never.
func (f *feed) good(e *entry, o *outcome, now time.Time) time.Duration {
	f.recovered(now)
	e.fails = 0
	regressed := e.falls(&o.reading)
	if regressed && (e.doubt == nil || e.doubt.err != nil || now.Sub(e.doubt.since) < confirmAfter) {
		if e.doubt == nil || e.doubt.err != nil {
			e.doubt = &doubt{since: now}
		}
		e.err = nil
		return confirmation()
	}
	before := 0
	if e.held != nil {
		before = e.held.version
	}
	if regressed {
		e.alone = o.reading.Version
	}
	e.take(o, f.maxStale, now)
	switch {
	case regressed:
		f.tell(e, secret.Event{Type: secret.EventVersionRegressed, Version: o.reading.Version, Before: before})
	case before > 0 && o.reading.Version > before:
		f.tell(e, secret.Event{Type: secret.EventRotated, Version: o.reading.Version, Before: before})
	}
	if o.asked && o.previousErr != nil {
		if failure := classify(o.previousErr); failure.Class != secret.ClassGone {
			f.failed(e, failure)
			f.leave(failure, now)
		}
	}
	switch {
	case f.interval == 0:
		return -1
	case e.openGrace > 0:
		return min(secret.Backoff(e.openGrace), around(f.interval)) // the newest must not wait for the previous
	case e.unusable():
		return f.poll(e)
	case !f.limited:
		e.negatives = 0
		return f.interval
	}
	e.negatives = 0
	return around(f.interval)
}

// refused learns the source's word that there is no value.
func (f *feed) refused(e *entry, failure *secret.Error, now time.Time) time.Duration {
	f.recovered(now)
	e.fails = 0
	if e.held == nil || failure.Class == secret.ClassDenied && f.cfg.ForbiddenGrace < 0 {
		e.deny(failure)
		return f.poll(e)
	}
	if e.doubt == nil || e.doubt.err == nil {
		// If no answer comes that confirms it, the word counts after a while all
		// the same: it is the last that the source said.
		e.doubt = &doubt{err: failure, since: now, drop: after(now, max(doubtTime, f.cfg.ForbiddenGrace))}
		if failure.Class == secret.ClassDenied {
			return max(f.cfg.ForbiddenGrace/2, confirmation())
		}
		return confirmation()
	}
	e.doubt.err = failure
	if now.Sub(e.doubt.since) < confirmAfter {
		return confirmation()
	}
	if failure.Class != secret.ClassDenied {
		e.deny(failure)
		return f.poll(e)
	}
	drop := after(e.doubt.since, f.cfg.ForbiddenGrace)
	if drop.reached(now) {
		e.deny(failure)
		return f.poll(e)
	}
	e.doubt.drop = drop
	return drop.at.Sub(now) + around(f.cfg.NegativeTTL)
}

// unanswered learns that there was no answer, which changes nothing but when to
// ask again.
func (f *feed) unanswered(e *entry, failure *secret.Error, now time.Time) time.Duration {
	if everywhere(failure) {
		f.healthy = false
	}
	e.fails++
	f.leave(failure, now)
	pause := secret.Backoff(e.fails)
	if e.held != nil && f.maxStale > 0 { // leave several attempts before the value expires
		pause = min(pause, max((f.maxStale-now.Sub(e.held.fetched))/4, secret.MinBackoff))
	}
	return pause
}

// leave keeps to the source's wish to be left alone, within reason.
func (f *feed) leave(failure *secret.Error, now time.Time) {
	if failure.RetryAfter <= 0 {
		return
	}
	if hold := now.Add(min(failure.RetryAfter, maxRetryAfter)); hold.After(f.hold) {
		f.hold = hold
	}
}

// poll returns the pause before asking again for what is not there.
func (f *feed) poll(e *entry) time.Duration {
	if !f.limited {
		if f.interval == 0 {
			return -1
		}
		return f.interval
	}
	limit := max(f.interval, f.cfg.NegativeTTL)
	pause := limit
	if e.negatives < 16 {
		pause = min(f.cfg.NegativeTTL<<e.negatives, limit)
	}
	e.negatives++
	return around(pause)
}

// confirmation returns the pause before a read that confirms another.
func confirmation() time.Duration { return confirmAfter + secret.Backoff(1)/4 }

func gone() *secret.Error {
	return &secret.Error{Class: secret.ClassGone, Cause: secret.CauseNotFound, Operation: secret.OperationRead}
}

// everywhere reports whether other locations of the source probably fail alike.
func everywhere(failure *secret.Error) bool {
	switch failure.Cause {
	case secret.CauseNetwork, secret.CauseTimeout, secret.CauseTLS, secret.CauseToken, secret.CauseRefused,
		secret.CauseRedirect:
		return true
	default:
		return failure.Status == 503 || failure.Status == 429
	}
}

// reviveEvery keeps a location that fails by itself from being brought forward
// again and again.
const reviveEvery = 5 * time.Second

// recovered brings forward what has no value, once the source answers again.
func (f *feed) recovered(now time.Time) {
	if f.healthy {
		return
	}
	f.healthy = true
	if now.Sub(f.revived) < reviveEvery {
		return
	}
	f.revived = now
	for _, e := range f.entries {
		if !e.reading && !e.next.IsZero() && (e.expired || e.loading()) {
			f.schedule(e, now) // also what is due: it may move to the faster queue
		}
	}
}

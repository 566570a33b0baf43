package cache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// A feed reads the locations of one source. It alone talks to the source.
type feed struct {
	cfg      Config
	source   secret.Source
	limited  bool          // not local
	interval time.Duration // between good reads; 0 for never again
	maxStale time.Duration // 0 for ever
	changed  chan struct{} // holds one token: look at the queues again

	mu       sync.Mutex
	entries  map[secret.Location]*entry
	reads    queue // by next, those that were read before
	preloads queue // by next, those that were not
	wakes    queue // by wake
	refresh  bucket
	preload  bucket
	inFlight int
	healthy  bool      // the source answers
	revived  time.Time // when it last began to answer again
	hold     time.Time // no read begins before: the source asked for it
	events   []secret.Event
}

func newFeed(cfg Config, source secret.Source) *feed {
	f := &feed{
		cfg: cfg, source: source, limited: true, interval: cfg.Refresh, maxStale: cfg.MaxStale,
		changed: make(chan struct{}, 1), entries: map[secret.Location]*entry{}, healthy: true,
		reads: queue{slot: 0}, preloads: queue{slot: 0}, wakes: queue{slot: 1, wakes: true},
		refresh: newBucket(cfg.RefreshRate), preload: newBucket(cfg.PreloadRate),
	}
	if local, ok := source.(secret.Local); ok {
		f.limited, f.interval = false, local.Interval()
		if f.interval <= 0 {
			f.interval, f.maxStale = 0, 0
		}
	}
	return f
}

// run reads what is due until ctx ends, then waits for the reads that it began.
func (f *feed) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
		case <-timer.C:
		}
		timer.Reset(f.step(ctx, &wg))
	}
}

// step does what is due and returns how long nothing else will be.
func (f *feed) step(ctx context.Context, wg *sync.WaitGroup) time.Duration {
	wait := time.Second // if it panics
	f.guard("schedule", func() {
		now := time.Now()
		for e := f.wakes.due(now); e != nil; e = f.wakes.due(now) {
			f.tick(e, now)
		}
		f.launch(ctx, wg, &f.preloads, &f.preload, now)
		f.launch(ctx, wg, &f.reads, &f.refresh, now)
		wait = f.idle(now)
	})
	return wait
}

// guard runs work with the lock, then tells what it noted. A panic ends neither
// the process nor the feed.
func (f *feed) guard(operation string, work func()) {
	defer func() {
		if recover() == nil {
			return
		}
		defer func() { _ = recover() }() // the observer may be what panics
		f.cfg.Observer.Observe(secret.Event{Type: secret.EventPanic, Operation: operation})
	}()
	for _, e := range f.locked(work) {
		f.cfg.Observer.Observe(e)
	}
}

// locked runs work with the lock and returns the events to tell.
func (f *feed) locked(work func()) []secret.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	work()
	events := f.events
	f.events = nil
	return events
}

// launch begins the reads of q that are due, as far as the limits permit.
func (f *feed) launch(ctx context.Context, wg *sync.WaitGroup, q *queue, limit *bucket, now time.Time) {
	for e := q.due(now); e != nil; e = q.due(now) {
		if f.limited && (now.Before(f.hold) || limit.wait(now) > 0) || f.inFlight >= f.cfg.InFlight {
			return
		}
		limit.take(now)
		f.inFlight++
		f.begin(e)
		wg.Go(func() { f.read(ctx, e) })
	}
}

// idle returns how long nothing is due, given the limits.
func (f *feed) idle(now time.Time) time.Duration {
	wait := time.Hour
	if e := f.wakes.first(); e != nil {
		wait = min(wait, e.wake.Sub(now))
	}
	if f.inFlight >= f.cfg.InFlight {
		return max(wait, 0) // the end of a read calls again
	}
	for _, each := range []struct {
		q     *queue
		limit *bucket
	}{{&f.preloads, &f.preload}, {&f.reads, &f.refresh}} {
		e := each.q.first()
		if e == nil {
			continue
		}
		due := e.next.Sub(now)
		if f.limited {
			due = max(due, f.hold.Sub(now), each.limit.wait(now))
		}
		wait = min(wait, due)
	}
	return max(wait, 0)
}

// read reads e once and learns from it.
func (f *feed) read(ctx context.Context, e *entry) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	defer f.signal()
	o := f.fetch(ctx, e)
	f.guard("learn", func() {
		f.inFlight--
		e.reading = false
		if errors.Is(ctx.Err(), context.Canceled) {
			return // we are shutting down, so the outcome says nothing
		}
		f.learn(e, &o, time.Now())
	})
}

// fetch asks the source for the newest version and, where it may still count,
// for the one before.
func (f *feed) fetch(ctx context.Context, e *entry) (o outcome) {
	defer func() {
		if recover() != nil {
			f.mu.Lock()
			f.note(secret.Event{Type: secret.EventPanic, Operation: secret.OperationRead})
			f.mu.Unlock()
			o = outcome{started: o.started, err: classify(nil)}
		}
	}()
	o.started = time.Now()
	o.reading, o.err = f.source.Read(ctx, e.loc, 0)
	if o.err != nil || !f.spend(e, &o.reading) {
		return o
	}
	o.asked = true
	o.previous, o.previousErr = f.source.Read(ctx, e.loc, o.reading.Version-1)
	return o
}

// spend reports whether the previous version must be read, and pays for it.
func (f *feed) spend(e *entry, reading *secret.Reading) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if !e.wantsPrevious(reading, now) {
		return false
	}
	f.refresh.take(now)
	return true
}

// attach has r read. It gets its first answer with the next read.
func (f *feed) attach(r *reference) {
	f.mu.Lock()
	e, ok := f.entries[r.key.loc]
	if !ok {
		e = &entry{loc: r.key.loc, refs: map[*reference]struct{}{}, slots: [2]int{-1, -1}}
		f.entries[r.key.loc] = e
	}
	r.entry = e
	e.refs[r] = struct{}{}
	f.publish(e, time.Now())
	if !e.reading {
		f.schedule(e, time.Now())
	}
	f.mu.Unlock()
	f.signal()
}

// detach retires r, and what nothing else names. What r answers grows stale.
func (f *feed) detach(r *reference) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := r.entry
	delete(e.refs, r)
	if len(e.refs) == 0 {
		delete(f.entries, e.loc)
		f.schedule(e, time.Time{})
		f.wakes.remove(e)
	}
}

func (f *feed) signal() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// note keeps an event until the lock is released.
func (f *feed) note(e secret.Event) { f.events = append(f.events, e) }

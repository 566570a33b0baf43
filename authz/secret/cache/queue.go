package cache

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// A queue holds entries by the time at which they are due.
type queue struct {
	items []*entry
	slot  int  // which of the entry's slots is ours
	wakes bool // by wake, else by next
}

func (q *queue) at(e *entry) time.Time {
	if q.wakes {
		return e.wake
	}
	return e.next
}

// first returns the entry that is due first, nil if there is none.
func (q *queue) first() *entry {
	if len(q.items) == 0 {
		return nil
	}
	return q.items[0]
}

// due returns the first entry if it is due.
func (q *queue) due(now time.Time) *entry {
	if e := q.first(); e != nil && !now.Before(q.at(e)) {
		return e
	}
	return nil
}

// put adds e, or moves it after its time changed.
func (q *queue) put(e *entry) {
	if i := e.slots[q.slot]; i >= 0 && i < len(q.items) && q.items[i] == e {
		heap.Fix((*ordered)(q), i)
		return
	}
	heap.Push((*ordered)(q), e)
}

func (q *queue) remove(e *entry) {
	if i := e.slots[q.slot]; i >= 0 && i < len(q.items) && q.items[i] == e {
		heap.Remove((*ordered)(q), i)
	}
}

// ordered is what container/heap wants of a queue.
type ordered queue

func (o *ordered) Len() int { return len(o.items) }

func (o *ordered) Less(i, j int) bool {
	q := (*queue)(o)
	return q.at(o.items[i]).Before(q.at(o.items[j]))
}

func (o *ordered) Swap(i, j int) {
	o.items[i], o.items[j] = o.items[j], o.items[i]
	o.items[i].slots[o.slot], o.items[j].slots[o.slot] = i, j
}

func (o *ordered) Push(x any) {
	e := x.(*entry) //nolint:errcheck,forcetypeassert // only put pushes
	e.slots[o.slot] = len(o.items)
	o.items = append(o.items, e)
}

func (o *ordered) Pop() any {
	last := len(o.items) - 1
	e := o.items[last]
	o.items[last] = nil
	o.items = o.items[:last]
	e.slots[o.slot] = -1
	return e
}

// A bucket limits reads to a rate, with a burst of one second. Its reads may
// run into debt.
type bucket struct {
	rate   float64
	tokens float64
	last   time.Time
}

func newBucket(rate int) bucket { return bucket{rate: float64(rate), tokens: float64(rate)} }

func (b *bucket) fill(now time.Time) {
	if !b.last.IsZero() {
		b.tokens = min(b.rate, b.tokens+b.rate*max(now.Sub(b.last), 0).Seconds())
	}
	b.last = now
}

// wait returns how long there is no token, 0 if there is one.
func (b *bucket) wait(now time.Time) time.Duration {
	b.fill(now)
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration((1-b.tokens)/b.rate*float64(time.Second)) + time.Nanosecond
}

func (b *bucket) take(now time.Time) {
	b.fill(now)
	b.tokens--
}

// around returns d, 20 % more or less.
func around(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5+1) //nolint:gosec // jitter need not be secret
}

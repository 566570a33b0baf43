package memory

import (
	"math"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// keyBytes is how much of a message is kept. Whoever found two messages alike in
// 128 bits would only have the second of his own refused.
const keyBytes = 16

type key [keyBytes]byte

// stepsPerClaim is how many messages that are over one claim forgets at most, so
// that no claim takes long: as many as it may add, and as many again.
const stepsPerClaim = 2 * MaxMessages

// A shard is what one policy claimed.
type shard struct {
	mu      sync.Mutex
	index   map[key]slot
	entries slab
	// byEnd holds all entries, the first to expire on top. bySigned holds those
	// that may be forgotten earlier, the oldest on top: those with a signed time
	// that were claimed alone. Of several messages claimed together only the
	// oldest time is known, so a floor would not hold the others.
	byEnd, bySigned heap
	// floor is the latest signed time of what was forgotten. Forgotten before its
	// time was up was what expires at blind or before: until then nobody knows of
	// a message without a signed time that it is new.
	floor, blind int64
}

func newShard(start time.Time) *shard {
	p := &shard{index: map[key]slot{}, floor: math.MinInt64, blind: math.MinInt64}
	if !start.IsZero() {
		p.floor = start.UnixNano() - 1
	}
	p.byEnd = heap{place: 0, value: func(e *entry) int64 { return e.expires }}
	p.bySigned = heap{place: 1, value: func(e *entry) int64 { return e.signed }}
	return p
}

func (p *shard) claim(s *Store, w *wish) (authz.ClaimResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire(s, w.now)
	switch held, same := p.look(s, w); {
	case held > 0 && held == same && held == w.n:
		return authz.ClaimRepeated, nil
	case held > 0:
		return authz.ClaimNone, authz.Deny(authz.ReasonReplayed, "what was signed came before")
	case w.timed && w.signed <= p.floor:
		return unavailable("signed before anything that this process still remembers")
	case !w.timed && w.now < p.blind:
		return unavailable("without a signed time, and not everything is remembered")
	case !p.room(s, w):
		return unavailable("no room to remember it")
	}
	for _, k := range w.keys() {
		p.add(w, k)
	}
	return authz.ClaimNew, nil
}

func unavailable(detail string) (authz.ClaimResult, error) {
	return authz.ClaimNone, authz.Deny(authz.ReasonReplayStoreUnavailable, detail)
}

// look counts the messages that are held, and those of them that the same stream
// may claim again.
func (p *shard) look(s *Store, w *wish) (held, same int) {
	for _, k := range w.keys() {
		at, ok := p.index[k]
		if !ok {
			continue
		}
		e := p.entries.at(at)
		if e.expires <= w.now {
			p.drop(s, at)
			continue
		}
		held++
		if e.stream != 0 && e.stream == w.stream && w.now < e.repeat {
			same++
		}
	}
	return held, same
}

// expire drops some of what is over.
func (p *shard) expire(s *Store, now int64) {
	for range stepsPerClaim {
		at, ok := p.byEnd.top()
		if !ok || p.entries.at(at).expires > now {
			return
		}
		p.drop(s, at)
	}
}

func (p *shard) tryExpire(s *Store, now int64) {
	if p.mu.TryLock() {
		p.expire(s, now)
		p.mu.Unlock()
	}
}

// room takes room for what w wishes, and forgets for it what was signed longer ago,
// if anything was.
func (p *shard) room(s *Store, w *wish) bool {
	for range stepsPerClaim {
		if int64(len(p.index)+w.n) <= s.quota {
			if s.take(w.n) {
				return true
			}
			s.sweep(w.now)
			if s.take(w.n) {
				return true
			}
		}
		at, ok := p.bySigned.top()
		if !ok || !w.timed || p.entries.at(at).signed >= w.signed {
			return false
		}
		p.blind = max(p.blind, p.entries.at(at).expires)
		p.drop(s, at)
	}
	return false
}

// add remembers a message, for which there is room.
func (p *shard) add(w *wish, k key) {
	at := p.entries.take()
	e := p.entries.at(at)
	*e = entry{key: k, stream: w.stream, expires: w.expires, repeat: w.repeat, signed: untimed, places: [2]uint32{nowhere, nowhere}}
	p.index[k] = at
	p.byEnd.push(&p.entries, at)
	if !w.timed {
		return
	}
	e.signed = w.signed
	if w.n == 1 {
		p.bySigned.push(&p.entries, at)
	}
}

// drop forgets a message and raises the floor over it.
func (p *shard) drop(s *Store, at slot) {
	e := p.entries.at(at)
	p.floor = max(p.floor, e.signed)
	delete(p.index, e.key)
	p.byEnd.remove(&p.entries, at)
	p.bySigned.remove(&p.entries, at)
	p.entries.give(at)
	s.held.Add(-1)
	if len(p.index) == 0 && p.entries.used > chunkSize {
		// What a burst took goes back, or all policies together would keep as
		// much as each of them ever had.
		p.index, p.entries, p.byEnd.slots, p.bySigned.slots = map[key]slot{}, slab{}, nil, nil
	}
}

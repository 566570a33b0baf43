package chain

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

const (
	// cacheSize is how many certificates a verifier remembers. Each takes about
	// 10 KiB.
	cacheSize = 256
	// maxRemembered is the longest text that is remembered.
	maxRemembered = 16 << 10
)

// A cache remembers what was proven by the authorities of one trust, because a
// sender shows the same certificate with each request and proving it again takes
// most of a check's time. Many goroutines may use it. It forgets when another
// certificate falls on the same place, and goes with its trust: what was proven
// holds on to revocation lists, which may be large.
type cache struct {
	seed  maphash.Seed
	slots [cacheSize]atomic.Pointer[remembered]
}

// remembered is what was presented, byte for byte, and what came of it.
type remembered struct {
	presented Presented
	proof     *Proof
}

// A Presented is what a sender showed, as text. Whoever shows the same again shows
// the same certificates. Beside may be empty.
type Presented struct{ Text, Beside string }

func newCache() *cache { return &cache{seed: maphash.MakeSeed()} }

// find returns what was proven of p, nil if it isn't remembered.
func (c *cache) find(p Presented) *Proof {
	r := c.slot(p).Load()
	if r == nil || r.presented != p {
		return nil
	}
	return r.proof
}

// keep remembers what was proven of p. It keeps no memory of p.
func (c *cache) keep(p Presented, proof *Proof) {
	if len(p.Text)+len(p.Beside) > maxRemembered {
		return
	}
	own := Presented{strings.Clone(p.Text), strings.Clone(p.Beside)}
	c.slot(p).Store(&remembered{presented: own, proof: proof})
}

func (c *cache) slot(p Presented) *atomic.Pointer[remembered] {
	return &c.slots[maphash.String(c.seed, p.Text)%cacheSize]
}

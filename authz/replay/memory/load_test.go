package memory_test

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/replay/memory"
)

func number(i int) authz.Message {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

var policies = [4]string{"a", "b", "c", "d"}

// A million messages, and a million replays among them: each is granted once, and
// called a replay once.
func TestMillion(t *testing.T) {
	const n, workers = 1_000_000, 8
	s := memory.New(memory.Config{})
	grants, replays := make([]atomic.Int32, n), make([]atomic.Int32, n) // of each message
	before := heap()
	now := time.Now()
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			c := authz.Claim{Now: now, Signed: now, Keep: time.Hour, Messages: make([]authz.Message, 1)}
			for i := range 2 * n / workers {
				// Each message is claimed by two workers, at about the same time.
				one := (i*workers/2 + w/2) % n
				c.Policy, c.Messages[0] = policies[one%len(policies)], number(one)
				switch _, err := s.Claim(t.Context(), &c); {
				case err == nil:
					grants[one].Add(1)
				case authz.DeniedBy(err).Reason() == authz.ReasonReplayed:
					replays[one].Add(1)
				}
			}
		})
	}
	group.Wait()
	for i := range n {
		if granted, replayed := grants[i].Load(), replays[i].Load(); granted != 1 || replayed != 1 {
			t.Fatalf("message %d was granted %d times and called a replay %d times; want once each", i, granted, replayed)
		}
	}
	if s.Len() != n {
		t.Errorf("%d messages are remembered, want %d", s.Len(), n)
	}
	const most = 160 // bytes of a message, with what maps and slices keep free
	if used := heap() - before; used > n*most {
		t.Errorf("%d messages take %d MB, want %d at most", n, used>>20, n*most>>20)
	} else {
		t.Logf("%d bytes a message", used/n)
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(grants)
	runtime.KeepAlive(replays)
}

// However many come, no more is remembered than may be.
func TestBounded(t *testing.T) {
	const quota = 4096
	s := memory.New(memory.Config{MaxEntries: 4 * quota})
	start := time.Now()
	c := authz.Claim{Policy: "p", Now: start, Keep: time.Hour, Messages: make([]authz.Message, 1)}
	var full int64
	for i := range 50 * quota {
		c.Messages[0], c.Signed = number(i), start.Add(time.Duration(i))
		if _, err := s.Claim(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
		if i == 2*quota {
			full = heap()
		}
	}
	if n := s.Len(); n > quota {
		t.Errorf("%d messages are remembered, want %d at most", n, quota)
	}
	if more := heap() - full; more > 1<<20 {
		t.Errorf("%d KB more than when it was full", more>>10)
	}
	for i := range 50 * quota {
		c.Messages[0], c.Signed = number(i), start.Add(time.Duration(i))
		if _, err := s.Claim(t.Context(), &c); err == nil {
			t.Fatalf("message %d is granted twice", i)
		}
	}
}

// Of a thousand at the same time one is first.
func TestParallel(t *testing.T) {
	s := memory.New(memory.Config{})
	for round := range 20 {
		now := time.Now()
		start := make(chan struct{})
		var grants atomic.Int64
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() {
				<-start
				c := authz.Claim{Policy: "p", Now: now, Signed: now, Keep: time.Hour, Messages: []authz.Message{number(round)}}
				if _, err := s.Claim(t.Context(), &c); err == nil {
					grants.Add(1)
				}
			})
		}
		close(start)
		group.Wait()
		if n := grants.Load(); n != 1 {
			t.Errorf("%d were granted it, want 1", n)
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// BenchmarkClaim is a claim of one new message, among a full policy's.
func BenchmarkClaim(b *testing.B) {
	for _, bb := range []struct {
		name string
		held int
	}{
		{name: "empty"},
		{name: "full", held: memory.DefaultEntries / 4},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := memory.New(memory.Config{})
			start := time.Now()
			c := authz.Claim{Policy: "p", Stream: "1234567890123456789", Now: start, Keep: time.Hour, Repeat: time.Second, Messages: make([]authz.Message, 1)}
			next := 0
			claim := func() {
				next++
				c.Messages[0], c.Signed = number(next), start.Add(time.Duration(next))
				if _, err := s.Claim(b.Context(), &c); err != nil {
					b.Fatal(err)
				}
			}
			for range bb.held {
				claim()
			}
			b.ReportAllocs()
			for b.Loop() {
				claim()
			}
		})
	}
}

// BenchmarkReplayed is a claim of what was claimed before.
func BenchmarkReplayed(b *testing.B) {
	s := memory.New(memory.Config{})
	now := time.Now()
	c := authz.Claim{Policy: "p", Now: now, Signed: now, Keep: time.Hour, Messages: []authz.Message{number(1)}}
	_, _ = s.Claim(b.Context(), &c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Claim(b.Context(), &c); err == nil {
			b.Fatal("granted")
		}
	}
}

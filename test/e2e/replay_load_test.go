//go:build e2e

package e2e

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	replayredis "github.com/hookauthz/hookauthz/authz/replay/redis"
)

// millionEach is how many messages make a claim: each its own, except under the race
// detector, where that would take minutes. `make test-e2e` runs both.
func millionEach() int {
	if raceEnabled {
		return 16
	}
	return 1
}

// A million messages, and a million replays among them, through three stores: each
// is granted once, and called a replay once.
func TestReplayStoreMillion(t *testing.T) {
	const n, workers = 1_000_000, 96
	each := millionEach()
	r := replayRedis(t)
	stores := []*replayredis.Store{readyStore(t, r.url()), readyStore(t, r.url()), readyStore(t, r.url())}
	granted, replayed := make([]atomic.Int32, n/each), make([]atomic.Int32, n/each) // of each claim
	var next atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for w := range workers {
		group.Go(func() {
			messages := make([]int, each)
			for {
				// Two workers get the same at about the same time.
				i := int(next.Add(1) - 1)
				if i >= 2*n/each {
					return
				}
				if part := n / 5 / each; i > 0 && i%part == 0 {
					t.Logf("%d claims of %d messages after %v", i, each, time.Since(began).Round(time.Second))
				}
				for j := range messages {
					messages[j] = i/2*each + j
				}
				switch insist(stores[w%len(stores)], strconv.Itoa(i), messages...) {
				case authz.ReasonVerified:
					granted[i/2].Add(1)
				case authz.ReasonReplayed:
					replayed[i/2].Add(1)
				default: // counted by neither, which fails
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d claims of %d messages in %v", 2*n/each, each, time.Since(began).Round(time.Second))
	for i := range granted {
		if passed, again := granted[i].Load(), replayed[i].Load(); passed != 1 || again != 1 {
			t.Fatalf("claim %d was granted %d times and called a replay %d times; want once each", i, passed, again)
		}
	}
}

// What a claim costs at a Redis on the same machine, its round trip included: a new
// message's, and a replay's. In test/, with the variables of the Makefile:
//
//	go test -tags e2e -run '^$' -bench '^BenchmarkReplayStoreClaim$' ./e2e
func BenchmarkReplayStoreClaim(b *testing.B) {
	r := replayRedis(b)
	store, err := replayredis.Open(r.url())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }() // the server ends too
	if err := store.Usable(b.Context()); err != nil {
		b.Fatal(err)
	}
	if reason := insist(store, "", -1); reason != authz.ReasonVerified {
		b.Fatal(reason)
	}
	var last atomic.Int64 // unlike in every round
	fresh := func() int { return int(last.Add(1)) }
	again := func() int { return -1 }
	for _, bb := range []struct {
		name    string
		message func() int
		want    authz.Reason
	}{
		{name: "new", message: fresh, want: authz.ReasonVerified},
		{name: "replay", message: again, want: authz.ReasonReplayed},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if reason := insist(store, "", bb.message()); reason != bb.want {
					b.Fatal(reason)
				}
			}
		})
		b.Run(bb.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if reason := insist(store, "", bb.message()); reason != bb.want {
						b.Error(reason)
						return
					}
				}
			})
		})
	}
}

// insist claims until there is an answer: a busy machine may take longer than the
// store waits for it.
func insist(store authz.ReplayStore, stream string, messages ...int) authz.Reason {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		_, err := store.Claim(ctx, claimOf(stream, messages...))
		cancel()
		if err == nil {
			return authz.ReasonVerified
		}
		if reason := authz.DeniedBy(err).Reason(); reason != noStore || time.Now().After(deadline) {
			return reason
		}
	}
}

// Of a thousand at the same time, at three stores, one is first.
func TestReplayStoreParallel(t *testing.T) {
	r := replayRedis(t)
	stores := []*replayredis.Store{readyStore(t, r.url()), readyStore(t, r.url()), readyStore(t, r.url())}
	for round := range 5 {
		start := make(chan struct{})
		var grants, replays atomic.Int64
		var group sync.WaitGroup
		for i := range 1000 {
			group.Go(func() {
				<-start
				reason := insist(stores[i%len(stores)], strconv.Itoa(i), round)
				if reason == authz.ReasonVerified {
					grants.Add(1)
				}
				if reason == authz.ReasonReplayed {
					replays.Add(1)
				}
			})
		}
		close(start)
		group.Wait()
		if grants.Load() != 1 || replays.Load() != 999 {
			t.Errorf("%d granted, %d replayed; want 1, 999", grants.Load(), replays.Load())
		}
	}
}

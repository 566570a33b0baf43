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

// A million messages, and a million replays among them, through three stores: each
// is granted once. Sixteen make a claim, else it would take minutes.
func TestReplayStoreMillion(t *testing.T) {
	const n, each, workers = 1_000_000, 16, 12
	r := replayRedis(t)
	stores := []*replayredis.Store{readyStore(t, r.url()), readyStore(t, r.url()), readyStore(t, r.url())}
	granted := make([]atomic.Int32, n/each)
	var replays, next atomic.Int64
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for {
				// Two workers get the same at about the same time.
				i := int(next.Add(1) - 1)
				if i >= 2*n/each {
					return
				}
				messages := make([]int, each)
				for j := range messages {
					messages[j] = i/2*each + j
				}
				reason := insist(stores[w%len(stores)], strconv.Itoa(i), messages...)
				if reason == authz.ReasonVerified {
					granted[i/2].Add(1)
				}
				if reason == authz.ReasonReplayed {
					replays.Add(1)
				}
			}
		})
	}
	group.Wait()
	for i := range granted {
		if got := granted[i].Load(); got != 1 {
			t.Fatalf("claim %d was granted %d times", i, got)
		}
	}
	if replays.Load() != n/each {
		t.Errorf("%d replays, want %d", replays.Load(), n/each)
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

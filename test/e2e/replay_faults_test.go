//go:build e2e

package e2e

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	replayredis "github.com/hookauthz/hookauthz/authz/replay/redis"
)

const noStore = authz.ReasonReplayStoreUnavailable

// A Redis that ended grants nothing, and one that starts empty grants nothing that
// it may have granted before.
func TestReplayStoreStartsEmpty(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	store, watching := readyStore(t, r.url()), readyStore(t, r.url())
	before := time.Now()
	wantGrant(t, store, claimOf("1", 1), authz.ClaimNew)
	r.kill()
	wantNone(t, store, claimOf("2", 1), noStore)
	wantNone(t, store, claimOf("3", 3), noStore)
	if err := store.Usable(t.Context()); err == nil {
		t.Error("it is usable")
	}
	r.again(t)
	wantNone(t, store, signedAt(before, claimOf("4", 1)), noStore) // whatever looks first
	if err := watching.Usable(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNone(t, store, signedAt(before, claimOf("5", 1)), noStore)
	wantNone(t, watching, signedAt(before, claimOf("5", 2)), noStore)
	wantGrant(t, store, claimOf("6", 3), authz.ClaimNew)
	wantNone(t, watching, claimOf("7", 3), authz.ReasonReplayed)
	// What has no signed time is granted again: nobody can tell.
	wantGrant(t, store, signedAt(time.Time{}, claimOf("8", 1)), authz.ClaimNew)
	// Somebody empties it while it runs.
	between := time.Now()
	wantGrant(t, store, claimOf("9", 4), authz.ClaimNew)
	r.ok(t, "FLUSHALL")
	wantNone(t, store, signedAt(between, claimOf("10", 4)), noStore)
	wantGrant(t, store, claimOf("11", 5), authz.ClaimNew)
}

// A Redis that comes back from a snapshot has an epoch in it, and has lost what was
// claimed since.
func TestReplayStoreSnapshot(t *testing.T) {
	t.Parallel()
	folder := emptyFolder(t)
	r := replayRedis(t, "--dir", folder)
	store := readyStore(t, r.url())
	kept, lost := claimOf("1", 1), claimOf("2", 2)
	wantGrant(t, store, kept, authz.ClaimNew)
	r.ok(t, "SAVE")
	wantGrant(t, store, lost, authz.ClaimNew)
	r.kill()
	r.again(t, "--dir", folder)
	wantNone(t, store, signedAt(lost.Signed, claimOf("3", 2)), noStore)
	wantNone(t, store, signedAt(kept.Signed, claimOf("4", 1)), authz.ReasonReplayed)
	wantGrant(t, store, claimOf("5", 3), authz.ClaimNew)
}

// A Redis that stands still grants nothing, soon; and what it carries out later is
// nobody else's.
func TestReplayStoreStopped(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	store := readyStore(t, r.url())
	wantGrant(t, store, claimOf("1", 1), authz.ClaimNew)
	c := claimOf("2", 2)
	r.signal(t, syscall.SIGSTOP)
	wantNone(t, store, c, noStore)
	wantNone(t, store, claimOf("3", 1), noStore)
	r.signal(t, syscall.SIGCONT)
	granted := 0
	for _, stream := range []string{"4", "5", "6"} {
		if _, reason, _ := claimIn(store, signedAt(c.Signed, claimOf(stream, 2))); reason == authz.ReasonVerified {
			granted++
		}
	}
	if granted > 1 {
		t.Errorf("granted %d times", granted)
	}
	wantNone(t, store, claimOf("7", 1), authz.ReasonReplayed)
}

// A claim whose answer is lost is granted to nobody but the stream that made it.
func TestReplayStoreAnswerLost(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	p := startMute(t, r.address)
	through, beside := readyStore(t, "redis://:"+r.password+"@"+p.address), readyStore(t, r.url())
	wantGrant(t, through, claimOf("0", 0), authz.ClaimNew) // the script is there
	p.mute.Store(true)
	wantNone(t, through, claimOf("1", 1), noStore)
	wantNone(t, beside, claimOf("2", 1), authz.ReasonReplayed)
	wantGrant(t, beside, claimOf("1", 1), authz.ClaimRepeated)
	p.mute.Store(false)
	wantNone(t, through, claimOf("3", 1), authz.ReasonReplayed)
	p.mute.Store(true)
	wantNone(t, through, claimOf("", 2), noStore)
	wantNone(t, beside, claimOf("", 2), authz.ReasonReplayed)
}

// A replica, a full one, one that forgets: none of them is asked twice.
func TestReplayStoreUnfit(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	store := readyStore(t, r.url())
	wantGrant(t, store, claimOf("1", 1), authz.ClaimNew)

	r.ok(t, "REPLICAOF", "127.0.0.1", "1")
	wantNone(t, store, claimOf("2", 2), noStore)
	if err := store.Usable(t.Context()); err == nil || errors.Is(err, replayredis.ErrEvicts) {
		t.Errorf("a replica is usable: %v", err)
	}
	r.ok(t, "REPLICAOF", "NO", "ONE")
	wantNone(t, store, claimOf("2", 1), authz.ReasonReplayed)

	// Full: nothing is granted, nothing is forgotten.
	r.ok(t, "CONFIG", "SET", "maxmemory", "1")
	wantNone(t, store, claimOf("3", 3), noStore)
	wantNone(t, store, claimOf("4", 1), authz.ReasonReplayed)
	if err := store.Usable(t.Context()); err == nil {
		t.Error("a full one is usable")
	}
	r.ok(t, "CONFIG", "SET", "maxmemory", "100mb")
	wantGrant(t, store, claimOf("3", 3), authz.ClaimNew)
	if err := store.Usable(t.Context()); err != nil {
		t.Error(err)
	}

	for _, policy := range []string{"allkeys-lru", "volatile-ttl", "volatile-random"} {
		r.ok(t, "CONFIG", "SET", "maxmemory-policy", policy)
		if err := store.Usable(t.Context()); !errors.Is(err, replayredis.ErrEvicts) {
			t.Errorf("%s: %v, want %v", policy, err, replayredis.ErrEvicts)
		}
		wantNone(t, store, claimOf("5", 4), noStore)
		fresh := openStore(t, r.url())
		wantNone(t, fresh, claimOf("6", 5), noStore) // it looks by itself
		wantNone(t, fresh, claimOf("7", 1), authz.ReasonReplayed)
	}
	// Without a limit nothing is evicted, whatever the policy.
	r.ok(t, "CONFIG", "SET", "maxmemory", "0")
	eventually(t, 10*time.Second, "it is good again", func() bool {
		_, reason, _ := claimIn(store, claimOf("8", 6))
		return reason == authz.ReasonVerified
	})
}

// It is found out within seconds that a server is made to forget, though nobody
// looks but the claims themselves.
func TestReplayStoreWatches(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	store := readyStore(t, r.url())
	r.ok(t, "CONFIG", "SET", "maxmemory", "100mb")
	r.ok(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	i := 0
	eventually(t, 15*time.Second, "claims are refused", func() bool {
		time.Sleep(50 * time.Millisecond)
		i++
		_, reason, _ := claimIn(store, claimOf("1", i))
		return reason == noStore
	})
}

// A mute is a connection to an address whose answers can be held back.
type mute struct {
	address string
	mute    atomic.Bool
}

func startMute(t *testing.T, to string) *mute {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &mute{address: lis.Addr().String()}
	var group sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	group.Go(func() {
		for {
			in, err := lis.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			group.Go(func() { _, _ = io.Copy(out, in) })
			group.Go(func() {
				for buffer := make([]byte, 4096); ; {
					n, err := out.Read(buffer)
					if err != nil {
						return
					}
					if !p.mute.Load() {
						_, _ = in.Write(buffer[:n])
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = lis.Close()
		mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	return p
}

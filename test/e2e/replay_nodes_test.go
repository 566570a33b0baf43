//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A replica that takes over may lack the last claims, so it grants nothing that was
// signed before.
func TestReplayStoreSentinel(t *testing.T) {
	t.Parallel()
	master := replayRedis(t)
	host, port, _ := net.SplitHostPort(master.address)
	replica := &redis{address: freeAddress(t), password: master.password}
	if !replica.runWith(t, "--replicaof", host+" "+port) {
		t.Fatal("the replica did not start")
	}
	eventually(t, 20*time.Second, "the replica has all", func() bool {
		return strings.Contains(replica.command(t, "INFO", "replication"), "master_link_status:up")
	})
	sentinel := &redis{address: freeAddress(t), password: random()}
	mustNotLeak(sentinel.password)
	_, own, _ := net.SplitHostPort(sentinel.address)
	file := filepath.Join(emptyFolder(t), "sentinel.conf") // which it writes to
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\nrequirepass %s\ndir %s\nsentinel monitor hooks %s %s 1\nsentinel auth-pass hooks %s\n"+
		"sentinel down-after-milliseconds hooks 500\nsentinel failover-timeout hooks 3000\n", own, sentinel.password, filepath.Dir(file), host, port, master.password)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel.process = start(t, program(t, "HOOKAUTHZ_REDIS", "make tools"), nil, file, "--sentinel")
	if !sentinel.answers() {
		t.Fatal("the Sentinel did not start")
	}
	eventually(t, 20*time.Second, "the Sentinel knows the replica", func() bool {
		return strings.Contains(sentinel.command(t, "INFO", "sentinel"), "status=ok") && strings.Contains(sentinel.command(t, "INFO", "sentinel"), "slaves=1")
	})

	store := readyStore(t, fmt.Sprintf("redis+sentinel://:%s@%s/0?master=hooks&sentinel_password=%s", master.password, sentinel.address, sentinel.password))
	before := time.Now()
	wantGrant(t, store, claimOf("1", 1), authz.ClaimNew)
	wantNone(t, store, claimOf("2", 1), authz.ReasonReplayed)
	master.kill()
	wantNone(t, store, claimOf("3", 2), noStore)
	i := 100
	eventually(t, 30*time.Second, "the replica takes over", func() bool {
		i++
		_, reason, _ := claimIn(store, claimOf("4", i))
		return reason == authz.ReasonVerified
	})
	wantNone(t, store, signedAt(before, claimOf("5", 1)), authz.ReasonReplayed) // it was copied
	wantNone(t, store, signedAt(before, claimOf("6", 3)), noStore)              // it may not have been
	wantNone(t, store, claimOf("7", i), authz.ReasonReplayed)
	if err := store.Usable(t.Context()); err != nil {
		t.Error(err)
	}
}

// A master that was a replica for a while, and never got the copy, is the same process
// with the same claims, and lacks those that were granted elsewhere.
func TestReplayStoreBackAgain(t *testing.T) {
	t.Parallel()
	master, elsewhere := replayRedis(t), replayRedis(t)
	store := readyStore(t, master.url())
	wantGrant(t, store, claimOf("1", 1), authz.ClaimNew)
	_, port, _ := net.SplitHostPort(freeAddress(t))
	master.ok(t, "REPLICAOF", "127.0.0.1", port)
	wantNone(t, store, claimOf("2", 2), noStore)
	lost := claimOf("3", 3)
	wantGrant(t, readyStore(t, elsewhere.url()), signedAt(time.Now(), lost), authz.ClaimNew)
	master.ok(t, "REPLICAOF", "NO", "ONE")
	wantNone(t, store, signedAt(lost.Signed, claimOf("4", 3)), noStore)
	wantNone(t, store, claimOf("5", 1), authz.ReasonReplayed)
	wantGrant(t, store, claimOf("6", 4), authz.ClaimNew)
}

// In a cluster a policy is one server's.
func TestReplayStoreCluster(t *testing.T) {
	t.Parallel()
	nodes, password := startCluster(t)
	for _, node := range nodes {
		node.ok(t, append(documentedUser(t, password), "+cluster|slots", "+asking")...)
	}
	store := openStore(t, "redis+cluster://hookauthz:"+password+"@"+nodes[0].address+","+nodes[1].address)
	if err := store.Usable(t.Context()); err != nil {
		t.Fatal(err)
	}
	of := func(policy, stream string, messages ...int) *authz.Claim {
		c := claimOf(stream, messages...)
		c.Policy = policy
		return c
	}
	policies := make([]string, 12)
	for i := range policies {
		policies[i] = fmt.Sprintf("policy-%d", i)
	}
	wantNone(t, store, signedAt(time.Now().Add(-time.Second), of(policies[0], "0", 1)), noStore) // this begins the epoch
	for _, policy := range policies {
		if err := store.Prepare(t.Context(), policy); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	for _, policy := range policies {
		wantGrant(t, store, of(policy, "1", 1, 2, 3), authz.ClaimNew)
		wantNone(t, store, of(policy, "2", 4, 2), authz.ReasonReplayed)
		wantGrant(t, store, of(policy, "1", 1, 2, 3), authz.ClaimRepeated)
	}
	for i, node := range nodes {
		if node.keys(t) == "" {
			t.Errorf("node %d holds nothing", i)
		}
	}

	// A slot moves: the epoch that moves with it is another process's.
	slot := strings.TrimPrefix(nodes[0].command(t, "CLUSTER", "KEYSLOT", "hookauthz:replay:{policy-0}"), ":")
	var from, to *redis
	var moving []string
	for _, node := range nodes {
		if held := node.keys(t); strings.Contains(held, "{policy-0}") {
			from = node
			moving = slices.DeleteFunc(strings.Fields(held), func(name string) bool { return !strings.Contains(name, "{policy-0}") })
		} else {
			to = node
		}
	}
	target := to.command(t, "CLUSTER", "MYID")
	to.ok(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.command(t, "CLUSTER", "MYID"))
	from.ok(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	host, port, _ := net.SplitHostPort(to.address)
	from.ok(t, append([]string{"MIGRATE", host, port, "", "0", "5000", "AUTH", password, "KEYS"}, moving...)...)
	if _, reason, err := claimIn(store, signedAt(start, of(policies[0], "3", 1, 5))); reason == authz.ReasonVerified {
		t.Errorf("granted on the way: %v", err)
	}
	for _, node := range nodes {
		node.ok(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
	}
	wantNone(t, store, signedAt(start, of(policies[0], "4", 1)), authz.ReasonReplayed)
	wantNone(t, store, signedAt(start, of(policies[0], "4", 6)), noStore)
	wantGrant(t, store, of(policies[0], "4", 6), authz.ClaimNew)

	// A node that ended grants nothing, the others nothing twice.
	from.kill()
	for _, policy := range policies {
		if _, reason, err := claimIn(store, of(policy, "5", 1)); reason != noStore && reason != authz.ReasonReplayed {
			t.Errorf("%s: %v", policy, err)
		}
	}
	if err := store.Usable(t.Context()); err == nil {
		t.Error("it is usable without one of its nodes")
	}
}

// startCluster starts three masters.
func startCluster(t *testing.T) (nodes []*redis, password string) {
	t.Helper()
	password = random()
	mustNotLeak(password)
	for i := range 3 {
		node := &redis{address: freeAddress(t), password: password}
		_, bus, _ := net.SplitHostPort(freeAddress(t))
		if !node.runWith(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1000") {
			t.Fatal("a node did not start")
		}
		node.ok(t, "CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*5462), fmt.Sprint(min((i+1)*5462, 16384)-1))
		if i > 0 {
			host, port, _ := net.SplitHostPort(node.address)
			nodes[0].ok(t, "CLUSTER", "MEET", host, port, bus)
		}
		nodes = append(nodes, node)
	}
	eventually(t, 20*time.Second, "the cluster stands", func() bool {
		for _, node := range nodes {
			info := node.command(t, "CLUSTER", "INFO")
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") || !strings.Contains(info, "cluster_slots_assigned:16384") {
				return false
			}
		}
		return true
	})
	return nodes, password
}

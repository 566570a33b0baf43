//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// replayWorld is a world whose policies are those of replay.yaml.
func replayWorld(t *testing.T, r *redis, o setup) *world {
	t.Helper()
	o.config = fill(t, nil, "replay.yaml")
	o.policies = policyNames(t, o.config)
	o.env = []string{"HOOKAUTHZ_REPLAY_STORE=" + r.url()}
	w := newWorld(t, o)
	nextSecond()
	return w
}

// nextSecond waits for it: senders sign whole seconds, and what was signed in the
// second in which a store began may have been signed before.
func nextSecond() { time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) }

var deliveries atomic.Int64

// once returns a request that no other is like, signed now.
func once(policy string) request {
	body := fmt.Appendf(nil, `{"delivery":%d}`, deliveries.Add(1))
	return stripe(body, time.Now()).to("/e2e/" + policy)
}

// A request passes once, through whichever replica.
func TestReplayThroughEnvoy(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	w := replayWorld(t, r, setup{replicas: 3})
	for range 4 {
		first := once("once").with("X-Request-Id", "6f3e9c0a-0000-4000-8000-000000000001").with("X-Delivery-Id", "d-1")
		w.allowed(t, w.send(t, first))
		for range 4 {
			w.denied(t, w.send(t, first), 409, authz.ReasonReplayed)
		}
		// What is not signed makes no other message of it.
		w.denied(t, w.send(t, first.with("X-Other", "1").without("X-Request-Id")), 409, authz.ReasonReplayed)
		w.denied(t, w.send(t, first.to(first.path+"?a=1")), 409, authz.ReasonReplayed)
		value := first.value("Stripe-Signature")
		w.denied(t, w.send(t, first.replaced("Stripe-Signature", value+","+value[strings.Index(value, "v1="):])), 409, authz.ReasonReplayed)
		// Another policy never saw it.
		w.allowed(t, w.send(t, first.to("/e2e/best-effort")))
	}
	w.tellsDelivery(t)
	often := once("as-often-as-sent")
	w.allowed(t, w.send(t, often))
	w.allowed(t, w.send(t, often))

	// Who can't sign uses nothing up.
	authentic := once("once")
	forged := authentic.replaced("Stripe-Signature", authentic.value("Stripe-Signature")[:20]+strings.Repeat("0", 57))
	if got := w.send(t, forged); got.status != 401 && got.status != 400 {
		t.Errorf("forged: status %d", got.status)
	}
	w.allowed(t, w.send(t, authentic))

	// A delivery that is sent again with a new time is another message.
	body := []byte(`{"again":true}`)
	w.allowed(t, w.send(t, stripe(body, time.Now()).to("/e2e/once")))
	w.allowed(t, w.send(t, stripe(body, time.Now().Add(time.Second)).to("/e2e/once")))

	// Without a signed time: once in its ttl.
	undated := github([]byte(`{"undated":1}`)).to("/e2e/undated")
	w.allowed(t, w.send(t, undated))
	w.denied(t, w.send(t, undated), 409, authz.ReasonReplayed)

	// One process's memory knows what that process let pass.
	local := once("local")
	passed := 0
	for range 12 {
		if w.send(t, local).status == 200 {
			passed++
		}
	}
	if passed < 1 || passed > len(w.servers) {
		t.Errorf("of %d replicas with memories of their own %d let it pass", len(w.servers), passed)
	}

	line := w.servers[0].stdout.find(5*time.Second, func(line string) bool { return strings.Contains(line, `"replay":"replayed"`) })
	if !strings.Contains(line, `"policy":"once"`) {
		t.Errorf("the decision log does not tell of a replay: %s", line)
	}
	if metrics := w.servers[0].metrics(t); !strings.Contains(metrics, `hookauthz_replay_total{policy="once",result="duplicate"}`) {
		t.Error("the metrics do not tell of a replay")
	}
}

// tellsDelivery fails t unless the decision log tells of which delivery a message is,
// where it passes and where it is a replay; what it decides, another id does not change.
func (w *world) tellsDelivery(t *testing.T) {
	t.Helper()
	const name = "X-Delivery-Id"
	first := once("once").with(name, "d-told-first")
	if _, d := w.allowed(t, w.send(t, first)); d.DeliveryID != "d-told-first" || d.Replay != "new" {
		t.Errorf("delivery %q, replay %q; want that of a new message", d.DeliveryID, d.Replay)
	}
	for _, id := range []string{"d-told-first", "d-told-again", ""} {
		again := first.without(name)
		if id != "" {
			again = again.with(name, id)
		}
		d := w.denied(t, w.send(t, again), 409, authz.ReasonReplayed)
		if d.DeliveryID != id || d.Replay != "replayed" {
			t.Errorf("delivery %q, replay %q; want %q of a replay", d.DeliveryID, d.Replay, id)
		}
	}
}

// Of the same bytes at the same time one passes.
func TestReplayInParallel(t *testing.T) {
	t.Parallel()
	w := replayWorld(t, replayRedis(t), setup{replicas: 3})
	for range 10 {
		one := once("once")
		var group sync.WaitGroup
		var passed, replayed, others atomic.Int64
		for range 8 {
			group.Go(func() {
				switch got, _ := w.try(one); got.status {
				case 200:
					passed.Add(1)
				case 409:
					replayed.Add(1)
				default:
					others.Add(1)
				}
			})
		}
		group.Wait()
		if passed.Load() != 1 || replayed.Load() != 7 {
			t.Errorf("%d passed, %d were replays, %d else; want 1, 7, 0", passed.Load(), replayed.Load(), others.Load())
		}
	}
}

// What becomes of requests while the Redis is in trouble is as the policy says.
func TestReplayStoreInTrouble(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	w := replayWorld(t, r, setup{})
	before := once("once")
	w.allowed(t, w.send(t, before))
	seen := once("best-effort")
	w.allowed(t, w.send(t, seen))

	trouble := func(t *testing.T) {
		t.Helper()
		w.denied(t, w.send(t, once("once")), 503, authz.ReasonReplayStoreUnavailable)
		w.denied(t, w.send(t, github([]byte(random())).to("/e2e/undated")), 503, authz.ReasonReplayStoreUnavailable)
		one := once("best-effort")
		w.allowed(t, w.send(t, one))
		w.denied(t, w.send(t, one), 409, authz.ReasonReplayed)
		w.denied(t, w.send(t, seen), 409, authz.ReasonReplayed) // this process let it pass itself
		w.allowed(t, w.send(t, once("local")))
		w.allowed(t, w.send(t, once("as-often-as-sent")))
		// Whoever can't sign is told so.
		w.denied(t, w.send(t, once("once").without("Stripe-Signature")), 401, authz.ReasonCredentialMissing)
	}
	recovered := func(t *testing.T) {
		t.Helper()
		var got reply
		eventually(t, 20*time.Second, "new messages pass", func() bool {
			got = w.send(t, once("once"))
			return got.status == 200
		})
		w.allowed(t, got)
		one := once("once")
		w.allowed(t, w.send(t, one))
		w.denied(t, w.send(t, one), 409, authz.ReasonReplayed)
	}

	t.Run("stopped", func(t *testing.T) {
		r.signal(t, syscall.SIGSTOP)
		trouble(t)
		r.signal(t, syscall.SIGCONT)
		recovered(t)
		w.denied(t, w.send(t, before), 409, authz.ReasonReplayed)
	})
	t.Run("read-only", func(t *testing.T) {
		r.ok(t, "REPLICAOF", "127.0.0.1", "1")
		trouble(t)
		r.ok(t, "REPLICAOF", "NO", "ONE")
		recovered(t)
	})
	t.Run("full", func(t *testing.T) {
		r.ok(t, "CONFIG", "SET", "maxmemory", "1")
		trouble(t)
		r.ok(t, "CONFIG", "SET", "maxmemory", "0")
		recovered(t)
	})
	t.Run("killed, and back without its memory", func(t *testing.T) {
		lost := once("once")
		w.allowed(t, w.send(t, lost))
		r.kill()
		trouble(t)
		r.again(t)
		recovered(t)
		w.denied(t, w.send(t, lost), 503, authz.ReasonReplayStoreUnavailable)
		w.denied(t, w.send(t, before), 503, authz.ReasonReplayStoreUnavailable)
	})
}

// A new process knows nothing of what the one before let pass, and says so.
func TestReplayAfterRestart(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	w := replayWorld(t, r, setup{})
	local, shared := once("local"), once("once")
	w.allowed(t, w.send(t, local))
	w.allowed(t, w.send(t, shared))
	old := w.servers[0]
	old.kill()
	nextSecond()
	h := startHookauthzIn(t, []string{"HOOKAUTHZ_REPLAY_STORE=" + r.url()}, fill(t, nil, "replay.yaml"),
		append(append([]string{}, w.bao.login...), "--listen="+old.grpc)...)
	h.serving(t)
	w.servers[0] = h
	nextSecond()
	var got reply
	eventually(t, 20*time.Second, "Envoy finds it", func() bool {
		got = w.send(t, once("once"))
		return got.status == 200
	})
	w.denied(t, w.send(t, shared), 409, authz.ReasonReplayed)
	w.denied(t, w.send(t, local), 503, authz.ReasonReplayStoreUnavailable)
	w.allowed(t, w.send(t, once("local")))
}

// A Redis that forgets is found out before it does harm, and a policy that needs
// one is refused where there is none.
func TestReplayStoreRefused(t *testing.T) {
	t.Parallel()
	r := replayRedis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	folder := fill(t, nil, "replay.yaml")
	for _, tt := range []struct {
		name string
		env  []string
		want string
	}{
		{name: "evicting", env: []string{"HOOKAUTHZ_REPLAY_STORE=" + r.url()}, want: "noeviction"},
		{name: "none", want: "--replay-store"},
	} {
		serve := exec.CommandContext(t.Context(), program(t, "HOOKAUTHZ_BIN", "make build"),
			"serve", "--config="+folder, "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--vault-addr=http://127.0.0.1:1")
		serve.Env = append([]string{"VAULT_TOKEN=of-no-use"}, tt.env...)
		out, err := serve.CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.want) || strings.Contains(string(out), r.password) {
			t.Errorf("%s: %v, want a mistake that says %q:\n%s", tt.name, err, tt.want, out)
		}
	}
}

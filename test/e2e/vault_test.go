//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// shortMemory makes secrets run out soon without Vault.
var shortMemory = []string{"--max-stale=5s"}

// outage fails t unless w lives through an outage that begins with cause: at
// first secrets serve on, then the answer is 503, and at no time 401 for a right
// signature or 200 for a wrong one.
func outage(t *testing.T, w *world, cause func()) {
	t.Helper()
	good, bad := github(event), tampered(github(event))
	w.allowed(t, w.send(t, good))
	cause()
	start := time.Now()
	for stale := false; !stale || time.Since(start) < time.Second; {
		got := w.send(t, good)
		if got.status != http.StatusOK {
			t.Fatalf("status %d %v after the outage began (told as stale: %v), want 200; %s", got.status, time.Since(start), stale, w.why(got))
		}
		_, d := w.allowed(t, got)
		stale = d.SecretState == "stale"
		w.denied(t, w.send(t, bad), 401, authz.ReasonSignatureMismatch)
	}
	w.denied(t, w.turns(t, 12*time.Second, good, 200, 503), 503, authz.ReasonSecretUnavailable)
	w.denied(t, w.send(t, bad), 503, authz.ReasonSecretUnavailable)
	w.denied(t, w.send(t, bad.on(failOpen.name)), 503, authz.ReasonSecretUnavailable)
	// Each secret was read last at a time of its own.
	w.denied(t, w.turns(t, 5*time.Second, tower(event), 200, 503), 503, authz.ReasonSecretUnavailable)
	// What is wrong whatever the secret stays the sender's fault.
	w.denied(t, w.send(t, good.without(githubHeader)), 401, authz.ReasonCredentialMissing)
}

func TestVaultStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{bao: startBao(t), flags: shortMemory, listeners: []variant{failOpen}})
	outage(t, w, w.bao.kill)
}

func TestVaultSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{bao: startBao(t), flags: shortMemory, listeners: []variant{failOpen}})
	outage(t, w, func() { w.bao.call(t, "PUT", "sys/seal", nil) })
	w.bao.call(t, "PUT", "sys/unseal", map[string]any{"key": w.bao.unseal})
	w.turns(t, 15*time.Second, github(event), 503, 200)
}

// A Vault that is frozen keeps connections open and says nothing. Nobody waits
// for it: with 200 ms to answer in, the answer is ours.
func TestVaultFrozen(t *testing.T) {
	t.Parallel()
	hasty := variant{name: "hasty", change: func(l listener) {
		treeAt(l.filter(), "grpc_service")["timeout"] = "0.2s"
	}}
	b := startBao(t)
	w := newWorld(t, setup{bao: b, listeners: []variant{hasty}})
	w.allowed(t, w.send(t, github(event).on("hasty")))
	b.signal(t, syscall.SIGSTOP)
	for range 20 {
		w.allowed(t, w.send(t, github(event).on("hasty")))
	}

	cold := newWorld(t, setup{bao: b, listeners: []variant{hasty, failOpen}, cold: true})
	for range 5 {
		cold.denied(t, cold.send(t, github(event).on("hasty")), 503, authz.ReasonNotReady)
		cold.denied(t, cold.send(t, tampered(github(event)).on("hasty")), 503, authz.ReasonNotReady)
		cold.denied(t, cold.send(t, tampered(github(event)).on(failOpen.name)), 503, authz.ReasonNotReady)
	}
	b.signal(t, syscall.SIGCONT)
	cold.turns(t, 30*time.Second, github(event).on("hasty"), 503, 200)
}

// Who takes our permission away has a reason, or has made a mistake that he notices
// within the grace.
func TestVaultForbidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{bao: startBao(t)})
	good := github(event)
	w.allowed(t, w.send(t, good))
	w.bao.forbid(t)
	w.denied(t, w.turns(t, 25*time.Second, good, 200, 500), 500, authz.ReasonSecretForbidden)
	w.denied(t, w.send(t, tampered(good)), 500, authz.ReasonSecretForbidden)
	w.bao.permit(t)
	w.turns(t, 25*time.Second, good, 500, 200)
}

func TestVaultSecretDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{bao: startBao(t)})
	good := github(event)
	w.allowed(t, w.send(t, good))
	w.bao.remove(t, "github")
	w.denied(t, w.turns(t, 10*time.Second, good, 200, 500), 500, authz.ReasonSecretMissing)
	w.allowed(t, w.send(t, tower(event)))

	// Written anew it is good again, and the one before stays deleted.
	fresh := random()
	w.bao.put(t, "github", map[string]string{"secret": fresh})
	w.turns(t, 25*time.Second, githubBy(fresh, "/hooks/github", event), 500, 200)
	w.denied(t, w.send(t, good), 401, authz.ReasonSignatureMismatch)
}

// What can't be a key is never used as one.
func TestVaultUnusableSecret(t *testing.T) {
	t.Parallel()
	b := startBao(t)
	b.call(t, "POST", "secret/data/webhooks/github", map[string]any{"data": map[string]string{"other": "field"}})
	b.call(t, "POST", "secret/data/webhooks/tower", map[string]any{"data": map[string]string{"api_key": "short"}})
	b.call(t, "POST", "secret/data/webhooks/autify", map[string]any{"data": map[string]string{"secret": ""}})
	b.call(t, "POST", "secret/data/webhooks/easytools", map[string]any{"data": map[string]string{"secret": strings.Repeat("0", 40)}})
	w := newWorld(t, setup{bao: b})
	w.denied(t, w.send(t, tower(event).replaced("X-Api-Key", "short")), 500, authz.ReasonSecretWeak)
	w.never(t, w.send(t, easytools(event)), 500)
	w.never(t, w.send(t, autify(event)), 500)
	// The version before may be good for github in its grace; the one that is
	// there has no such field, so another signature may be its.
	w.allowed(t, w.send(t, github(event)))
	w.never(t, w.send(t, tampered(github(event))), 500)
}

// A rotation as the runbook has it: write the new version, wait until it is read
// everywhere, let the sender change over. Nothing is refused meanwhile, and in
// the end the old secret is worth nothing.
func TestRotation(t *testing.T) {
	t.Parallel()
	const path = "/e2e/rotating"
	fresh := random()
	before, after := githubBy(key("rotating"), path, event), githubBy(fresh, path, event)
	_, d := shared.allowed(t, shared.send(t, before))
	if d.SecretAge != "current" {
		t.Errorf("secret_age %q before the rotation, want current", d.SecretAge)
	}
	senders := shared.startLoad(t, func() request { return before })

	shared.bao.put(t, "rotating", map[string]string{"secret": fresh})
	written := time.Now()
	shared.turns(t, 6*time.Second, after, 401, 200)
	changed := shared.startLoad(t, func() request { return after })
	if _, d = shared.allowed(t, shared.send(t, before)); d.SecretAge != "previous" {
		t.Errorf("secret_age of the old secret %q, want previous", d.SecretAge)
	}
	if _, d = shared.allowed(t, shared.send(t, after)); d.SecretAge != "current" {
		t.Errorf("secret_age of the new secret %q, want current", d.SecretAge)
	}
	time.Sleep(time.Until(written.Add(8 * time.Second))) // previous_for is 10s
	senders.allPassed(t)

	shared.denied(t, shared.turns(t, 10*time.Second, before, 200, 401), 401, authz.ReasonSignatureMismatch)
	if ended := time.Since(written); ended < 9*time.Second {
		t.Errorf("the old secret ended after %v, want previous_for, 10s", ended)
	}
	changed.allPassed(t)
}

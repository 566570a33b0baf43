//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Without hookauthz nothing passes, and senders are told to try again.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.allowed(t, w.send(t, github(event)))
	old := w.servers[0]
	old.kill()
	for range 10 {
		w.refused(t, w.send(t, github(event)), 503, "ext_authz_error")
		w.refused(t, w.send(t, tampered(github(event))), 503, "ext_authz_error")
	}
	w.servers = append(w.servers, w.again(t, old))
	w.turns(t, 10*time.Second, github(event), 503, 200)
}

// again starts a server where old was.
func (w *world) again(t *testing.T, old *hookauthz, flags ...string) *hookauthz {
	t.Helper()
	return startHookauthz(t, policyFolder(t), append(append(w.bao.login, "--listen="+old.grpc), flags...)...).serving(t)
}

// Two replicas, one after the other stopped as Kubernetes does it and started
// again, while requests flow.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	flags := []string{"--drain-wait=1500ms", "--drain-timeout=10s"}
	w := newWorld(t, setup{replicas: 2, flags: flags})
	for _, h := range w.servers {
		w.healthy(t, h)
	}
	senders := w.startLoad(t, func() request { return github(event) })
	for _, old := range w.servers {
		old.signal(t, syscall.SIGTERM)
		if !old.ended(15 * time.Second) {
			t.Fatal("hookauthz does not end after SIGTERM")
		}
		if code := old.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("exit code %d after SIGTERM, want 0", code)
		}
		if !strings.Contains(old.stderr.tail(20), "every request was answered") {
			t.Errorf("hookauthz does not say that it answered all:\n%s", old.stderr.tail(5))
		}
		w.healthy(t, w.again(t, old, flags...))
	}
	senders.allPassed(t)
}

// healthy waits until Envoy sends requests to h.
func (w *world) healthy(t *testing.T, h *hookauthz) {
	t.Helper()
	eventually(t, 10*time.Second, "Envoy finds hookauthz healthy", func() bool {
		_, clusters := w.envoy.ask("/clusters")
		return strings.Contains(clusters, fmt.Sprintf("hookauthz::%s::health_flags::healthy\n", h.grpc))
	})
}

// Kubernetes updates a mounted ConfigMap by turning one symbolic link.
func TestReload(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text, err := os.ReadFile(shippedPolicy)
	if err != nil {
		t.Fatal(err)
	}
	mount(t, folder, "..1", string(text))
	if err := os.Symlink("..data/policy.yaml", filepath.Join(folder, "policy.yaml")); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{
		config: filepath.Join(folder, "policy.yaml"),
		listeners: []variant{{name: "later", change: func(l listener) {
			l.add("path", "/hooks/later", named("later"))
		}}},
	})
	h := w.servers[0]
	senders := w.startLoad(t, func() request { return github(event) })
	later := autify(event).to("/hooks/later").on("later")
	w.denied(t, w.send(t, later), 500, authz.ReasonPolicyNotFound)

	added := strings.Replace(string(text), "\npolicies:\n", "\npolicies:\n  later:\n    require:\n      provider: {name: autify, secrets: [autify]}\n\n", 1)
	mount(t, folder, "..2", added)
	w.turns(t, 15*time.Second, later, 500, 200)

	mount(t, folder, "..3", strings.Replace(added, "provider:", "provder:", 1))
	if h.stderr.find(15*time.Second, func(line string) bool { return strings.Contains(line, "the one before stays in use") }) == "" {
		t.Error("hookauthz does not say that it refused a file with a mistake")
	}
	w.allowed(t, w.send(t, later))

	mount(t, folder, "..4", string(text))
	w.turns(t, 15*time.Second, later, 200, 500)
	senders.allPassed(t)
}

// mount makes folder show a policy file, as Kubernetes does.
func mount(t *testing.T, folder, version, text string) {
	t.Helper()
	data, link := filepath.Join(folder, version), filepath.Join(folder, "..data_tmp")
	for _, err := range []error{
		os.Mkdir(data, 0o700),
		os.WriteFile(filepath.Join(data, "policy.yaml"), []byte(text), 0o600),
		os.Symlink(version, link),
		os.Rename(link, filepath.Join(folder, "..data")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// What hookauthz does not answer in time Envoy answers itself, and nothing goes
// upstream. Where failures may pass, everything passes, what nobody signed too.
func TestProcStopped(t *testing.T) {
	t.Parallel()
	w := newProcWorld(t, setup{})
	good, bad := github(event), tampered(github(event))
	for _, listener := range []string{"", "duplex", "fail-open"} {
		w.allowed(t, w.send(t, good.on(listener)))
		w.refusedBy(t, w.send(t, bad.on(listener)), 401, authz.ReasonSignatureMismatch)
	}
	w.servers[0].stop(t)
	defer w.servers[0].signal(t, syscall.SIGCONT)

	// All at once: soon the health check tells Envoy that there is nobody to ask,
	// which it answers 503.
	requests := map[string]request{
		"good": good, "bad": bad, "good, fail-open": good.on("fail-open"), "bad, fail-open": bad.on("fail-open"),
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	got, failed := map[string]reply{}, map[string]error{}
	for name, r := range requests {
		group.Go(func() {
			answer, err := w.try(r)
			mu.Lock()
			defer mu.Unlock()
			got[name], failed[name] = answer, err
		})
	}
	silent := random()
	group.Go(func() {
		// In full duplex no message has a timeout.
		if answer := w.hears(3*time.Second, good.on("duplex"), silent); answer != "" {
			t.Errorf("full duplex: answered %q, want silence", answer)
		}
	})
	group.Wait()
	for name, r := range requests {
		if failed[name] != nil {
			t.Errorf("%s: %v", name, failed[name])
			continue
		}
		if r.listener == "" {
			w.refused(t, got[name], 504, "ext_proc_error_per-message_timeout_exceeded")
			continue
		}
		seen, ok := w.upstream.seen(got[name].id)
		if got[name].status != 200 || !ok || !bytes.Equal(seen.body, r.body) {
			t.Errorf("%s: status %d, seen upstream %v; want it to pass", name, got[name].status, ok)
		}
	}
	if _, ok := w.upstream.seen(silent); ok {
		t.Error("full duplex: the upstream saw the request")
	}
}

// hears returns what is answered to r within d.
func (w *world) hears(d time.Duration, r request, id string) string {
	conn, err := w.dial(r.listener)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }() // nobody waits any more
	_ = conn.SetReadDeadline(time.Now().Add(d))
	if _, err := conn.Write(r.bytes(id)); err != nil {
		return err.Error()
	}
	answer, _ := io.ReadAll(conn) // until d is over
	return string(answer)
}

// stop holds p, all of it, until it gets SIGCONT.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
	eventually(t, 5*time.Second, "it stands still", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		_, state, _ := strings.Cut(string(stat), ") ")
		return err == nil && strings.HasPrefix(state, "T")
	})
}

//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestQuickstart runs what README.md tells a newcomer to run.
func TestQuickstart(t *testing.T) {
	up := exec.CommandContext(context.WithoutCancel(t.Context()), "../../deploy/envoy/up", "--free-ports")
	// Many developers have a proxy, which can't reach what runs here.
	environment := append(os.Environ(), "PYTHONUNBUFFERED=1", "http_proxy=http://127.0.0.1:1", "no_proxy=")
	up.Env = environment
	var trouble bytes.Buffer
	up.Stderr = &trouble
	out, err := up.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	ready := false
	for !ready && lines.Scan() {
		ready = strings.HasPrefix(lines.Text(), "Ready.")
	}
	if !ready {
		_ = up.Wait()
		t.Fatalf("up is not ready: %s", &trouble)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() {
		if err := up.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-drained
		if err := up.Wait(); err != nil {
			t.Errorf("up ended with %v: %s", err, &trouble)
		}
	})

	for _, tt := range []struct{ flag, want string }{
		{"", "200 the application got it\n"},
		{"--tamper", "the decision log says: signature_mismatch"},
		{"--rotate", "Vault has version 2 now; signing with the one before\n200 "},
		{"--no-vault", "Vault is stopped\n200 "},
	} {
		arguments := strings.Fields(tt.flag)
		send := exec.CommandContext(t.Context(), "../../deploy/envoy/send", arguments...)
		send.Env = environment
		got, err := send.CombinedOutput()
		if err != nil || !strings.Contains(string(got), tt.want) {
			t.Errorf("send %s: %v, printed %q, want %q in it", tt.flag, err, got, tt.want)
		}
	}
}

package server_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/server"
	"github.com/hookauthz/hookauthz/server/config"
)

// end waits for the end.
func (p *process) end() {
	p.t.Helper()
	const within = 10 * time.Second
	select {
	case err := <-p.ended:
		p.ended <- err
		if err != nil {
			p.t.Errorf("ended with %v", err)
		}
	case <-time.After(within):
		p.t.Fatalf("still running after %v\n%s", within, &p.logs)
	}
}

func TestDrainAnswersWhileItIsAnnounced(t *testing.T) {
	p := start(t, github, memorySecrets(), func(s *config.Settings) { s.DrainWait = time.Second }).ready()
	p.stop()
	p.wait("NOT_SERVING", func() bool { return p.health(service) == healthpb.HealthCheckResponse_NOT_SERVING })
	for _, name := range []string{"", processor} {
		if got := p.health(name); got != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Errorf("health of %q = %v", name, got)
		}
	}
	if got := p.check("/github", canary); got != 200 {
		t.Errorf("got %d while draining, want 200", got)
	}
	if got := p.check("/github", "wrong"); got != 401 {
		t.Errorf("got %d while draining, want 401", got)
	}
	if status, text := p.get("/readyz"); status != 503 || !strings.Contains(text, "shutting down") {
		t.Errorf("readyz: got %d, %s", status, text)
	}
	if status, _ := p.get("/livez"); status != 200 {
		t.Errorf("livez: got %d", status)
	}
	p.end()
	if !strings.Contains(p.logs.String(), "every request was answered") {
		t.Errorf("no word of the end:\n%s", &p.logs)
	}
	if strings.Count(p.decisions.String(), "\n") != 2 {
		t.Errorf("the last decisions are missing:\n%s", &p.decisions)
	}
}

// watching holds a call open that never ends by itself.
func (p *process) watching() {
	p.t.Helper()
	stream, err := healthpb.NewHealthClient(p.conn).Watch(p.t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		p.t.Fatal(err)
	}
}

// asking opens a check that never gets its message.
func (p *process) asking() {
	p.t.Helper()
	if _, err := p.conn.NewStream(p.t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/"+service+"/Check"); err != nil {
		p.t.Fatal(err)
	}
	p.wait("the check", func() bool { return p.metric("hookauthz_inflight_checks 1") })
}

// A gateway that follows the health doesn't hold the stop up.
func TestDrainEndsWatches(t *testing.T) {
	p := start(t, github, memorySecrets(), func(s *config.Settings) { s.DrainTimeout = time.Hour }).ready()
	p.watching()
	p.stop()
	p.end()
	if !strings.Contains(p.logs.String(), "every request was answered") {
		t.Errorf("the drain was cut off:\n%s", &p.logs)
	}
}

func TestDrainIsCapped(t *testing.T) {
	p := start(t, github, memorySecrets(), func(s *config.Settings) { s.DrainTimeout = 300 * time.Millisecond }).ready()
	p.asking()
	p.stop()
	p.end()
	if !strings.Contains(p.logs.String(), "longer than --drain-timeout") {
		t.Errorf("no word of the cap:\n%s", &p.logs)
	}
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*config.Settings)
	}{
		{"while it is announced", func(s *config.Settings) { s.DrainWait = time.Hour }},
		{"while requests end", func(s *config.Settings) { s.DrainTimeout = time.Hour }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, github, memorySecrets(), tt.change).ready()
			p.asking()
			p.stop()
			close(p.force)
			p.end()
		})
	}
}

// A server that is told to stop before it is ready does so.
func TestStopWhileNotReady(t *testing.T) {
	source := &gated{memorySecrets(), make(chan struct{})}
	p := start(t, github, source, nil).listening()
	p.stop()
	p.end()
	if context.Cause(t.Context()) != nil {
		t.Error("the test's own context ended")
	}
}

// A standard output that nobody reads must not keep the process from ending.
func TestStopWithAStuckDecisionLog(t *testing.T) {
	reader, writer := io.Pipe()
	defer func() { _ = reader.Close() }()
	ctx, stop := context.WithCancel(t.Context())
	serving := make(chan server.Address, 1)
	ended := make(chan error, 1)
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(github), 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		ended <- server.Run(ctx, server.Options{
			Settings: config.Settings{Config: path, Listen: config.Address{Network: "tcp", Address: "127.0.0.1:0"}, MaxBody: 1 << 20, Refresh: time.Minute, MaxStale: time.Hour, DrainTimeout: time.Second},
			Log:      slog.New(slog.DiscardHandler), Decisions: writer,
			Sources: map[secret.Kind]secret.Source{secret.KindVault: memorySecrets()},
			Serving: func(a server.Address) { serving <- a },
		})
	}()
	address := <-serving
	conn, err := grpc.NewClient("passthrough:///"+address.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	p := &process{t: t, conn: conn}
	for range 3 {
		if got := p.check("/github", canary); got != 200 {
			t.Errorf("got %d, want 200", got)
		}
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still running")
	}
}

// Package leak_test runs the whole server inside the test and holds that nothing
// of it is left when it has stopped.
package leak_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hookauthz/hookauthz/server"
	"github.com/hookauthz/hookauthz/server/config"
)

const policies = `secrets: {key: {file: {path: %q}}}
policies:
  p%d: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}
`

// TestNothingIsLeft starts, reloads well and badly, answers while it drains, and
// stops, several times over.
func TestNothingIsLeft(t *testing.T) {
	defer goleak.VerifyNone(t)
	for run := range 3 {
		t.Run(fmt.Sprint(run), once)
	}
}

func once(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "policy.yaml")
	write(t, key, "a key of sixteen bytes or more\n")
	write(t, file, fmt.Sprintf(policies, key, 0))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	hangup := make(chan os.Signal)
	serving := make(chan server.Address, 1)
	ended := make(chan error, 1)
	loopback := config.Address{Network: "tcp", Address: "127.0.0.1:0"}
	go func() {
		ended <- server.Run(ctx, server.Options{
			Settings: config.Settings{
				Config: file, Listen: loopback, Health: loopback, MaxBody: 1 << 20,
				Refresh: time.Minute, MaxStale: time.Hour, DrainWait: 100 * time.Millisecond, DrainTimeout: 5 * time.Second,
			},
			Log: slog.New(slog.DiscardHandler), Decisions: io.Discard, Hangup: hangup,
			Serving: func(a server.Address) { serving <- a },
		})
	}()
	var address server.Address
	select {
	case address = <-serving:
	case err := <-ended:
		t.Fatalf("the server ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not serve")
	}

	conn, err := grpc.NewClient("passthrough:///"+address.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for i := range 6 {
		content := fmt.Sprintf(policies, key, i)
		if i%2 == 1 {
			content += "no such field: 1\n"
		}
		write(t, file, content)
		hangup <- os.Interrupt // any signal there means to reload
		if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
		get(t, "http://"+address.Health+"/readyz?verbose")
		get(t, "http://"+address.Health+"/metrics")
	}
	stop()
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("while draining: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run() = %v", err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no idle connection is left behind
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("GET %s = %d, %v", url, response.StatusCode, err)
	}
}

package server_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/memory"
	"github.com/hookauthz/hookauthz/server"
	"github.com/hookauthz/hookauthz/server/config"
)

const (
	canary  = "canary-c4n4ry-of-a-secret-that-nobody-may-print"
	service = "envoy.service.auth.v3.Authorization"
	// processor is how Envoy's health checks name the external processor.
	processor = "envoy.service.ext_proc.v3.ExternalProcessor"
	body      = `{"zen":"Keep it logically awesome."}`
)

const github = `secrets:
  gh: {vault: {path: gh, field: secret}}
policies:
  github:
    require:
      provider: {name: github, secrets: [gh]}
routes:
  - match: {path: /github}
    policy: github
`

// A buffer may be written and read at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// memorySecrets returns a source that holds the canary as webhook secret.
func memorySecrets() *memory.Source {
	source := memory.New()
	source.Put(at("gh"), map[string][]byte{"secret": []byte(canary)}, time.Now())
	return source
}

func at(path string) secret.Location {
	return secret.Declaration{Vault: &secret.VaultLocation{Path: path}}.Location()
}

// A process is a running server.
type process struct {
	t         *testing.T
	path      string // the policy file
	logs      buffer
	decisions buffer
	hangup    chan os.Signal
	force     chan struct{}
	serving   chan server.Address
	ended     chan error
	stop      context.CancelFunc
	address   server.Address
	conn      *grpc.ClientConn
}

// start runs a server with a policy file of that content.
func start(t *testing.T, policies string, source secret.Source, change func(*config.Settings)) *process {
	t.Helper()
	p := &process{
		t: t, path: filepath.Join(t.TempDir(), "policy.yaml"),
		hangup: make(chan os.Signal), force: make(chan struct{}),
		serving: make(chan server.Address, 1), ended: make(chan error, 1),
	}
	p.write(policies)
	s := config.Settings{
		Config: p.path, Listen: config.Address{Network: "tcp", Address: "127.0.0.1:0"}, Health: config.Address{Network: "tcp", Address: "127.0.0.1:0"},
		MaxBody: 1 << 20, Refresh: time.Minute, MaxStale: time.Hour, DrainTimeout: 10 * time.Second,
	}
	if change != nil {
		change(&s)
	}
	ctx, stop := context.WithCancel(t.Context())
	p.stop = stop
	go func() {
		p.ended <- server.Run(ctx, server.Options{
			Settings: s, Log: slog.New(slog.NewJSONHandler(&p.logs, &slog.HandlerOptions{Level: slog.LevelDebug})), Decisions: &p.decisions,
			Sources: map[secret.Kind]secret.Source{secret.KindVault: source}, Hangup: p.hangup, Force: p.force,
			Serving: func(a server.Address) { p.serving <- a },
		})
	}()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-p.ended:
			t.Logf("ended: %v", err)
		case <-time.After(20 * time.Second):
			t.Error("the server does not end")
		}
		if strings.Contains(p.logs.String()+p.decisions.String(), canary) {
			t.Error("the secret was printed")
		}
	})
	return p
}

// listening waits for the listeners and connects.
func (p *process) listening() *process {
	p.t.Helper()
	p.wait("listening", func() bool { return strings.Contains(p.logs.String(), `"msg":"listening`) })
	for line := range strings.Lines(p.logs.String()) {
		var l struct{ Msg, GRPC, Health string }
		if err := json.Unmarshal([]byte(line), &l); err == nil && strings.HasPrefix(l.Msg, "listening") {
			p.address.GRPC, p.address.Health = l.GRPC, l.Health
		}
	}
	conn, err := grpc.NewClient("passthrough:///"+p.address.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	p.conn = conn
	return p
}

// ready waits until checks are answered.
func (p *process) ready() *process {
	p.t.Helper()
	p.listening()
	select {
	case p.address = <-p.serving:
	case err := <-p.ended:
		p.ended <- err
		p.t.Fatalf("ended: %v\n%s", err, &p.logs)
	case <-time.After(20 * time.Second):
		p.t.Fatalf("not ready\n%s", &p.logs)
	}
	return p
}

// wait waits until ok.
func (p *process) wait(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("waited for %s\n%s", what, &p.logs)
		}
	}
}

func (p *process) write(policies string) {
	p.t.Helper()
	// The way editors and careful tools write.
	if err := os.WriteFile(p.path+".new", []byte(policies), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(p.path+".new", p.path); err != nil {
		p.t.Fatal(err)
	}
}

// check returns the HTTP status of a delivery signed with key, 200 for an allow.
func (p *process) check(path, key string) int {
	p.t.Helper()
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	headers := map[string]string{
		":method": "POST", "content-length": fmt.Sprint(len(body)), "x-envoy-auth-partial-body": "false",
		"x-hub-signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	}
	lines := &corepb.HeaderMap{}
	for name, value := range headers {
		lines.Headers = append(lines.Headers, &corepb.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	r, err := authpb.NewAuthorizationClient(p.conn).Check(ctx, &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Request: &authpb.AttributeContext_Request{Http: &authpb.AttributeContext_HttpRequest{
			Method: "POST", Path: path, Host: "a.example", Protocol: "HTTP/1.1", HeaderMap: lines, RawBody: []byte(body), Size: int64(len(body)),
		}},
	}})
	if err != nil {
		p.t.Fatalf("check: %v\n%s", err, &p.logs)
	}
	if codes.Code(r.GetStatus().GetCode()) == codes.OK {
		return 200
	}
	return int(r.GetDeniedResponse().GetStatus().GetCode())
}

func (p *process) health(name string) healthpb.HealthCheckResponse_ServingStatus {
	p.t.Helper()
	r, err := healthpb.NewHealthClient(p.conn).Check(p.t.Context(), &healthpb.HealthCheckRequest{Service: name})
	if err != nil {
		p.t.Fatal(err)
	}
	return r.GetStatus()
}

func (p *process) get(path string) (int, string) {
	p.t.Helper()
	r, err := http.Get("http://" + p.address.Health + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func (p *process) metric(line string) bool {
	p.t.Helper()
	_, text := p.get("/metrics")
	return strings.Contains(text, "\n"+line+"\n")
}

func TestServeAnswersChecks(t *testing.T) {
	p := start(t, github, memorySecrets(), nil).ready()
	if got, want := p.address.String(), "serving grpc="+p.address.GRPC+" health="+p.address.Health+" policies=1 config=sha256:"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want it to begin %q", got, want)
	}
	if got := p.check("/github", canary); got != 200 {
		t.Errorf("signed: got %d, want 200", got)
	}
	if got := p.check("/github", "another key"); got != 401 {
		t.Errorf("signed by somebody else: got %d, want 401", got)
	}
	if got := p.check("/other", canary); got != 403 {
		t.Errorf("no route: got %d, want 403", got)
	}
	for _, name := range []string{"", service, processor} {
		if got := p.health(name); got != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health of %q = %v", name, got)
		}
	}
	p.wait("three decisions", func() bool { return strings.Count(p.decisions.String(), "\n") == 3 })
	for _, want := range []string{`"secret":"gh","secret_version":1,"secret_age":"current"`, `"reason":"signature_mismatch"`, `"reason":"route_not_found"`} {
		if !strings.Contains(p.decisions.String(), want) {
			t.Errorf("decisions hold no %s:\n%s", want, &p.decisions)
		}
	}
	p.wait("no check in flight", func() bool {
		return p.metric("hookauthz_inflight_checks 0") && p.metric("hookauthz_inflight_body_bytes 0")
	})
	for path, want := range map[string]string{"/livez": "alive", "/readyz?verbose": "secret gh (vault): fresh", "/metrics": `hookauthz_secret_state{reference="gh",state="fresh"} 1`} {
		status, text := p.get(path)
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: got %d, %s", path, status, text)
		}
		if strings.Contains(text, canary) {
			t.Errorf("%s shows the secret", path)
		}
	}
}

// gated is a source that answers only once it is opened.
type gated struct {
	*memory.Source
	open chan struct{}
}

func (g *gated) Read(ctx context.Context, loc secret.Location, version int) (secret.Reading, error) {
	if loc == at("gh") || loc == at("other") {
		select {
		case <-g.open:
		case <-ctx.Done():
			return secret.Reading{}, ctx.Err()
		default:
			return secret.Reading{}, &secret.Error{Class: secret.ClassTransient, Cause: secret.CauseNetwork, Operation: secret.OperationRead}
		}
	}
	return g.Source.Read(ctx, loc, version)
}

func TestNotServingUntilSecretsAreSettled(t *testing.T) {
	source := &gated{memorySecrets(), make(chan struct{})}
	p := start(t, github, source, nil).listening()
	if got := p.check("/github", canary); got != 503 {
		t.Errorf("got %d before the secret was read, want 503", got)
	}
	for _, name := range []string{"", service, processor} {
		if got := p.health(name); got != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Errorf("health of %q = %v", name, got)
		}
	}
	if status, text := p.get("/readyz"); status != 503 || !strings.Contains(text, "secrets and keys are still being read") {
		t.Errorf("readyz: got %d, %s", status, text)
	}
	if status, _ := p.get("/livez"); status != 200 {
		t.Errorf("livez: got %d", status)
	}
	close(source.open)
	p.ready()
	if got := p.check("/github", canary); got != 200 {
		t.Errorf("got %d, want 200", got)
	}
	p.wait("the decision", func() bool { return strings.Contains(p.decisions.String(), `"reason":"not_ready"`) })
}

func TestAMissingSecretStartsWithAdvice(t *testing.T) {
	p := start(t, github, memory.New(), nil).ready()
	if got := p.check("/github", canary); got != 500 {
		t.Errorf("got %d, want 500", got)
	}
	if !strings.Contains(p.logs.String(), "vault kv put -mount=secret gh secret=-") {
		t.Errorf("no advice:\n%s", &p.logs)
	}
}

func TestStartRefuses(t *testing.T) {
	tests := []struct {
		name, policies string
		source         secret.Source
		change         func(*config.Settings)
		want           string
	}{
		{name: "mistakes", policies: strings.Replace(github, "[gh]", "[hg]", 1), source: memory.New(), want: "mistake"},
		{name: "an empty file", policies: "", source: memory.New(), want: "1 mistake"},
		{name: "no Vault", policies: github, want: "set VAULT_ADDR"},
		{name: "an unreachable refresh", policies: github, source: memory.New(), change: func(s *config.Settings) { s.MaxStale = s.Refresh }, want: "over a quarter of --max-stale"},
		{name: "a listener that is taken", policies: github, source: memory.New(), change: func(s *config.Settings) { s.Listen.Address = "192.0.2.1:1" }, want: "listen on 192.0.2.1:1"},
		{name: "no TLS files", policies: github, source: memory.New(), change: func(s *config.Settings) { s.TLS = config.TLS{Cert: "/none", Key: "/none"} }, want: "read TLS files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, tt.policies, tt.source, tt.change)
			err := <-p.ended
			p.ended <- err
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Package leak_test runs the whole server inside the test and holds that nothing
// of it is left when it has stopped.
package leak_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server"
	"github.com/hookauthz/hookauthz/server/config"
)

const policies = `secrets: {key: {file: {path: %[1]q}}}
policies:
  p%[3]d: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}
`

// issuing has all that talks to others: an issuer whose keys are fetched, a server
// that judges tokens, and tokens of our own.
const issuing = `secrets: {key: {file: {path: %[1]q}}, client: {file: {path: %[1]q}}, signing: {file: {path: %[2]q}}}
keys: {issuer: {discovery: {issuer: %[4]q}}, own: {stored: {secret: signing, format: pem}}}
token_endpoint:
  issuer: https://hooks.example.com
  signing_keys: [own]
  clients: [{name: acme, secrets: [client]}]
policies:
  p%[3]d: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}
  own: {require: {bearer: {own: {clients: [acme]}}}}
  theirs: {require: {bearer: {jwt: {issuer: %[4]q, audiences: [x], keys: [issuer], algorithms: [EdDSA]}}}}
  asked: {require: {bearer: {introspection: {url: "http://127.0.0.1:1/", client_id: x, secrets: [client], audiences: [x]}}}}
`

// opaque keeps its tokens in a store that is not there.
const opaque = `secrets: {key: {file: {path: %[1]q}}}
token_endpoint: {issuer: https://hooks.example.com, tokens: opaque, clients: [{name: acme, secrets: [key]}]}
policies:
  p%[3]d: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}
  own: {require: {bearer: {own: {clients: [acme]}}}}
`

// TestNothingIsLeft starts, reloads well and badly, answers while it drains, and
// stops, several times over.
func TestNothingIsLeft(t *testing.T) {
	defer goleak.VerifyNone(t)
	tokens := func(s *config.Settings) { s.Dev, s.TokenListen = true, s.Listen }
	for _, tt := range []struct {
		name, content string
		runs          int
		change        func(*config.Settings)
		environ       map[string]string
		token         int // status of a request for a token; 0: there is nobody to ask
	}{
		{name: "policies", content: policies, runs: 3},
		{name: "traces", content: policies, runs: 1, environ: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}},
		{name: "key sets and tokens", content: issuing, runs: 2, change: tokens, token: http.StatusOK},
		{name: "opaque tokens", content: opaque, runs: 2, token: http.StatusServiceUnavailable, change: func(s *config.Settings) {
			tokens(s)
			s.TokenStore = authz.NewSecret([]byte("redis://127.0.0.1:1/0"))
		}},
	} {
		for run := range tt.runs {
			t.Run(fmt.Sprint(tt.name, " ", run), func(t *testing.T) {
				s := subject{content: tt.content, change: tt.change, token: tt.token}
				s.environ = func(name string) (string, bool) {
					value, ok := tt.environ[name]
					return value, ok
				}
				s.run(t)
			})
		}
	}
}

// A subject is a server with a policy file. content has the places of a key, of a
// signing key, a number that changes, and an issuer.
type subject struct {
	content string
	change  func(*config.Settings) // nil: nothing
	environ func(string) (string, bool)
	token   int
}

func (s *subject) run(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	key, signing, file := filepath.Join(dir, "key"), filepath.Join(dir, "signing"), filepath.Join(dir, "policy.yaml")
	issuer := startIssuer(t)
	content := func(i int) string { return fmt.Sprintf(s.content+"# %[1]q %[2]q %[4]q\n", key, signing, i, issuer) }
	write(t, key, secret+"\n")
	write(t, signing, privateKey(t))
	write(t, file, content(0))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	hangup := make(chan os.Signal)
	serving := make(chan server.Address, 1)
	ended := make(chan error, 1)
	loopback := config.Address{Network: "tcp", Address: "127.0.0.1:0"}
	settings := config.Settings{
		Config: file, Listen: loopback, Health: loopback, MaxBody: 1 << 20,
		Refresh: time.Minute, MaxStale: time.Hour, DrainWait: 100 * time.Millisecond, DrainTimeout: 5 * time.Second,
	}
	if s.change != nil {
		s.change(&settings)
	}
	go func() {
		ended <- server.Run(ctx, server.Options{
			Settings: settings, Log: slog.New(slog.DiscardHandler), Decisions: io.Discard, Hangup: hangup,
			Environ: s.environ, Serving: func(a server.Address) { serving <- a },
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
		text := content(i)
		if i%2 == 1 {
			text += "no such field: 1\n"
		}
		write(t, file, text)
		hangup <- os.Interrupt // any signal there means to reload
		if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
		get(t, "http://"+address.Health+"/readyz?verbose")
		get(t, "http://"+address.Health+"/metrics")
		if s.token != 0 {
			s.trade(t, "http://"+address.Token+"/token")
		}
	}
	stop()
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("while draining: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run() = %v", err)
	}
}

const secret = "a key of sixteen bytes or more"

// trade asks for a token.
func (s *subject) trade(t *testing.T, endpoint string) {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"acme"}, "client_secret": {secret}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Close = true // no idle connection is left behind
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != s.token {
		t.Errorf("POST %s = %d, %v, want %d; %s", endpoint, response.StatusCode, err, s.token, text)
	}
}

// startIssuer starts an issuer and returns its URL.
func startIssuer(t *testing.T) string {
	t.Helper()
	var own string
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/keys" {
			_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, own, own+"/keys")
	}))
	own = issuer.URL
	t.Cleanup(issuer.Close)
	return own
}

func privateKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
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

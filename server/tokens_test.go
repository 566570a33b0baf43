package server_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/config"
)

const ownTokens = github + `  - match: {path: /orders}
    policy: orders
  - match: {path: /other}
    policy: other
  - match: {path: /watched}
    policy: watched
token_endpoint:
  issuer: https://hooks.example.com
  signing_keys: [own]
  clients: [{name: acme, secrets: [gh]}]
keys: {own: {stored: {secret: own, format: pem}}}
`

// withOwn adds the policies and the secret that ownTokens names.
func withOwn() string {
	text := strings.Replace(ownTokens, "secrets:\n", "secrets:\n  own: {vault: {path: own, field: key, previous_for: 1h}}\n", 1)
	return strings.Replace(text, "policies:\n", `policies:
  orders: {require: {bearer: {own: {clients: [acme]}}}}
  other: {require: {all_of: [{bearer: {own: {clients: [acme]}}}, {api_key: {header: X-Key, secrets: [gh]}}]}}
  watched: {mode: monitor, require: {api_key: {header: X-Key, secrets: [gh]}}}
`, 1)
}

func signingKey(t *testing.T) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// send has a request without a body decided and returns its status, 200 for an
// allow.
func (p *process) send(path string, header ...string) int {
	p.t.Helper()
	headers := map[string]string{":method": "POST"}
	for i := 0; i+1 < len(header); i += 2 {
		headers[header[i]] = header[i+1]
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	response, err := authpb.NewAuthorizationClient(p.conn).Check(ctx, &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Source: &authpb.AttributeContext_Peer{Address: &corepb.Address{Address: &corepb.Address_SocketAddress{
			SocketAddress: &corepb.SocketAddress{Address: "192.0.2.1"},
		}}},
		Request: &authpb.AttributeContext_Request{Http: &authpb.AttributeContext_HttpRequest{
			Method: "POST", Host: "h", Path: path, Protocol: "HTTP/1.1", Headers: headers,
		}},
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	if response.GetStatus().GetCode() == 0 {
		return http.StatusOK
	}
	return int(response.GetDeniedResponse().GetStatus().GetCode())
}

// token fetches a token as a sender does. It returns the status too.
func (p *process) token(secret string) (string, int) {
	p.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"acme"}, "client_secret": {secret}}
	resp, err := http.PostForm("http://"+p.address.Token+"/token", form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	return answer.Token, resp.StatusCode
}

// A token of the endpoint passes its route and no other, and ends with the
// listener.
func TestTokenListener(t *testing.T) {
	secrets := memorySecrets()
	secrets.Put(at("own"), map[string][]byte{"key": signingKey(t)}, time.Now())
	p := start(t, withOwn(), secrets, func(s *config.Settings) {
		s.TokenListen = config.Address{Network: "tcp", Address: "127.0.0.1:0"}
	}).ready()
	if !strings.Contains(p.address.String(), " token="+p.address.Token+" ") {
		t.Errorf("the serving line %q names no token listener", p.address)
	}
	if got := p.logged("listening")["token"]; got != p.address.Token {
		t.Errorf("the log says that tokens are at %v, want %s", got, p.address.Token)
	}
	token, status := p.token(canary)
	if status != http.StatusOK {
		t.Fatalf("token: status %d", status)
	}
	if _, status := p.token("wrong"); status != http.StatusUnauthorized {
		t.Errorf("token with a wrong secret: status %d, want 401", status)
	}
	for path, want := range map[string]int{"/orders": 200, "/other": 401, "/github": 401, "/nowhere": 403} {
		if got := p.send(path, "authorization", "Bearer "+token); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
	if got := p.send("/other", "authorization", "Bearer "+token, "x-key", canary); got != 200 {
		t.Errorf("token and key: got %d, want 200", got)
	}
	if got := p.send("/watched", "x-key", "wrong"); got != 200 {
		t.Errorf("a monitored policy: got %d, want 200", got)
	}
	_, metrics := p.get("/metrics")
	for _, want := range []string{
		`hookauthz_token_requests_total{operation="token",result="issued"} 1`, `result="invalid_client"} 1`,
		"hookauthz_monitored_policies 1", `hookauthz_monitor_disagreements_total{policy="watched"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	p.stop()
	p.wait("the end of the token listener", func() bool {
		resp, err := http.Get("http://" + p.address.Token + "/jwks.json")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err != nil
	})
}

// Flags and policy file that disagree about tokens are told of.
func TestTokenWarnings(t *testing.T) {
	secrets := memorySecrets()
	secrets.Put(at("own"), map[string][]byte{"key": signingKey(t)}, time.Now())
	p := start(t, withOwn(), secrets, nil).ready()
	if !strings.Contains(p.logs.String(), "no --token-listen opens it") || p.address.Token != "" {
		t.Errorf("no word of the missing listener in\n%s", &p.logs)
	}
	if got, ok := p.logged("listening")["token"]; ok {
		t.Errorf("the log says that tokens are at %v, and nobody listens", got)
	}
	p = start(t, github, memorySecrets(), func(s *config.Settings) {
		s.TokenListen = config.Address{Network: "tcp", Address: "127.0.0.1:0"}
	}).ready()
	if !strings.Contains(p.logs.String(), "the policy file has no token_endpoint") {
		t.Errorf("no word of the missing token_endpoint in\n%s", &p.logs)
	}
	if _, status := p.token(canary); status != http.StatusNotFound {
		t.Errorf("token without a token_endpoint: status %d, want 404", status)
	}
}

// logged returns the last line of the log whose message begins so.
func (p *process) logged(message string) map[string]any {
	p.t.Helper()
	var last map[string]any
	for line := range strings.Lines(p.logs.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			p.t.Fatalf("%q: %v", line, err)
		}
		if text, ok := l["msg"].(string); ok && strings.HasPrefix(text, message) {
			last = l
		}
	}
	return last
}

// storeAt listens as a Redis that can do nothing but answer.
func storeAt(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				question := make([]byte, 1<<10)
				for {
					n, err := conn.Read(question)
					if err != nil {
						return
					}
					answer := "-ERR unknown command\r\n" // to what precedes the question
					if strings.Contains(strings.ToLower(string(question[:n])), "ping") {
						answer = "+PONG\r\n"
					}
					if _, err := io.WriteString(conn, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	t.Cleanup(func() { _ = lis.Close() })
	return lis
}

// The token store is told of where there is one. Readiness does not hang on it.
func TestTokenStoreIsReported(t *testing.T) {
	there, away := storeAt(t), storeAt(t)
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		store string
		want  string // "" if it is not told of
	}{
		{name: "none"},
		{name: "there", store: there.Addr().String(), want: "[+] token store: reachable\n"},
		{name: "away", store: away.Addr().String(), want: "[-] token store: not reachable\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, github, memorySecrets(), func(s *config.Settings) {
				if tt.store != "" {
					s.TokenStore = authz.NewSecret([]byte("redis://" + tt.store))
				}
			}).ready()
			var status int
			var text string
			p.wait("the token store's line", func() bool {
				status, text = p.get("/readyz?verbose")
				return strings.Contains(text, tt.want)
			})
			if status != http.StatusOK || !strings.HasSuffix(text, "\nready\n") {
				t.Errorf("got %d %q, want it to be ready", status, text)
			}
			if tt.want == "" && strings.Contains(text, "token store") {
				t.Errorf("got %q of a store that is not there", text)
			}
		})
	}
}

// The start waits for key sets, and readiness tells of them.
func TestKeySetsAreFetchedBeforeServing(t *testing.T) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"`+base64url(public)+`"}]}`)
	}))
	defer issuer.Close()
	p := start(t, `policies:
  p: {require: {bearer: {jwt: {issuer: i, audiences: [a], keys: [k], algorithms: [EdDSA]}}}}
keys: {k: {jwks: {url: "`+issuer.URL+`/keys"}}}
`, memorySecrets(), func(s *config.Settings) { s.Dev = true }).listening()
	if _, got := p.get("/readyz"); !strings.Contains(got, "secrets and keys are still being read") {
		t.Errorf("before the key set is there: %q", got)
	}
	close(release)
	p.ready()
	if _, got := p.get("/readyz?verbose"); !strings.Contains(got, "[+] key set k: fresh, 1 keys, fetched") {
		t.Errorf("readyz?verbose: %q", got)
	}
	if _, got := p.get("/metrics"); !strings.Contains(got, `hookauthz_keyset_state{keyset="k",state="fresh"} 1`) {
		t.Error("metrics lack the state of the key set")
	}
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// The number of monitored policies follows the file.
func TestMonitoredPoliciesFollowReloads(t *testing.T) {
	p := start(t, github, memorySecrets(), nil).ready()
	if !p.metric("hookauthz_monitored_policies 0") {
		t.Error("a policy is monitored at the start")
	}
	p.write(strings.Replace(github, "  github:\n", "  github:\n    mode: monitor\n", 1))
	p.wait("the monitored policy", func() bool { return p.metric("hookauthz_monitored_policies 1") })
}

package vault_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
)

// A bao is a real server in development mode.
type bao struct {
	address string
	root    string
	process *os.Process
}

// program returns the path of the server's binary.
func program(t *testing.T) string {
	t.Helper()
	path := os.Getenv("HOOKAUTHZ_BAO")
	if path == "" {
		path = filepath.Join("..", "..", "..", ".tools", "bin", "bao")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("these tests want the OpenBao server, which is not at %s: run `make tools`", path)
	}
	return path
}

// start starts a server that ends with the test.
func start(t *testing.T) *bao {
	t.Helper()
	path := program(t)
	for range 5 { // another program may take the port between our look and the server's
		if b := try(t, path); b != nil {
			return b
		}
	}
	t.Fatal("no server came up")
	return nil
}

func try(t *testing.T, path string) *bao {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := &bao{address: "http://" + address, root: "root-" + rand.Text()}
	cmd := exec.Command(path, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id="+b.root,
		"-dev-listen-address="+address)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.process = cmd.Process
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
		status, _ := b.request(t, http.MethodGet, "auth/token/lookup-self", b.root, "", nil)
		if status == http.StatusOK {
			return b
		}
	}
	return nil
}

// request makes a request and returns status, 0 for none, and body.
func (b *bao) request(t *testing.T, method, path, token, namespace string, body any) (int, map[string]any) {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, b.address+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Vault-Token", token)
	if namespace != "" {
		r.Header.Set("X-Vault-Namespace", namespace)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	var reply map[string]any
	raw, _ := io.ReadAll(resp.Body)
	_ = json.Unmarshal(raw, &reply)
	return resp.StatusCode, reply
}

// admin makes a request as root that must succeed.
func (b *bao) admin(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	return b.adminIn(t, "", method, path, body)
}

func (b *bao) adminIn(t *testing.T, namespace, method, path string, body any) map[string]any {
	t.Helper()
	var status int
	var reply map[string]any
	for range 50 { // a new mount is upgraded for a moment
		status, reply = b.request(t, method, path, b.root, namespace, body)
		if status/100 == 2 {
			return reply
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s %s: status %d, %v", method, path, status, reply)
	return nil
}

func (b *bao) put(t *testing.T, path string, data map[string]any) {
	t.Helper()
	b.admin(t, http.MethodPost, "secret/data/"+path, map[string]any{"data": data})
}

const readAll = `path "*" { capabilities = ["read", "list"] }`

// policy writes the policy "reader".
func (b *bao) policy(t *testing.T, text string) {
	t.Helper()
	b.admin(t, http.MethodPut, "sys/policies/acl/reader", map[string]any{"policy": text})
}

// token returns a token with the policy "reader", which may look itself up.
func (b *bao) token(t *testing.T, more map[string]any) string {
	t.Helper()
	body := map[string]any{"policies": []string{"reader"}, "ttl": "1h"}
	maps.Copy(body, more)
	return member(t, b.admin(t, http.MethodPost, "auth/token/create", body), "auth", "client_token")
}

// member returns a text of a reply.
func member(t *testing.T, reply map[string]any, outer, inner string) string {
	t.Helper()
	o, _ := reply[outer].(map[string]any)
	text, ok := o[inner].(string)
	if !ok {
		t.Fatalf("no %s.%s in the reply", outer, inner)
	}
	return text
}

// appRole makes the role "hook" with more settings and returns a configuration
// that logs in as it.
func (b *bao) appRole(t *testing.T, more map[string]any) vault.Config {
	t.Helper()
	b.admin(t, http.MethodPost, "sys/auth/approle", map[string]any{"type": "approle"})
	role := map[string]any{"token_policies": "reader"}
	maps.Copy(role, more)
	b.admin(t, http.MethodPost, "auth/approle/role/hook", role)
	id := member(t, b.admin(t, http.MethodGet, "auth/approle/role/hook/role-id", nil), "data", "role_id")
	sid := member(t, b.admin(t, http.MethodPost, "auth/approle/role/hook/secret-id", nil), "data", "secret_id")
	dir := t.TempDir()
	return vault.Config{
		Address: b.address, Auth: vault.AuthAppRole,
		RoleIDFile:   file(t, filepath.Join(dir, "role"), fmt.Sprintln(id)),
		SecretIDFile: file(t, filepath.Join(dir, "secret"), fmt.Sprintln(sid)),
	}
}

func file(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A recorder keeps events.
type recorder struct {
	mu     sync.Mutex
	events []secret.Event
}

// Observe implements [secret.Observer].
func (r *recorder) Observe(e secret.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// seen returns how many events match.
func (r *recorder) seen(match func(secret.Event) bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if match(e) {
			n++
		}
	}
	return n
}

// requests returns how many requests of one kind were made.
func (r *recorder) requests(operation string) int {
	return r.seen(func(e secret.Event) bool { return e.Type == secret.EventRequest && e.Operation == operation })
}

// results returns how many logins or renewals ended so.
func (r *recorder) results(kind secret.EventType, result string) int {
	return r.seen(func(e secret.Event) bool { return e.Type == kind && e.Result == result })
}

// run runs a client of cfg until the test ends or the returned function is
// called.
func run(t *testing.T, cfg vault.Config) (*vault.Client, *recorder, func()) {
	t.Helper()
	events := &recorder{}
	cfg.Observer = events
	client, err := vault.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { events.quiet(t) })
	return client, events, running(t, client)
}

// quiet checks that no event tells what must not be logged.
func (r *recorder) quiet(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		text := fmt.Sprintf("%+v %v", e, e.Err)
		for _, word := range []string{canary, "http", "s.", "root-", "hvs."} {
			if strings.Contains(text, word) {
				t.Errorf("event %q holds %q", text, word)
			}
		}
	}
}

func running(t *testing.T, client *vault.Client) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- client.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() error = %v, want nil", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func kv2(path string) secret.Location {
	return secret.Location{Kind: secret.KindVault, Mount: "secret", KVVersion: 2, Path: path}
}

// read reads field "k" of loc and returns its value, or the class of the
// failure.
func read(t *testing.T, c *vault.Client, loc secret.Location, version int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	reading, err := c.Read(ctx, loc, version)
	return said(t, reading, err)
}

func said(t *testing.T, reading secret.Reading, err error) string {
	t.Helper()
	if err == nil {
		f := reading.Fields["k"]
		if !f.Text {
			return "no text"
		}
		return string(f.Secret.Reveal())
	}
	if reading.Fields != nil {
		t.Error("Read() returned fields beside an error")
	}
	failure, ok := errors.AsType[*secret.Error](err)
	if !ok {
		t.Fatalf("Read() error = %v of type %T", err, err)
	}
	if strings.Contains(failure.Error(), canary) || strings.Contains(failure.Error(), "http") {
		t.Errorf("Read() error %q quotes what it must not", failure)
	}
	return failure.Class.String() + " " + string(failure.Cause)
}

const canary = "c4n4ry-Zq9"

// A proxy stands before a server and may answer in its place.
type proxy struct {
	*httptest.Server
	forward  http.Handler
	fault    atomic.Pointer[http.HandlerFunc] // nil: none
	requests atomic.Int64
}

func before(t *testing.T, b *bao) *proxy {
	t.Helper()
	target, err := url.Parse(b.address)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{forward: httputil.NewSingleHostReverseProxy(target)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		if fault := p.fault.Load(); fault != nil && !strings.Contains(r.URL.Path, "/auth/") {
			(*fault)(w, r)
			return
		}
		p.forward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		p.CloseClientConnections()
		p.Close()
	})
	return p
}

func (p *proxy) answer(h http.HandlerFunc) { p.fault.Store(&h) }

// only has h answer where the path ends so.
func (p *proxy) only(end string, h http.HandlerFunc) {
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, end) {
			h(w, r)
			return
		}
		p.forward.ServeHTTP(w, r)
	})
}

func reader(b *bao, token string) vault.Config {
	return vault.Config{Address: b.address, Token: authz.NewSecret([]byte(token))}
}

// eventually waits until done, which a real server makes true in a moment.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

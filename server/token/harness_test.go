package token_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/token"
)

// Secrets of the clients. The first has what form encoding changes.
const (
	acmeSecret = "a secret+of 100% odd & long/text=:é"
	olafSecret = "olafs-secret-is-long-enough-2"
)

// The clients: acme may have two scopes; olaf is named by a policy and has none;
// idle has a scope that no policy wants.
const clientsYAML = `
  clients:
    - {name: acme, secrets: [acme], scopes: [orders, refunds, unused]}
    - {name: olaf, secrets: [olaf]}
    - {name: idle, secrets: [olaf], scopes: [unused]}
policies:
  shop: {require: {bearer: {own: {scopes: [orders]}}}}
  bank: {require: {bearer: {own: {scopes: [orders, refunds]}}}}
  post: {require: {bearer: {own: {clients: [olaf]}}}}
`

const declared = `
secrets:
  acme: {vault: {path: s/acme, field: f}}
  olaf: {vault: {path: s/olaf, field: f}}
  own: {vault: {path: s/own, field: f, previous_for: 1h}}
  next: {vault: {path: s/next, field: f, previous_for: 1h}}
keys:
  own: {stored: {secret: own, format: pem}}
  next: {stored: {secret: next, format: pem}}
`

const (
	jwtYAML = declared + `
token_endpoint:
  issuer: https://hooks.example.com/senders
  signing_keys: [own, next]
  lifetime: 10m` + clientsYAML

	opaqueYAML = `
secrets:
  acme: {vault: {path: s/acme, field: f}}
  olaf: {vault: {path: s/olaf, field: f}}
token_endpoint:
  issuer: https://hooks.example.com
  tokens: opaque
  lifetime: 10m` + clientsYAML
)

// A subject is an endpoint under test.
type subject struct {
	tb      testing.TB
	handler *token.Handler
	config  token.Config
	secrets map[string]*authztest.Secrets
	table   *policy.Table
	logs    bytes.Buffer
	store   *token.Store
	wrap    func(authz.Secrets) authz.Secrets // may be nil

	mu      sync.Mutex
	results []string
}

// key returns an Ed25519 key made of one byte, in PEM.
func key(tb testing.TB, seed byte) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func build(tb testing.TB, text string, store *token.Store) *subject {
	tb.Helper()
	s := &subject{tb: tb, store: store, secrets: map[string]*authztest.Secrets{
		"acme": authztest.Values(acmeSecret), "olaf": authztest.Values(olafSecret),
		"own": authztest.Values(key(tb, 1)), "next": authztest.Values(key(tb, 2)),
	}}
	s.load(text)
	s.config = token.Config{
		Endpoint: func() *policy.TokenEndpoint { return s.table.TokenEndpoint() },
		Store:    store, Recorder: s,
		Log: slog.New(slog.NewJSONHandler(&s.logs, nil)),
	}
	s.handler = token.New(s.config)
	return s
}

// load puts a policy file into use.
func (s *subject) load(text string) {
	s.tb.Helper()
	file, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, policy.Options{})
	if file == nil {
		s.tb.Fatalf("the policy file has mistakes: %+v", findings)
	}
	sources := policy.Sources{Secret: func(name string) authz.Secrets {
		if s.wrap != nil {
			return s.wrap(s.secrets[name])
		}
		return s.secrets[name]
	}}
	if s.store != nil {
		sources.Grants = s.store
	}
	s.table = file.Table(sources)
}

// TokenRequest implements [token.Recorder].
func (s *subject) TokenRequest(operation, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(token.Results(), result) {
		s.tb.Errorf("result %q is none of the closed set", result)
	}
	s.results = append(s.results, operation+" "+result)
}

// last is the result that was counted last.
func (s *subject) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.results) == 0 {
		return ""
	}
	return s.results[len(s.results)-1]
}

func (s *subject) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// post sends a form.
func post(target, body string, change ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://hooks.example.com"+target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, f := range change {
		f(r)
	}
	return r
}

// basic presents a client and its secret as RFC 6749 has it.
func basic(client, secret string) func(*http.Request) {
	return header("Authorization", "Basic "+encode(url.QueryEscape(client)+":"+url.QueryEscape(secret)))
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

// form writes pairs of name and value.
func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

const grant = "grant_type=client_credentials"

// An answer holds the members of any answer.
type answer struct {
	Token       string `json:"access_token"`
	Type        string `json:"token_type"`
	Expires     int64  `json:"expires_in"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func read(tb testing.TB, w *httptest.ResponseRecorder) answer {
	tb.Helper()
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		tb.Fatalf("the body is no JSON: %s", w.Body)
	}
	return a
}

// issue gets a token that must be given.
func (s *subject) issue(target string, change ...func(*http.Request)) answer {
	s.tb.Helper()
	w := s.serve(post(target, grant, change...))
	if w.Code != http.StatusOK {
		s.tb.Fatalf("got %d %s, want a token\n%s", w.Code, w.Body, &s.logs)
	}
	return read(s.tb, w)
}

//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An issuer is an authorization server: it publishes its keys by OpenID Connect
// Discovery and judges tokens by introspection (RFC 7662). It can be changed
// while it runs, be stopped, and be made to lie.
type issuer struct {
	url    string
	secret string // of hookauthz, for introspection
	server *http.Server

	mu     sync.Mutex
	keys   []signer
	tokens map[string]any // what introspection answers
	lies   map[string]http.HandlerFunc
	count  map[string]int
}

// Where an issuer is asked.
const (
	discoveryPath  = "/.well-known/openid-configuration"
	jwksPath       = "/keys"
	introspectPath = "/introspect"
)

// startIssuer starts an issuer, which ends with s.
func startIssuer(s scope, keys ...signer) *issuer {
	s.Helper()
	i := &issuer{secret: random(), keys: keys, tokens: map[string]any{}, lies: map[string]http.HandlerFunc{}, count: map[string]int{}}
	mustNotLeak(i.secret)
	i.url = "http://" + freeAddress(s)
	i.up(s)
	s.Cleanup(i.down)
	return i
}

// up starts i where it was, down stops it.
func (i *issuer) up(s scope) {
	s.Helper()
	lis, err := net.Listen("tcp", strings.TrimPrefix(i.url, "http://"))
	if err != nil {
		s.Fatalf("%v", err)
	}
	server := &http.Server{Handler: i, ReadHeaderTimeout: 10 * time.Second}
	i.mu.Lock()
	i.server = server
	i.mu.Unlock()
	go func() { _ = server.Serve(lis) }() // it ends by down
}

func (i *issuer) down() {
	i.mu.Lock()
	server := i.server
	i.mu.Unlock()
	_ = server.Close() // whoever waits for an answer gets none
}

// publish replaces the keys.
func (i *issuer) publish(keys ...signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

// answer sets what introspection says of a token; nil makes it inactive.
func (i *issuer) answer(token string, members map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if members == nil {
		delete(i.tokens, token)
		return
	}
	i.tokens[token] = members
}

// lie has a path answered by handler; nil ends that.
func (i *issuer) lie(path string, handler http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lies[path] = handler
}

// asked returns how often a path was asked for.
func (i *issuer) asked(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.count[path]
}

// ServeHTTP implements [http.Handler].
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.count[r.URL.Path]++
	lie := i.lies[r.URL.Path]
	keys := i.keys
	i.mu.Unlock()
	switch {
	case lie != nil:
		lie(w, r)
	case r.URL.Path == discoveryPath:
		tell(w, map[string]any{
			"issuer": i.url, "jwks_uri": i.url + jwksPath, "introspection_endpoint": i.url + introspectPath,
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	case r.URL.Path == jwksPath:
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(jwks(keys...)) // who asked may be gone
	case r.URL.Path == introspectPath:
		i.introspect(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (i *issuer) introspect(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok || id != "hookauthz" || secret != i.secret || r.Method != http.MethodPost {
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
		return
	}
	i.mu.Lock()
	members, ok := i.tokens[r.PostFormValue("token")]
	i.mu.Unlock()
	if !ok {
		members = map[string]any{"active": false}
	}
	tell(w, members)
}

// tell answers with JSON.
func tell(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(mustJSON(value)) // who asked may be gone
}

// says is a handler that answers with a text.
func says(status int, contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, text) // who asked may be gone
	}
}

// hangs is a handler that says nothing until who asked is gone.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// leadsTo is a handler that redirects.
func leadsTo(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusFound) }
}

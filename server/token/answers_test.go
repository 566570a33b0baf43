package token_test

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/token"
)

const path = "/senders/token"

// Every answer of RFC 6749, sections 5.1 and 5.2, and those it leaves to HTTP.
func TestAnswers(t *testing.T) {
	acme, post := basic("acme", acmeSecret), func(body string, change ...func(*http.Request)) *http.Request { return post(path, body, change...) }
	body := func(pairs ...string) string { return grant + "&" + form(pairs...) }
	olaf := encode("olaf:" + olafSecret)
	long := strings.Repeat("x", 16<<10)
	tests := []struct {
		name   string
		r      *http.Request
		status int
		code   string // "error"; "" for a token
		result string // where it is not code
	}{
		{name: "basic", r: post(grant, acme), status: 200},
		{name: "the scheme has no case", r: post(grant, header("Authorization", "bAsIC "+encode("olaf:"+olafSecret))), status: 200},
		{name: "in the body", r: post(body("client_id", "acme", "client_secret", acmeSecret)), status: 200},
		{name: "basic, and the same client in the body", r: post(body("client_id", "acme"), acme), status: 200},
		{name: "unknown parameters", r: post(body("x", "y", "audience", "z"), acme), status: 200},
		{name: "parameters without a value", r: post(grant+"&scope=&client_secret=&x", acme), status: 200},
		{name: "a charset", r: post(grant, acme, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		}), status: 200},

		{name: "no grant type", r: post("", acme), status: 400, code: "invalid_request"},
		{name: "an empty grant type", r: post("grant_type=", acme), status: 400, code: "invalid_request"},
		{name: "grant type twice", r: post(grant+"&"+grant, acme), status: 400, code: "invalid_request"},
		{name: "an unknown parameter twice", r: post(grant+"&x=1&x=2", acme), status: 400, code: "invalid_request"},
		{name: "the second spelt otherwise", r: post(grant+"&%67rant_type=client_credentials", acme), status: 400, code: "invalid_request"},
		{name: "the first empty", r: post("grant_type=&"+grant, acme), status: 400, code: "invalid_request"},
		{name: "a control character", r: post(grant+"&scope=orders%0a", acme), status: 400, code: "invalid_request"},
		{name: "a line end behind the body", r: post(grant+"\n", acme), status: 400, code: "invalid_request"},
		{name: "not UTF-8", r: post(grant+"&x=%ff", acme), status: 400, code: "invalid_request"},
		{name: "no percent encoding", r: post(grant+"&x=%zz", acme), status: 400, code: "invalid_request"},
		{name: "a semicolon", r: post(grant+";x=1", acme), status: 400, code: "invalid_request"},
		{name: "too many parameters", r: post(grant+strings.Repeat("&", 40), acme), status: 400, code: "invalid_request"},
		{name: "JSON", r: post(`{"grant_type":"client_credentials"}`, acme, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }), status: 400, code: "invalid_request"},
		{name: "no content type", r: post(grant, acme, func(r *http.Request) { r.Header.Del("Content-Type") }), status: 400, code: "invalid_request"},
		{name: "two content types", r: post(grant, acme, header("Content-Type", "application/x-www-form-urlencoded")), status: 400, code: "invalid_request"},
		{name: "compressed", r: post(grant, acme, header("Content-Encoding", "gzip")), status: 400, code: "invalid_request"},
		{name: "parameters in the URL", r: post("", acme, func(r *http.Request) { r.URL.RawQuery = grant }), status: 400, code: "invalid_request"},
		{name: "a secret in the URL", r: post(grant, acme, func(r *http.Request) { r.URL.RawQuery = "client_secret=x" }), status: 400, code: "invalid_request"},
		{name: "a bare question mark", r: post(grant, acme, func(r *http.Request) { r.URL.ForceQuery = true }), status: 400, code: "invalid_request"},
		{name: "too large", r: post(grant+"&x="+long, acme), status: 413, code: "invalid_request"},
		{name: "too large, of unknown length", r: post(grant+"&x="+long, acme, func(r *http.Request) { r.ContentLength = -1 }), status: 413, code: "invalid_request"},
		{name: "the largest", r: post(grant+"&x="+long[len(grant)+3:], acme), status: 200},

		{name: "header twice", r: post(grant, acme, acme), status: 400, code: "invalid_request"},
		{name: "header and body", r: post(body("client_id", "acme", "client_secret", acmeSecret), acme), status: 400, code: "invalid_request"},
		{name: "header and a secret in the body", r: post(body("client_secret", acmeSecret), acme), status: 400, code: "invalid_request"},
		{name: "header and an assertion", r: post(body("client_assertion", "x"), acme), status: 400, code: "invalid_request"},
		{name: "header and another client in the body", r: post(body("client_id", "olaf"), acme), status: 400, code: "invalid_request"},
		{name: "another scheme and a secret in the body", r: post(body("client_id", "acme", "client_secret", acmeSecret), header("Authorization", "Bearer x")), status: 400, code: "invalid_request"},
		{name: "secret and assertion", r: post(body("client_id", "acme", "client_secret", acmeSecret, "client_assertion", "x")), status: 400, code: "invalid_request"},

		{name: "nobody", r: post(grant), status: 401, code: "invalid_client"},
		{name: "an assertion", r: post(body("client_assertion", "x")), status: 401, code: "invalid_client"},
		{name: "a client without secret", r: post(body("client_id", "acme")), status: 401, code: "invalid_client"},
		{name: "a secret without client", r: post(body("client_secret", acmeSecret)), status: 401, code: "invalid_client"},
		{name: "unknown client", r: post(grant, basic("nobody", acmeSecret)), status: 401, code: "invalid_client"},
		{name: "client in capitals", r: post(grant, basic("ACME", acmeSecret)), status: 401, code: "invalid_client"},
		{name: "wrong secret", r: post(grant, basic("acme", "wrong")), status: 401, code: "invalid_client"},
		{name: "wrong secret in the body", r: post(body("client_id", "acme", "client_secret", "wrong")), status: 401, code: "invalid_client"},
		{name: "another client's secret", r: post(grant, basic("acme", olafSecret)), status: 401, code: "invalid_client"},
		{name: "empty secret", r: post(grant, basic("acme", "")), status: 401, code: "invalid_client"},
		{name: "empty client", r: post(grant, basic("", acmeSecret)), status: 401, code: "invalid_client"},
		{name: "a secret that is not form-encoded", r: post(grant, header("Authorization", "Basic "+encode("acme:"+acmeSecret))), status: 401, code: "invalid_client"},
		{name: "another scheme", r: post(grant, header("Authorization", "Bearer x")), status: 401, code: "invalid_client"},
		{name: "an empty header", r: post(grant, header("Authorization", "")), status: 401, code: "invalid_client"},
		{name: "no base64", r: post(grant, header("Authorization", "Basic acme:x")), status: 401, code: "invalid_client"},
		{name: "no padding", r: post(grant, header("Authorization", "Basic "+strings.TrimRight(encode("olaf:"+olafSecret), "="))), status: 401, code: "invalid_client"},
		{name: "stray bits", r: post(grant, header("Authorization", "Basic "+strings.Replace(olaf, "==", "", 1)[:len(olaf)-3]+"h==")), status: 401, code: "invalid_client"},
		{name: "a line end in base64", r: post(grant, header("Authorization", "Basic "+olaf[:8]+"\n"+olaf[8:])), status: 401, code: "invalid_client"},
		{name: "no colon", r: post(grant, header("Authorization", "Basic "+encode("acme"))), status: 401, code: "invalid_client"},
		{name: "two blanks", r: post(grant, header("Authorization", "Basic  "+encode("olaf:"+olafSecret))), status: 401, code: "invalid_client"},

		{name: "a client for which no policy stands", r: post(grant, basic("idle", olafSecret)), status: 400, code: "unauthorized_client"},
		{name: "authorization code", r: post(form("grant_type", "authorization_code", "code", "x"), acme), status: 400, code: "unsupported_grant_type"},
		{name: "password", r: post(form("grant_type", "password", "username", "x", "password", "y"), acme), status: 400, code: "unsupported_grant_type"},
		{name: "an unknown scope", r: post(body("scope", "orders admin"), acme), status: 400, code: "invalid_scope"},
		{name: "a scope of nobody's", r: post(body("scope", "orders"), basic("olaf", olafSecret)), status: 400, code: "invalid_scope"},
		{name: "a scope that no policy wants alone", r: post(body("scope", "unused"), acme), status: 400, code: "invalid_scope"},
		{name: "two blanks between scopes", r: post(body("scope", "orders  refunds"), acme), status: 400, code: "invalid_scope"},
		{name: "scopes in capitals", r: post(body("scope", "Orders"), acme), status: 400, code: "invalid_scope"},
		{name: "blank scope", r: post(body("scope", " "), acme), status: 400, code: "invalid_scope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, jwtYAML, nil)
			w := s.serve(tt.r)
			got := read(t, w)
			if w.Code != tt.status || got.Error != tt.code {
				t.Fatalf("got %d %s, want %d %q", w.Code, w.Body, tt.status, tt.code)
			}
			result := "token issued"
			if tt.code != "" {
				result = "token " + tt.code
			}
			if s.last() != result {
				t.Errorf("counted as %q, want %q", s.last(), result)
			}
			if (got.Token == "") != (tt.code != "") {
				t.Errorf("got the token %q with error %q", got.Token, tt.code)
			}
			wantHeader(t, w.Header(), "Content-Type", "application/json")
			wantHeader(t, w.Header(), "Cache-Control", "no-store")
			wantHeader(t, w.Header(), "Pragma", "no-cache")
			challenge := ""
			if tt.status == http.StatusUnauthorized {
				challenge = `Basic realm="token", charset="UTF-8"`
			}
			wantHeader(t, w.Header(), "WWW-Authenticate", challenge)
			if got := s.logs.String() + w.Body.String(); tt.code != "" && (strings.Contains(got, acmeSecret) || strings.Contains(got, olafSecret)) {
				t.Errorf("a secret is told: %s", got)
			}
		})
	}
}

func wantHeader(tb testing.TB, h http.Header, name, want string) {
	tb.Helper()
	if got := h.Get(name); got != want {
		tb.Errorf("%s = %q, want %q", name, got, want)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	jwt, opaque := build(t, jwtYAML, nil), build(t, opaqueYAML, nil)
	tests := []struct {
		name, method, target string
		of                   *subject
		status               int
		allow                string
	}{
		{name: "GET a token", method: "GET", target: "/senders/token", of: jwt, status: 405, allow: "POST"},
		{name: "PUT a token", method: "PUT", target: "/senders/token", of: jwt, status: 405, allow: "POST"},
		{name: "OPTIONS", method: "OPTIONS", target: "/senders/token", of: jwt, status: 405, allow: "POST"},
		{name: "POST the keys", method: "POST", target: "/senders/jwks.json", of: jwt, status: 405, allow: "GET"},
		{name: "HEAD the keys", method: "HEAD", target: "/senders/jwks.json", of: jwt, status: 200},
		{name: "the metadata", method: "GET", target: "/.well-known/oauth-authorization-server/senders", of: jwt, status: 200},
		{name: "the metadata behind the issuer", method: "GET", target: "/senders/.well-known/oauth-authorization-server", of: jwt, status: 200},
		{name: "DELETE the metadata", method: "DELETE", target: "/senders/.well-known/oauth-authorization-server", of: jwt, status: 405, allow: "GET"},
		{name: "no path", method: "POST", target: "/", of: jwt, status: 404},
		{name: "without the issuer's path", method: "POST", target: "/token", of: jwt, status: 404},
		{name: "a slash behind", method: "POST", target: "/senders/token/", of: jwt, status: 404},
		{name: "respelt", method: "POST", target: "/senders/%74oken", of: jwt, status: 404},
		{name: "with dots", method: "POST", target: "/senders/x/../token", of: jwt, status: 404},
		{name: "JWTs can't be revoked", method: "POST", target: "/senders/revoke", of: jwt, status: 404},
		{name: "GET a revocation", method: "GET", target: "/revoke", of: opaque, status: 405, allow: "POST"},
		{name: "the metadata of an issuer without a path", method: "GET", target: "/.well-known/oauth-authorization-server", of: opaque, status: 200},
		{name: "opaque tokens have no keys", method: "GET", target: "/jwks.json", of: opaque, status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := post(tt.target, "", basic("acme", acmeSecret))
			r.Method = tt.method
			w := tt.of.serve(r)
			if w.Code != tt.status {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.status)
			}
			if got := strings.Join(w.Header().Values("Allow"), ","); !strings.HasPrefix(got, tt.allow) || (got == "") != (tt.allow == "") {
				t.Errorf("Allow = %q, want %q", got, tt.allow)
			}
		})
	}
}

// Nobody is told that a secret is wrong while nobody can tell, nor gets a token.
func TestTrouble(t *testing.T) {
	down := authz.Deny(authz.ReasonSecretUnavailable, "")
	right, wrong := basic("acme", acmeSecret), basic("acme", "wrong")
	tests := []struct {
		name   string
		change func(*subject)
		client func(*http.Request)
		status int
		result string
	}{
		{name: "the secret can't be read", change: func(s *subject) { s.secrets["acme"].Fail(down) }, client: right, status: 503, result: "unavailable"},
		{name: "the secret can't be read, a wrong one", change: func(s *subject) { s.secrets["acme"].Fail(down) }, client: wrong, status: 503, result: "unavailable"},
		{name: "no secret", change: func(s *subject) { s.secrets["acme"].Fail(authz.Deny(authz.ReasonSecretMissing, "")) }, client: right, status: 500, result: "not_configured"},
		{name: "a short secret", change: func(s *subject) { s.secrets["acme"].Set("short") }, client: basic("acme", "short"), status: 500, result: "not_configured"},
		{name: "a placeholder", change: func(s *subject) { s.secrets["acme"].Set("replace-with-your-secret") }, client: basic("acme", "replace-with-your-secret"), status: 500, result: "not_configured"},
		{name: "an unknown error", change: func(s *subject) { s.secrets["acme"].Fail(errors.New("canary")) }, client: right, status: 500, result: "internal"},
		{name: "another client's secret can't be read", change: func(s *subject) { s.secrets["olaf"].Fail(down) }, client: right, status: 200, result: "issued"},
		{name: "another client's secret can't be read, a wrong one", change: func(s *subject) { s.secrets["olaf"].Fail(down) }, client: wrong, status: 401, result: "invalid_client"},
		{name: "no secret can be read, an unknown client", change: func(s *subject) { s.secrets["olaf"].Fail(down); s.secrets["acme"].Fail(down) }, client: basic("nobody", "x"), status: 401, result: "invalid_client"},
		{name: "the previous secret", change: func(s *subject) { s.secrets["acme"].Set("a new secret of some length", acmeSecret) }, client: right, status: 200, result: "issued"},
		{name: "a retired secret", change: func(s *subject) { s.secrets["acme"].Set("a new secret of some length") }, client: right, status: 401, result: "invalid_client"},
		{name: "the signing keys can't be read", change: func(s *subject) { s.secrets["own"].Fail(down); s.secrets["next"].Fail(down) }, client: right, status: 503, result: "unavailable"},
		{name: "no signing key", change: func(s *subject) { s.secrets["own"].Set("x"); s.secrets["next"].Set("x") }, client: right, status: 500, result: "not_configured"},
		{name: "not ready", change: func(s *subject) {
			s.config.Ready = func() bool { return false }
			s.handler = token.New(s.config)
		}, client: right, status: 503, result: "unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, jwtYAML, nil)
			tt.change(s)
			w := s.serve(post(path, grant, tt.client))
			if w.Code != tt.status || s.last() != "token "+tt.result {
				t.Fatalf("got %d %s, counted as %q, want %d and %q", w.Code, w.Body, s.last(), tt.status, tt.result)
			}
			if got := w.Header().Get("Retry-After"); (got != "") != (tt.status == http.StatusServiceUnavailable) {
				t.Errorf("Retry-After = %q", got)
			}
			if code := read(t, w).Error; tt.status >= 500 && code != "temporarily_unavailable" && code != "server_error" {
				t.Errorf("error = %q", code)
			}
			if strings.Contains(s.logs.String()+w.Body.String(), "canary") {
				t.Errorf("an unknown error is told: %s %s", w.Body, &s.logs)
			}
		})
	}
}

// counted counts how often a secret is read.
type counted struct {
	authz.Secrets

	reads *int
}

func (c counted) Versions(now time.Time) (*authz.Versions, error) {
	*c.reads++
	return c.Secrets.Versions(now) //nolint:wrapcheck // as it comes
}

// An unknown client costs what a known one does: one client's secrets are read.
func TestUnknownClientsCostTheSame(t *testing.T) {
	s := build(t, jwtYAML, nil)
	reads := 0
	s.wrap = func(secret authz.Secrets) authz.Secrets { return counted{secret, &reads} }
	s.load(jwtYAML)
	for _, client := range []string{"acme", "olaf", "nobody", "another", strings.Repeat("x", 1000)} {
		reads = 0
		w := s.serve(post(path, grant, basic(client, "wrong")))
		if w.Code != http.StatusUnauthorized || reads != 1 {
			t.Errorf("client %.10q: got %d after %d reads, want 401 after 1", client, w.Code, reads)
		}
	}
}

// A file without a token endpoint has none of its paths; one that comes has them at
// once.
func TestReload(t *testing.T) {
	s := build(t, `
secrets: {acme: {vault: {path: s/acme, field: f}}}
policies: {p: {require: {api_key: {header: X, secrets: [acme]}}}}
`, nil)
	if w := s.serve(post(path, grant, basic("acme", acmeSecret))); w.Code != http.StatusNotFound {
		t.Errorf("without an endpoint: got %d", w.Code)
	}
	s.load(jwtYAML)
	s.issue(path, basic("acme", acmeSecret))
	s.load(strings.ReplaceAll(jwtYAML, "name: acme", "name: acme2"))
	if w := s.serve(post(path, grant, basic("acme", acmeSecret))); w.Code != http.StatusUnauthorized {
		t.Errorf("a client that is gone: got %d", w.Code)
	}
	s.issue(path, basic("acme2", acmeSecret))
}

// A panic ends one request, and nothing of it is told.
func TestPanics(t *testing.T) {
	tests := []struct {
		name   string
		change func(*subject)
		last   string // what is counted
	}{
		{name: "before the path is known", change: func(s *subject) {
			s.config.Endpoint = func() *policy.TokenEndpoint { return []*policy.TokenEndpoint{}[len(acmeSecret)] }
		}},
		{name: "in the middle", change: func(s *subject) {
			s.config.Ready = func() bool { return s.results[len(acmeSecret)] == "" } // out of range
		}, last: "token internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, jwtYAML, nil)
			tt.change(s)
			s.handler = token.New(s.config)
			w := s.serve(post(path, grant, basic("acme", acmeSecret)))
			if w.Code != 500 || read(t, w).Error != "server_error" || s.last() != tt.last {
				t.Errorf("got %d %s, counted as %q, want %q", w.Code, w.Body, s.last(), tt.last)
			}
			if !strings.Contains(s.logs.String(), "panicked") {
				t.Errorf("the log does not tell of it:\n%s", &s.logs)
			}
		})
	}
}

// Many ask while the policy file changes.
func TestAtOnce(t *testing.T) {
	s := build(t, jwtYAML, nil)
	first := s.table.TokenEndpoint()
	s.load(strings.ReplaceAll(jwtYAML, "lifetime: 10m", "lifetime: 5m"))
	second := s.table.TokenEndpoint()
	var count atomic.Int64
	s.config.Endpoint = func() *policy.TokenEndpoint {
		if count.Add(1)%3 == 0 {
			return second
		}
		return first
	}
	s.config.Log = slog.New(slog.DiscardHandler)
	s.handler = token.New(s.config)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				right, wrong := s.serve(post(path, grant, basic("acme", acmeSecret))), s.serve(post(path, grant, basic("acme", "wrong"), from("203.0.113.9:1")))
				if right.Code != http.StatusOK || wrong.Code != http.StatusUnauthorized && wrong.Code != http.StatusTooManyRequests {
					t.Errorf("got %d and %d", right.Code, wrong.Code)
				}
				if status, _, _ := s.get("/senders/jwks.json"); status != http.StatusOK {
					t.Errorf("got %d", status)
				}
			}
		})
	}
	wg.Wait()
}

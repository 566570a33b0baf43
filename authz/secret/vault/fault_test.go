package vault_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
)

const goodBody = `{"request_id":"r","data":{"data":{"k":"` + canary + `"},"metadata":{"version":3,` +
	`"created_time":"2026-01-02T03:04:05.678901234Z","deletion_time":"","destroyed":false,"custom_metadata":null}},"warnings":null}`

func send(status int, contentType, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// drip sends body a byte at a time, each after pause.
func drip(body string, pause time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := range len(body) {
			_, _ = w.Write([]byte{body[i]})
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
		}
	}
}

// reset sends half of body, then cuts the connection.
func reset(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

const (
	plainJSON = "application/json"
	html      = "<html><body>" + canary + " not here</body></html>"
	noErrors  = `{"errors":[]}`
)

func TestFaults(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.put(t, "a", map[string]any{"k": "v"})
	p := before(t, b)
	var visits atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		send(200, plainJSON, goodBody)(w, r)
	}))
	defer elsewhere.Close()
	cfg := reader(b, b.token(t, nil))
	cfg.Address = p.URL
	cfg.Timeout = time.Second
	c, _, _ := run(t, cfg)

	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 8<<20))
	_, _ = z.Write([]byte(goodBody))
	_ = z.Close()
	huge := strings.Repeat(" ", 1<<20) + goodBody
	v1 := secret.Location{Kind: secret.KindVault, Mount: "kv", KVVersion: 1, Path: "a"}

	tests := []struct {
		name    string
		fault   http.HandlerFunc
		loc     secret.Location
		version int
		want    string
		retry   time.Duration
	}{
		{name: "none", fault: send(200, plainJSON, goodBody), want: canary},
		{name: "charset", fault: send(200, plainJSON+"; charset=utf-8", goodBody), want: canary},
		{name: "hangs before headers", fault: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, want: "transient timeout"},
		{name: "a byte at a time", fault: drip(goodBody, 20*time.Millisecond), want: "transient timeout"},
		{name: "reset in mid-body", fault: reset(goodBody), want: "transient network"},
		{name: "truncated JSON", fault: send(200, plainJSON, goodBody[:len(goodBody)-20]), want: "transient not_vault"},
		{name: "bytes after the JSON", fault: send(200, plainJSON, goodBody+"{}"), want: "transient not_vault"},
		{name: "HTML", fault: send(200, "text/html", html), want: "transient not_vault"},
		{name: "HTML as JSON", fault: send(200, plainJSON, html), want: "transient not_vault"},
		{name: "JSON as HTML", fault: send(200, "text/html", goodBody), want: "transient malformed"},
		{name: "JSON of somebody", fault: send(200, plainJSON, `{"status":"ok"}`), want: "transient malformed"},
		{name: "empty 200", fault: send(200, plainJSON, ""), want: "transient not_vault"},
		{name: "no content", fault: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, want: "transient not_vault"},
		{name: "200 with errors", fault: send(200, plainJSON, `{"errors":["`+canary+`"],"data":{}}`), want: "transient malformed"},
		{name: "no data", fault: send(200, plainJSON, `{"request_id":"r"}`), want: "transient malformed"},
		{name: "no data, v1", loc: v1, fault: send(200, plainJSON, `{"request_id":"r","data":null}`), want: "transient malformed"},
		{name: "data is a list", fault: send(200, plainJSON, `{"request_id":"r","data":[]}`), want: "transient malformed"},
		{name: "another version", version: 2, fault: send(200, plainJSON, goodBody), want: "transient malformed"},
		{name: "null data of a live version", fault: send(200, plainJSON,
			strings.Replace(goodBody, `{"k":"`+canary+`"}`, "null", 1)), want: "no text"},
		{name: "flat data", fault: send(200, plainJSON, `{"request_id":"r","data":{"k":"v"}}`), want: "unusable wrong_engine"},
		{name: "member twice", fault: send(200, plainJSON, strings.Replace(goodBody, `"k":`, `"k":"x","k":`, 1)), want: "transient malformed"},
		{name: "not UTF-8", fault: send(200, plainJSON, strings.Replace(goodBody, canary, "\xff", 1)), want: "transient not_vault"},
		{name: "half a surrogate pair", fault: send(200, plainJSON, strings.Replace(goodBody, canary, `\ud800`, 1)), want: "no text"},
		{name: "member in another case", fault: send(200, plainJSON, strings.Replace(goodBody, `"data":{"data"`, `"Data":{"data"`, 1)), want: "transient malformed"},
		{name: "body over 1 MiB", fault: send(200, plainJSON, huge), want: "transient too_large"},
		{name: "error body over 1 MiB", fault: send(404, plainJSON, huge), want: "transient too_large"},
		{name: "compressed", fault: send(200, plainJSON, zipped.String(), "Content-Encoding", "gzip"), want: "transient not_vault"},
		{name: "header over 64 KiB", fault: send(200, plainJSON, goodBody, "X-Long", strings.Repeat("a", 100<<10)), want: "transient network"},
		{name: "500 with HTML", fault: send(500, "text/html", html), want: "transient status"},
		{name: "502 with HTML", fault: send(502, "text/html", html), want: "transient status"},
		{name: "503 sealed", fault: send(503, plainJSON, `{"errors":["Vault is sealed"]}`), want: "transient status"},
		{name: "504", fault: send(504, "text/plain", ""), want: "transient status"},
		{name: "530", fault: send(530, plainJSON, noErrors), want: "transient status"},
		{name: "429 quota", fault: send(429, plainJSON, noErrors, "Retry-After", "3600"), want: "transient status", retry: time.Hour},
		{name: "429 of a proxy", fault: send(429, "text/plain", "", "Retry-After", "5"), want: "transient status", retry: 5 * time.Second},
		{name: "472 standby", fault: send(472, plainJSON, noErrors), want: "transient status"},
		{name: "473 standby", fault: send(473, plainJSON, noErrors), want: "transient status"},
		{name: "474 standby", fault: send(474, plainJSON, noErrors), want: "transient status"},
		{name: "412 index", fault: send(412, plainJSON, noErrors), want: "transient status"},
		{name: "400 upgrading", fault: send(400, plainJSON, `{"errors":["Upgrading"]}`), want: "transient upgrading"},
		{name: "401", fault: send(401, plainJSON, noErrors), want: "transient status"},
		{name: "301 elsewhere", fault: send(301, "", "", "Location", elsewhere.URL+"/v1/secret/data/a"), want: "transient redirect"},
		{name: "302 elsewhere", fault: send(302, "", "", "Location", elsewhere.URL), want: "transient redirect"},
		{name: "307 elsewhere", fault: send(307, "", "", "Location", elsewhere.URL+"/v1/secret/data/a"), want: "transient redirect"},
		{name: "307 without a place", fault: send(307, "", ""), want: "transient redirect"},
		{name: "404 HTML", fault: send(404, "text/html", html), want: "transient not_vault"},
		{name: "404 empty", fault: send(404, plainJSON, ""), want: "transient not_vault"},
		{name: "403 HTML", fault: send(403, "text/html", html), want: "transient not_vault"},
		{name: "403 empty", fault: send(403, "", ""), want: "transient not_vault"},
		{name: "404 plain", fault: send(404, plainJSON, noErrors), want: "gone not_found"},
		{name: "404 with warnings", fault: send(404, plainJSON, `{"request_id":"r","warnings":["x"]}`), want: "gone not_found"},
		{name: "404 with data", fault: send(404, plainJSON, goodBody), want: "gone not_found"},
		{name: "405", fault: send(405, plainJSON, noErrors), want: "gone wrong_engine"},
		{name: "destroyed with status 200", fault: send(200, plainJSON, strings.Replace(goodBody, `"destroyed":false`, `"destroyed":true`, 1)), want: "gone not_found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.answer(tt.fault)
			defer p.fault.Store(nil)
			loc := tt.loc
			if loc.Path == "" {
				loc = kv2("a")
			}
			n := p.requests.Load()
			r, err := c.Read(t.Context(), loc, tt.version)
			if got := said(t, r, err); got != tt.want {
				t.Errorf("Read() = %q, want %q", got, tt.want)
			}
			if got := p.requests.Load() - n; got != 1 {
				t.Errorf("%d requests, want 1", got)
			}
			if failure := (*secret.Error)(nil); errors.As(err, &failure) && failure.RetryAfter != tt.retry {
				t.Errorf("RetryAfter = %v, want %v", failure.RetryAfter, tt.retry)
			}
		})
	}
	if got := visits.Load(); got != 0 {
		t.Errorf("the host of a redirect saw %d requests, want 0", got)
	}
	if got := read(t, c, kv2("a"), 0); got != "v" {
		t.Errorf("after all faults Read() = %q, want the value", got)
	}
}

// A 403 says nothing if the token can't be looked up.
func TestForbiddenAndLookupFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		now  http.HandlerFunc
		want string
	}{
		{"503", send(503, plainJSON, noErrors), "transient status"},
		{"404", send(404, plainJSON, noErrors), "transient not_found"},
		{"HTML", send(403, "text/html", html), "transient not_vault"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var broken atomic.Bool
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !strings.HasSuffix(r.URL.Path, "/lookup-self"):
					send(403, plainJSON, noErrors)(w, r)
				case broken.Load():
					tt.now(w, r)
				default:
					send(200, plainJSON, `{"request_id":"r","data":{"ttl":3600,"policies":["reader"]}}`)(w, r)
				}
			}))
			defer s.Close()
			c, events, _ := run(t, vault.Config{Address: s.URL, Token: authz.NewSecret([]byte("s.t"))})
			eventually(t, "login", func() bool { return events.results(secret.EventLogin, secret.ResultOK) == 1 })
			broken.Store(true)
			if got := read(t, c, kv2("a"), 0); got != tt.want {
				t.Errorf("Read() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/lookup-self") {
			send(200, plainJSON, `{"request_id":"r","data":{"ttl":3600}}`)(w, r)
			return
		}
		send(200, plainJSON, goodBody)(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that must fail
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	own := file(t, filepath.Join(dir, "ca.pem"),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	base := vault.Config{Address: s.URL, Token: authz.NewSecret([]byte("s.t"))}
	tests := []struct {
		name   string
		change func(c *vault.Config)
		want   string
	}{
		{"own CA", func(c *vault.Config) { c.CACert = own }, canary},
		{"own directory of CAs", func(c *vault.Config) { c.CAPath = dir }, canary},
		{"unknown CA", func(*vault.Config) {}, "credential tls"},
		{"wrong name", func(c *vault.Config) { c.CACert, c.TLSServerName = own, "other.example" }, "credential tls"},
		{"right name", func(c *vault.Config) { c.CACert, c.TLSServerName = own, "example.com" }, canary},
		{"not verified", func(c *vault.Config) { c.SkipVerify, c.Dev = true, true }, canary},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base
			tt.change(&cfg)
			c, _, _ := run(t, cfg)
			if got := read(t, c, kv2("a"), 0); got != tt.want {
				t.Errorf("Read() = %q, want %q", got, tt.want)
			}
		})
	}
}

// A server that wants a client certificate gets the one that the files hold at
// the handshake.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	var presented atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		presented.Store(int64(len(r.TLS.PeerCertificates)))
		send(200, plainJSON, `{"request_id":"r","data":{"ttl":3600}}`)(w, r)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	defer s.Close()
	cert, key := pair(t)
	c, events, _ := run(t, vault.Config{
		Address: s.URL, Token: authz.NewSecret([]byte("s.t")), Dev: true, SkipVerify: true, ClientCert: cert, ClientKey: key,
	})
	eventually(t, "login", func() bool { return events.results(secret.EventLogin, secret.ResultOK) == 1 })
	if got := presented.Load(); got != 1 {
		t.Errorf("the server saw %d certificates, want 1", got)
	}
	_ = c
}

func TestNameAndConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // accepts nothing: the connection is made, no handshake answers
	for _, tt := range []struct{ name, address, want string }{
		{"name does not resolve", "https://vault.invalid:8200", "credential network"},
		{"no answer to the handshake", "https://" + l.Addr().String(), "credential timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, _ := run(t, vault.Config{
				Address: tt.address, Token: authz.NewSecret([]byte("s.t")), Timeout: 200 * time.Millisecond,
			})
			got := read(t, c, kv2("a"), 0)
			if got != tt.want && (tt.want != "credential network" || got != "credential timeout") { // a slow resolver
				t.Errorf("Read() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, err := vault.New(vault.Config{Address: "http://127.0.0.1:1", Token: authz.NewSecret([]byte("s.t"))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r, err := c.Read(ctx, kv2("a"), 0) // nobody logs in
	if got := said(t, r, err); got != "credential token" {
		t.Errorf("Read() = %q, want credential token", got)
	}
}

package outbound_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/outbound"
)

// serve starts an https server and returns its URL and a client in development
// mode that trusts it.
func serve(t *testing.T, handle http.HandlerFunc) (string, *outbound.Client) {
	t.Helper()
	server := httptest.NewTLSServer(handle)
	t.Cleanup(server.Close)
	client := outbound.New(outbound.Config{Dev: true, Roots: roots(server)})
	t.Cleanup(client.Close)
	return server.URL, client
}

func roots(server *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return pool
}

func wantCause(t *testing.T, err error, want outbound.Cause) {
	t.Helper()
	var failure *outbound.Error
	if !errors.As(err, &failure) || failure.Cause != want {
		t.Errorf("error = %v, want cause %s", err, want)
	}
}

func TestDo(t *testing.T) {
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=60")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %q %s %s", r.Method, r.URL.RequestURI(), body, r.Header.Get("X-Own"), r.Header.Get("Accept-Encoding"))
	})
	header := http.Header{"X-Own": {"own"}}
	got, err := client.Do(t.Context(), outbound.Request{Method: "POST", URL: url + "/a?b=c", Header: header, Body: []byte("body")})
	if err != nil {
		t.Fatal(err)
	}
	if want := `POST /a?b=c "body" own `; string(got.Body) != want {
		t.Errorf("the server got %s, want %s", got.Body, want)
	}
	if got.Status != http.StatusTeapot || got.ContentType != "application/json" || got.Header.Get("Cache-Control") != "max-age=60" {
		t.Errorf("Do() = %+v", got)
	}
	if len(header) != 1 {
		t.Errorf("the caller's header became %v", header)
	}
}

// What is refused before there is any connection.
func TestURL(t *testing.T) {
	tests := []struct {
		url  string
		dev  bool
		want outbound.Cause
	}{
		{url: "http://issuer.example/", want: outbound.CauseScheme},
		{url: "file:///etc/passwd", want: outbound.CauseURL},
		{url: "ftp://issuer.example/", dev: true, want: outbound.CauseScheme},
		{url: "https://user:password@issuer.example/", want: outbound.CauseURL},
		{url: "https://issuer.example/#fragment", want: outbound.CauseURL},
		{url: "https:///path", want: outbound.CauseURL},
		{url: "https:opaque", want: outbound.CauseURL},
		{url: "://", want: outbound.CauseURL},
		{url: "", want: outbound.CauseURL},
	}
	for _, tt := range tests {
		_, err := outbound.New(outbound.Config{Dev: tt.dev}).Do(t.Context(), outbound.Request{URL: tt.url})
		wantCause(t, err, tt.want)
		if err != nil && strings.Contains(err.Error(), "password") {
			t.Errorf("error tells the URL: %v", err)
		}
	}
}

// A name or an address that leads to this machine is not asked in production,
// whatever else is permitted; nothing reaches the server.
func TestAddressIsCheckedWhenDialling(t *testing.T) {
	var reached atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	client := outbound.New(outbound.Config{Roots: roots(server)})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]"} {
		for _, private := range []bool{false, true} {
			_, err := client.Do(t.Context(), outbound.Request{URL: "https://" + host + port, Private: private})
			wantCause(t, err, outbound.CauseAddress)
		}
	}
	_, err := client.Do(t.Context(), outbound.Request{URL: "https://10.255.255.1"})
	wantCause(t, err, outbound.CauseAddress)
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests reached the server", n)
	}
}

// A proxy of the environment is not used: behind one no address can be checked.
func TestNoProxy(t *testing.T) {
	var reached atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	_, err := outbound.New(outbound.Config{}).Do(t.Context(), outbound.Request{URL: "https://192.168.0.1"})
	wantCause(t, err, outbound.CauseAddress)
	if reached.Load() != 0 {
		t.Error("the proxy was used")
	}
}

func TestRedirects(t *testing.T) {
	var elsewhere, loops atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer plain.Close()
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/plain":
			http.Redirect(w, r, "http://"+r.Host+"/there", http.StatusMovedPermanently)
		case "/loop":
			loops.Add(1)
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		}
	})
	tests := []struct {
		method, path string
		direct       bool
		want         outbound.Cause
	}{
		{method: "GET", path: "/here"},
		{method: "GET", path: "/here", direct: true, want: outbound.CauseRedirect},
		{method: "GET", path: "/there", direct: true},
		{method: "POST", path: "/here", want: outbound.CauseRedirect},
		{method: "GET", path: "/other", want: outbound.CauseRedirect},
		{method: "GET", path: "/plain", want: outbound.CauseRedirect},
		{method: "GET", path: "/loop", want: outbound.CauseRedirect},
		{method: "GET", path: "/nowhere", want: outbound.CauseRedirect},
	}
	for _, tt := range tests {
		t.Run(tt.method+tt.path, func(t *testing.T) {
			got, err := client.Do(t.Context(), outbound.Request{Method: tt.method, URL: url + tt.path, Direct: tt.direct})
			if tt.want == "" {
				if err != nil || got.Status != http.StatusOK {
					t.Errorf("Do() = %+v, %v", got, err)
				}
				return
			}
			wantCause(t, err, tt.want)
		})
	}
	if n := loops.Load(); n != 4 {
		t.Errorf("%d requests in a circle, want 4", n)
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went to other servers", n)
	}
}

func TestFailures(t *testing.T) {
	hang := make(chan struct{})
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			<-hang
		case "/drip":
			for r.Context().Err() == nil {
				fmt.Fprint(w, " ")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		case "/declared":
			fmt.Fprint(w, strings.Repeat("x", 1000))
		case "/undeclared":
			for range 1000 {
				fmt.Fprint(w, "x")
				_ = http.NewResponseController(w).Flush()
			}
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "x")
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", 200<<10))
		}
	})
	defer close(hang)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name, path string
		ctx        context.Context //nolint:containedctx // of one row
		want       outbound.Cause
	}{
		{name: "no answer", path: "/hang", want: outbound.CauseTimeout},
		{name: "byte after byte", path: "/drip", want: outbound.CauseTimeout},
		{name: "too large by its own word", path: "/declared", want: outbound.CauseTooLarge},
		{name: "too large", path: "/undeclared", want: outbound.CauseTooLarge},
		{name: "cut", path: "/cut", want: outbound.CauseNetwork},
		{name: "compressed", path: "/gzip", want: outbound.CauseEncoding},
		{name: "large header", path: "/header", want: outbound.CauseNetwork},
		{name: "nobody waits", path: "/hang", ctx: cancelled, want: outbound.CauseCancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			_, err := client.Do(ctx, outbound.Request{URL: url + tt.path, MaxBytes: 999, Timeout: 300 * time.Millisecond})
			wantCause(t, err, tt.want)
		})
	}
	t.Run("a certificate that nobody vouches for", func(t *testing.T) {
		_, err := outbound.New(outbound.Config{Dev: true}).Do(t.Context(), outbound.Request{URL: url})
		wantCause(t, err, outbound.CauseTLS)
	})
	t.Run("exactly as large as permitted", func(t *testing.T) {
		got, err := client.Do(t.Context(), outbound.Request{URL: url + "/declared", MaxBytes: 1000})
		if err != nil || len(got.Body) != 1000 {
			t.Errorf("Do() = %v", err)
		}
	})
}

// Connections are kept, so that the second request needs no handshake.
func TestConnectionsAreKept(t *testing.T) {
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) })
	var first string
	for range 3 {
		got, err := client.Do(t.Context(), outbound.Request{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(got.Body)
		}
		if string(got.Body) != first {
			t.Errorf("a new connection: %s, then %s", first, got.Body)
		}
	}
	got, err := client.Do(t.Context(), outbound.Request{URL: url, Private: true})
	if err != nil || string(got.Body) == first {
		t.Errorf("a request to private networks shares the connection: %v", err)
	}
}

package token_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/server/token"
)

// A slow client must not hold a connection for ever.
func TestServerHasTimeouts(t *testing.T) {
	s := token.NewServer(http.NotFoundHandler())
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a bound is missing: %+v", s)
	}
}

// serve opens a real listener and returns its address.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := token.NewServer(handler)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(lis)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return lis.Addr().String()
}

func TestOverHTTP(t *testing.T) {
	s := build(t, jwtYAML, nil)
	address := serve(t, s.handler)
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	send := func(body io.Reader) int {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, "http://"+address+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		basic("acme", acmeSecret)(r)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	if got := send(strings.NewReader(grant)); got != 200 {
		t.Errorf("got %d, want 200\n%s", got, &s.logs)
	}
	if got := send(io.MultiReader(strings.NewReader(grant+"&x="), strings.NewReader(strings.Repeat("x", 1<<20)))); got != 413 {
		t.Errorf("1 MiB in chunks: got %d, want 413", got)
	}
}

func TestHeadersAreLimited(t *testing.T) {
	address := serve(t, build(t, jwtYAML, nil).handler)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { // it may be refused before all is written
		_, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: a\r\nX-Long: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	}()
	line := make([]byte, len("HTTP/1.1 431"))
	if _, err := io.ReadFull(conn, line); err != nil || string(line) != "HTTP/1.1 431" {
		t.Errorf("got %q, %v, want status 431", line, err)
	}
}

//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// A request is written to the wire as it stands here: nothing is encoded,
// cleaned or merged.
type request struct {
	listener string // "" is ingress
	method   string // "" is POST
	path     string
	host     string      // "" is hooks.example.com
	header   [][2]string // lines, in their order
	body     []byte
	chunked  bool
	tls      *tls.Config // nil: plain text
}

// with returns a copy of r with one more header line.
func (r request) with(name, value string) request {
	r.header = append(slices.Clip(r.header), [2]string{name, value})
	return r
}

// on returns a copy of r for another listener.
func (r request) on(listener string) request {
	r.listener = listener
	return r
}

// to returns a copy of r for another path.
func (r request) to(path string) request {
	r.path = path
	return r
}

// A reply is what the sender gets.
type reply struct {
	id     string // of the request
	status int
	header http.Header
	body   string
	// resumed says that the connection continued a TLS session of before.
	resumed bool
}

// senderAddress is where requests come from. Of 127.0.0.1 Envoy would tell its
// own address in X-Forwarded-For.
const senderAddress = "127.0.0.2"

const patience = 15 * time.Second

// dial connects to a listener of Envoy.
func (w *world) dial(listener string) (net.Conn, error) {
	if listener == "" {
		listener = "ingress"
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(senderAddress)}, Timeout: patience}
	conn, err := dialer.Dial("tcp", w.envoy.listeners[listener])
	if err != nil {
		return nil, fmt.Errorf("connect to listener %q: %w", listener, err)
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// send sends r over HTTP/1.1, on a connection of its own.
func (w *world) send(t *testing.T, r request) reply {
	t.Helper()
	got, err := w.try(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// try is send for goroutines.
func (w *world) try(r request) (reply, error) {
	conn, err := w.dial(r.listener)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = conn.Close() }() // the reply is there, or will not come
	var secured *tls.Conn
	if r.tls != nil {
		secured = tls.Client(conn, r.tls)
		if err := secured.Handshake(); err != nil {
			return reply{}, fmt.Errorf("listener %q: %w", r.listener, err)
		}
		conn = secured
	}
	id := random()
	go func() { _, _ = conn.Write(r.bytes(id)) }() // who refuses a body early may stop reading
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.verb()})
	if err != nil {
		return reply{}, fmt.Errorf("%s %s: no response: %w", r.verb(), r.path, err)
	}
	defer func() { _ = response.Body.Close() }() // the connection ends anyway
	body, _ := io.ReadAll(response.Body)         // the status counts
	got := reply{id: id, status: response.StatusCode, header: response.Header, body: string(body)}
	if secured != nil {
		got.resumed = secured.ConnectionState().DidResume
	}
	return got, nil
}

func (r request) verb() string {
	if r.method == "" {
		return http.MethodPost
	}
	return r.method
}

func (r request) authority() string {
	if r.host == "" {
		return "hooks.example.com"
	}
	return r.host
}

// bytes returns r in the form of HTTP/1.1.
func (r request) bytes(id string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n", r.verb(), r.path, r.authority(), idHeader, id)
	for _, line := range r.header {
		fmt.Fprintf(&b, "%s: %s\r\n", line[0], line[1])
	}
	switch {
	case r.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for rest := r.body; len(rest) > 0; {
			n := min(len(rest), 1000)
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		b.WriteString("0\r\n\r\n")
	case r.body != nil:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(r.body))
		b.Write(r.body)
	default:
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

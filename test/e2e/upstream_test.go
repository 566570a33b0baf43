//go:build e2e

package e2e

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// idHeader tells requests apart, on the wire and in Envoy's access log.
const idHeader = "X-E2e-Id"

// An upstream is the application. It answers 200 and remembers what it saw.
type upstream struct {
	address string

	mu  sync.Mutex
	saw map[string]received
}

// received is a request as the application saw it.
type received struct {
	method, path, host string
	header             http.Header
	body               []byte
}

func startUpstream(s scope) *upstream {
	s.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatalf("%v", err)
	}
	u := &upstream{address: lis.Addr().String(), saw: map[string]received{}}
	server := &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(lis) // it ends by Close
	}()
	s.Cleanup(func() {
		_ = server.Close() // nobody waits for an answer any more
		<-done
	})
	return u
}

// ServeHTTP implements [http.Handler].
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(idHeader)
	u.note(id, received{method: r.Method, path: r.RequestURI, host: r.Host, header: r.Header.Clone()})
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the request itself was noted
	}
	u.note(id, received{method: r.Method, path: r.RequestURI, host: r.Host, header: r.Header.Clone(), body: body})
	_, _ = io.WriteString(w, "from upstream") // a client that went away
}

func (u *upstream) note(id string, r received) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.saw[id] = r
}

// seen returns what the upstream saw of a request, if anything.
func (u *upstream) seen(id string) (received, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r, ok := u.saw[id]
	return r, ok
}

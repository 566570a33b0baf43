//go:build e2e

package e2e

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Envoy may be told to ask again when a verdict did not arrive. Then the verdict
// may have been there, and the claim with it: the same stream passes, once.
func TestReplayEnvoyAsksAgain(t *testing.T) {
	t.Parallel()
	c := startCutter(t)
	w := replayWorld(t, replayRedis(t), setup{
		ingress: func(l listener) {
			service := treeAt(l.filter(), "grpc_service")
			service["retry_policy"] = tree{"num_retries": 2}
			service["initial_metadata"] = []any{tree{"key": "x-envoy-retry-on", "value": "connect-failure,reset,refused-stream,unavailable"}}
		},
		listeners: []variant{{name: "asks-once"}},
		cluster: func(hookauthz tree) {
			// Health checks would be cut too.
			delete(hookauthz, "health_checks")
			c.to.Store(address(treeAt(hookauthz, "load_assignment.endpoints.0.lb_endpoints.0.endpoint.address.socket_address")))
			treeAt(hookauthz, "load_assignment.endpoints.0")["lb_endpoints"] = []any{endpoint(t, c.address)}
		},
	})
	first := once("once")
	w.allowed(t, w.send(t, first))

	one := once("once")
	c.cut.Store(true)
	got := w.send(t, one)
	if _, ok := w.upstream.seen(got.id); got.status != 200 || !ok || c.cut.Load() {
		t.Fatalf("status %d, seen upstream %v, %s; cut: %v", got.status, ok, w.why(got), !c.cut.Load())
	}
	var told []string
	for _, how := range []string{"new", "repeat"} {
		line := w.servers[0].stdout.find(5*time.Second, func(line string) bool {
			return strings.Contains(line, got.requestID(w)) && strings.Contains(line, `"replay":"`+how+`"`)
		})
		told = append(told, line)
	}
	if told[0] == "" || told[1] == "" {
		t.Errorf("the decision log does not tell of a claim and its repeat: %q", told)
	}
	// Any other stream is a replay, were it to name the same request.
	w.denied(t, w.send(t, one.with("X-Request-Id", got.requestID(w))), 409, authz.ReasonReplayed)

	// Without retries the claim is used up: this is why senders sign a new time.
	lost := once("once").on("asks-once")
	c.cut.Store(true)
	w.refused(t, w.send(t, lost), 503, "ext_authz_error")
	w.denied(t, w.send(t, lost), 409, authz.ReasonReplayed)
}

// requestID is what Envoy called the request of r.
func (r reply) requestID(w *world) string {
	seen, _ := w.upstream.seen(r.id)
	return seen.header.Get("X-Request-Id")
}

// An internal redirect is another stream, of the same bytes: it doesn't pass.
func TestReplayInternalRedirect(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Location", "http://hooks.example.com"+strings.Replace(r.URL.Path, "redirected", "e2e", 1))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})}
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(lis) })
	t.Cleanup(func() { _ = server.Close(); group.Wait() })
	w := replayWorld(t, replayRedis(t), setup{
		ingress: func(l listener) {
			for _, policy := range []string{"bodiless", "bodiless-often"} {
				l.add("path", "/redirected/"+policy, named(policy))
				treeAt(listAt(l.host(), "routes")[0], "route")["cluster"] = "redirecting"
				treeAt(listAt(l.host(), "routes")[0], "route")["internal_redirect_policy"] = tree{
					"redirect_response_codes": []any{307}, "max_internal_redirects": 2,
				}
			}
		},
		clusters: []any{tree{
			"name": "redirecting", "type": "STATIC", "connect_timeout": "1s",
			"load_assignment": tree{"cluster_name": "redirecting", "endpoints": []any{tree{"lb_endpoints": []any{endpoint(t, lis.Addr().String())}}}},
		}},
	})
	// Envoy 1.40 does not show a body again, which would be denied for that.
	bodiless := stripe([]byte{}, time.Now())
	got := w.send(t, bodiless.to("/redirected/bodiless"))
	w.unseen(t, got)
	if d, ok := decisionBy(w.servers, got.header.Get("X-Hookauthz-Decision-Id")); !ok || got.status != 409 || d.Reason != authz.ReasonReplayed.String() {
		t.Errorf("status %d, %+v; want 409, replayed", got.status, d)
	}
	if hits.Load() != 1 {
		t.Errorf("the redirecting application was asked %d times, want once", hits.Load())
	}
	// It is the claim that stops it, not the redirect.
	got = w.send(t, stripe([]byte{}, time.Now().Add(time.Second)).to("/redirected/bodiless-often"))
	if seen, ok := w.upstream.seen(got.id); got.status != 200 || !ok || seen.path != "/e2e/bodiless-often" {
		t.Errorf("status %d, seen upstream %v at %q, %s", got.status, ok, seen.path, w.why(got))
	}
}

// address returns what [endpoint] was made of.
func address(socket tree) string {
	port, _ := socket["port_value"].(int)
	host, _ := socket["address"].(string)
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// A cutter is a connection to hookauthz that can be cut when an answer arrives.
type cutter struct {
	address string
	to      atomic.Value // string
	cut     atomic.Bool
}

func startCutter(t *testing.T) *cutter {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{address: lis.Addr().String()}
	var mu sync.Mutex
	var open []net.Conn
	var group sync.WaitGroup
	group.Go(func() {
		for {
			in, err := lis.Accept()
			if err != nil {
				return
			}
			to, _ := c.to.Load().(string)
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			group.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
			group.Go(func() { c.answers(in, out); _ = in.Close(); _ = out.Close() })
		}
	})
	t.Cleanup(func() {
		_ = lis.Close()
		mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	return c
}

// answers passes frames on until one is to be cut: the headers of an answer.
func (c *cutter) answers(in io.Writer, out io.Reader) {
	const headers = 1 // https://www.rfc-editor.org/rfc/rfc9113#section-6.2
	for {
		var head [9]byte
		if _, err := io.ReadFull(out, head[:]); err != nil {
			return
		}
		frame := make([]byte, len(head)+int(binary.BigEndian.Uint32(head[:])>>8)) // the length has 24 bits
		copy(frame, head[:])
		if _, err := io.ReadFull(out, frame[len(head):]); err != nil {
			return
		}
		if frame[3] == headers && c.cut.CompareAndSwap(true, false) {
			return
		}
		if _, err := in.Write(frame); err != nil {
			return
		}
	}
}

//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Settings of the filter that would show a request to the upstream before the
// verdict are denied with the first request, whoever sends it.
func TestProcModes(t *testing.T) {
	w := processed()
	for listener, reason := range map[string]authz.Reason{
		"NONE": authz.ReasonBodyNotForwarded, "STREAMED": authz.ReasonBodyNotForwarded, "BUFFERED_PARTIAL": authz.ReasonBodyNotForwarded,
		"response-bodies": authz.ReasonGatewayNotAttested,
	} {
		t.Run(listener, func(t *testing.T) {
			for _, r := range []request{github(event), {path: "/e2e/keyed", body: event}, {path: "/e2e/watched", body: event}} {
				got := w.send(t, r.on(listener))
				w.never(t, got, 500)
				if d, ok := w.servers[0].decision(got.header.Get("X-Hookauthz-Decision-Id"), 5*time.Second); !ok || d.Reason != reason.String() {
					t.Errorf("decision log: %+v, want %v", d, reason)
				}
			}
		})
	}
}

// Without the headers Envoy has sent them upstream before it asks: that can only be
// told, to the sender and the log. The body does not follow.
func TestProcHeadersSkipped(t *testing.T) {
	w := processed()
	got := w.send(t, github(event).on("unheaded"))
	w.hidden(t, got)
	d, ok := w.servers[0].decision(got.header.Get("X-Hookauthz-Decision-Id"), 5*time.Second)
	if got.status != 500 || !ok || d.Reason != authz.ReasonBug.String() {
		t.Errorf("status %d, decision log: %+v; want 500, bug", got.status, d)
	}
}

// A request of headers and trailers brings no body message. Where trailers are
// skipped Envoy would let it go without a verdict.
func TestProcTrailersOnly(t *testing.T) {
	w := processed()
	only := []frame{{trailer: [2]string{"x-a", "b"}}}
	empty := github([]byte{})
	send := func(t *testing.T, r request) reply {
		t.Helper()
		return w.sendFrames(t, r, only)
	}
	bodiless := empty.to("/e2e/bodiless")
	keyed := request{path: "/e2e/keyed"}.with("X-Api-Key", w.key)

	w.refusedBy(t, send(t, bodiless), 400, authz.ReasonShapeAmbiguous)
	w.refusedBy(t, send(t, keyed), 400, authz.ReasonShapeAmbiguous)
	for _, listener := range []string{"skipped", "untold"} {
		w.refusedBy(t, send(t, bodiless.on(listener)), 500, authz.ReasonGatewayNotAttested)
		w.refusedBy(t, send(t, keyed.on(listener)), 500, authz.ReasonGatewayNotAttested)
		w.refusedBy(t, send(t, keyed.on(listener).with("Content-Length", "0")), 500, authz.ReasonGatewayNotAttested)
		// A body that is announced and does not come is a mistake to Envoy.
		w.unseen(t, reply{id: w.sendBroken(t, keyed.on(listener).with("Content-Length", "5"), only)})
		chunked := github(event).on(listener)
		w.allowed(t, w.send(t, chunked))
		chunked.chunked = true
		w.refusedBy(t, w.send(t, chunked), 500, authz.ReasonGatewayNotAttested)
	}

	w.refusedBy(t, send(t, empty.on("duplex")), 401, authz.ReasonBodyEmpty)
	seen, _ := w.allowed(t, send(t, keyed.on("duplex").with("X-Webhook-Sender", forged)))
	if got := seen.header.Values("X-Webhook-Sender"); len(got) != 1 || got[0] == forged {
		t.Errorf("X-Webhook-Sender = %q", got)
	}
	w.allowed(t, send(t, bodiless.on("duplex")))
	w.refusedBy(t, send(t, bodiless.on("duplex").replaced(githubHeader, github(event).value(githubHeader))), 401, authz.ReasonSignatureMismatch)
}

// Envoy takes of a route what it refuses of a filter: full duplex without trailers.
// There it waits for no verdict on a request that has some, so nothing at all works
// until somebody states that they are sent.
func TestProcRouteMode(t *testing.T) {
	w := processed()
	r := github(event).to("/e2e/bodiless").on("route-skipped")
	w.refusedBy(t, w.send(t, r), 500, authz.ReasonGatewayNotAttested)
	r.chunked = true
	w.refusedBy(t, w.send(t, r), 500, authz.ReasonGatewayNotAttested)
}

// sendBroken sends r over HTTP/2, waits until Envoy has ended the connection, and
// returns the id of the request.
func (w *world) sendBroken(t *testing.T, r request, body []frame) string {
	t.Helper()
	conn, err := w.dial(r.listener)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // it was read to its end
	c := newFrameConn(t, conn)
	id := random()
	fields := [][2]string{{":method", r.verb()}, {":scheme", "http"}, {":path", r.path}, {":authority", r.authority()}, {strings.ToLower(idHeader), id}}
	for _, line := range r.header {
		fields = append(fields, [2]string{strings.ToLower(line[0]), line[1]})
	}
	c.headers(fields, false)
	c.write(body)
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn) // however it ends
	return id
}

// Trailers bring no header that policies set: some applications read them alike.
func TestProcTrailers(t *testing.T) {
	w := processed()
	for _, listener := range []string{"", "duplex"} {
		r := github(event).on(listener)
		got := w.sendFrames(t, r, append(frames(event, false), frame{trailer: [2]string{"x-webhook-sender", forged}}))
		seen, _ := w.allowed(t, got)
		if sender := seen.header.Values("X-Webhook-Sender"); len(sender) != 1 || sender[0] != "github" {
			t.Errorf("%q: X-Webhook-Sender = %q", listener, sender)
		}
	}
}

// A request without a body ends with its headers.
func TestProcNoBody(t *testing.T) {
	w := processed()
	for _, listener := range []string{"", "duplex", "responses", "skipped"} {
		keyed := request{method: "GET", listener: listener, path: "/e2e/keyed"}
		w.allowed(t, w.send(t, keyed.with("X-Api-Key", w.key)))
		w.refusedBy(t, w.send(t, keyed), 401, authz.ReasonCredentialMissing)
		w.allowed(t, w.send(t, github([]byte{}).to("/e2e/bodiless").on(listener)))
		w.refusedBy(t, w.send(t, github([]byte{}).on(listener)), 401, authz.ReasonBodyEmpty)
	}
}

// Envoy's own limit does not cap HTTP/2. Whatever is over it, no part of a body is
// verified or passed.
func TestProcLimit(t *testing.T) {
	w := processed()
	long := github(large(30_000)).on("low")
	w.never(t, w.send(t, long), 413)
	got := w.sendFrames(t, long, frames(long.body, true))
	if seen, ok := w.upstream.seen(got.id); ok && !bytes.Equal(seen.body, long.body) {
		t.Errorf("status %d: the upstream saw %d bytes of %d", got.status, len(seen.body), len(long.body))
	}
	head := github(long.body[:20_000]).on("low")
	w.unseen(t, w.sendFrames(t, head, frames(long.body, true)))
	for _, listener := range []string{"", "duplex"} {
		small := github(large(1025)).to("/e2e/small").on(listener)
		d := w.refusedBy(t, w.send(t, small), 413, authz.ReasonBodyTooLarge)
		if d.BodyBytes != 1025 {
			t.Errorf("body_bytes = %d, want 1025", d.BodyBytes)
		}
		w.refusedBy(t, w.sendFrames(t, small, frames(small.body, true)), 413, authz.ReasonBodyTooLarge)
		w.allowed(t, w.send(t, github(large(1024)).to("/e2e/small").on(listener)))
	}
}

// Under BUFFERED an upgrade would be waited for without end.
func TestProcUpgrade(t *testing.T) {
	w := processed()
	for _, path := range []string{"/e2e/keyed", "/e2e/watched"} {
		r := request{listener: "websocket", method: "GET", path: path}.with("X-Api-Key", w.key).
			with("Connection", "Upgrade").with("Upgrade", "websocket")
		w.refusedBy(t, w.send(t, r), 500, authz.ReasonBodyNotForwarded)
	}
}

// Large bodies are held as they arrive, in a file without a name, and go on only
// once they are verified.
func TestProcLargeBodies(t *testing.T) {
	w := processed()
	r := recording(large(20 << 20))
	seen, _ := w.allowed(t, w.send(t, r))
	if !bytes.Equal(seen.body, r.body) {
		t.Errorf("the upstream saw %d other bytes", len(seen.body))
	}
	r.chunked = true
	seen, _ = w.allowed(t, w.send(t, r))
	if !bytes.Equal(seen.body, r.body) {
		t.Errorf("chunked: the upstream saw %d other bytes", len(seen.body))
	}
	w.refusedBy(t, w.send(t, tampered(r)), 401, authz.ReasonSignatureMismatch)

	// What is announced is refused before it comes.
	over := r
	over.body, over.chunked = nil, false
	d := w.refusedBy(t, w.send(t, over.with("Content-Length", fmt.Sprint(64<<20+1))), 413, authz.ReasonBodyTooLarge)
	if d.BodyForm != "partial" {
		t.Errorf("body_form = %q, want partial", d.BodyForm)
	}
	w.idle(t)
	if names := spooled(t); len(names) > 0 {
		t.Errorf("files with names: %q", names)
	}
}

// A sender that goes away leaves nothing behind, wherever it stops.
func TestProcCut(t *testing.T) {
	w := processed()
	whole := recording(large(3 << 20))
	const all = 1 << 30
	stops := map[string]int{"after the headers": 0, "in the body": 100_000, "in the file": 2 << 20, "one byte before the end": all} // in the body
	for _, listener := range []string{"ingress", "duplex"} {
		for name, stop := range stops {
			t.Run(listener+" "+name, func(t *testing.T) {
				r := whole
				if listener == "duplex" { // the shipped route has full duplex in either
					r = github(whole.body[:500_000])
				}
				id := random()
				text := r.bytes(id)
				conn, err := w.dial(listener)
				if err != nil {
					t.Fatal(err)
				}
				head := bytes.Index(text, []byte("\r\n\r\n")) + 4
				if _, err := conn.Write(text[:min(head+stop, len(text)-1)]); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50 * time.Millisecond) // Envoy has shown us what came
				if err := conn.Close(); err != nil {
					t.Fatal(err)
				}
				w.idle(t)
				w.unseen(t, reply{id: id})
			})
		}
	}
	if n := w.metric(t, `hookauthz_decisions_total{decision="deny",kind="none",mode="enforce",policy="recordings",reason="body_truncated"`, "recordings"); n < 4 {
		t.Errorf("%v cut bodies in the metrics, want 4 or more", n)
	}
}

// What the sender writes as the client's address or as Envoy's own words counts
// for nothing.
func TestProcForged(t *testing.T) {
	w := processed()
	for _, listener := range []string{"", "duplex"} {
		by := func(policy string) request {
			return request{listener: listener, path: "/e2e/" + policy, body: event}.with("X-Api-Key", w.key)
		}
		got := w.send(t, by("by-peer").with("X-Forwarded-For", "203.0.113.9"))
		w.unseen(t, got)
		if got.status < 400 {
			t.Errorf("status %d, want a denial: the processor knows no peer", got.status)
		}
		w.allowed(t, w.send(t, by("by-forwarded").with("X-Forwarded-For", "203.0.113.9")))
		w.refusedBy(t, w.send(t, tampered(github(event).on(listener).with("X-Envoy-Auth-Partial-Body", "false"))), 401, authz.ReasonSignatureMismatch)
		w.allowed(t, w.send(t, github(event).on(listener).with("X-Envoy-Auth-Partial-Body", "true")))
		w.refusedBy(t, w.send(t, github(event).on(listener).with("X-Hookauthz-Policy", "keyed").replaced(githubHeader, "sha256=00")), 401, authz.ReasonCredentialMalformed)
	}
}

// The application does not get a key out of the URL.
func TestProcQuery(t *testing.T) {
	w := processed()
	for _, listener := range []string{"", "duplex"} {
		for query, want := range map[string]string{
			"?key=" + w.key:                "/e2e/queried",
			"?a=1&key=" + w.key + "&b=%20": "/e2e/queried?a=1&b=%20",
			"?keys=2&key=" + w.key:         "/e2e/queried?keys=2",
		} {
			seen, _ := w.allowed(t, w.send(t, request{listener: listener, path: "/e2e/queried" + query, body: event}))
			if seen.path != want {
				t.Errorf("%q: the upstream saw %q, want %q", listener, seen.path, want)
			}
		}
	}
}

// A denial is answered as its policy says.
func TestProcOwnAnswer(t *testing.T) {
	w := processed()
	for _, listener := range []string{"", "duplex"} {
		got := w.send(t, request{listener: listener, path: "/e2e/own-answer", body: event})
		w.refusedBy(t, got, 404, authz.ReasonCredentialMissing)
		if got.body != "nothing here" || got.header.Get("X-Why") != "because" || got.header.Get("Content-Type") != "text/plain" {
			t.Errorf("answer = %q, %v", got.body, got.header)
		}
		got = w.send(t, tampered(github(event).on(listener)))
		want := `{"error":"unauthorized","decision_id":"` + got.header.Get("X-Hookauthz-Decision-Id") + `"}`
		if got.body != want || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("answer = %q, Content-Type %q, want %q", got.body, got.header.Get("Content-Type"), want)
		}
	}
}

// A policy that only watches lets everything through as it came.
func TestProcMonitor(t *testing.T) {
	w := processed()
	at := func(body []byte) request { return github(body).to("/e2e/watched").with("X-Webhook-Sender", forged) }
	for name, r := range map[string]request{
		"right": at(event), "wrong": tampered(at(event)), "without": at(event).without(githubHeader), "over its limit": at(large(3 << 20)),
		"empty": at([]byte{}),
	} {
		for _, listener := range []string{"", "duplex"} {
			for _, chunked := range []bool{false, true} {
				if listener == "" && len(r.body) > limit {
					continue // Envoy does not buffer it
				}
				r := r.on(listener)
				r.chunked = chunked
				got := w.send(t, r)
				seen, ok := w.upstream.seen(got.id)
				if got.status != 200 || !ok || !bytes.Equal(seen.body, r.body) {
					t.Errorf("%s on %q, chunked %v: status %d, %d of %d bytes upstream; want it to pass", name, listener, chunked, got.status, len(seen.body), len(r.body))
				}
				if sender := seen.header.Get("X-Webhook-Sender"); sender != "" {
					t.Errorf("%s on %q: X-Webhook-Sender %q is forged", name, listener, sender)
				}
			}
		}
	}
	only := w.sendFrames(t, at(nil), []frame{{trailer: [2]string{"x-a", "b"}}})
	if seen, ok := w.upstream.seen(only.id); only.status != 200 || !ok || seen.header.Get("X-Webhook-Sender") != "" {
		t.Errorf("trailers only: status %d, upstream %v", only.status, seen.header)
	}
}

// A server that stops denies what it has not decided; it neither lets it go nor
// leaves Envoy without an answer.
func TestProcDrain(t *testing.T) {
	t.Parallel()
	for _, listener := range []string{"ingress", "duplex", "fail-open"} {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			w := newProcWorld(t, setup{flags: []string{"--drain-wait=0s", "--drain-timeout=300ms"}})
			r := github(event).on(listener)
			id := random()
			text := r.bytes(id)
			conn, err := w.dial(listener)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }() // the answer was read
			if _, err := conn.Write(text[:len(text)-3]); err != nil {
				t.Fatal(err)
			}
			eventually(t, 5*time.Second, "the stream is there", func() bool {
				return strings.Contains(w.servers[0].metrics(t), "\nhookauthz_inflight_checks 1\n")
			})
			w.servers[0].signal(t, syscall.SIGTERM)
			answer, err := io.ReadAll(io.LimitReader(conn, 12))
			if err != nil || string(answer) != "HTTP/1.1 503" {
				t.Errorf("answer %q, %v; want 503", answer, err)
			}
			if !w.servers[0].ended(5 * time.Second) {
				t.Error("hookauthz does not end")
			}
			w.unseen(t, reply{id: id})
			if got := w.access(reply{id: id}); got.Reason != "not_ready" {
				t.Errorf("Envoy's access log: %+v, want not_ready", got)
			}
		})
	}
}

// A server that is gone lets nothing go.
func TestProcKilled(t *testing.T) {
	t.Parallel()
	w := newProcWorld(t, setup{})
	var conns []net.Conn
	var ids []string
	for _, listener := range []string{"ingress", "duplex"} {
		id := random()
		text := github(event).on(listener).bytes(id)
		conn, err := w.dial(listener)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // the answer was read
		if _, err := conn.Write(text[:len(text)-3]); err != nil {
			t.Fatal(err)
		}
		conns, ids = append(conns, conn), append(ids, id)
	}
	eventually(t, 5*time.Second, "the streams are there", func() bool {
		return strings.Contains(w.servers[0].metrics(t), "\nhookauthz_inflight_checks 2\n")
	})
	w.servers[0].kill()
	for i, conn := range conns {
		answer, err := io.ReadAll(io.LimitReader(conn, 10))
		if err != nil || string(answer) != "HTTP/1.1 5" {
			t.Errorf("answer %q, %v; want 5xx", answer, err)
		}
		w.unseen(t, reply{id: ids[i]})
	}
	w.never(t, w.send(t, github(event)), 503)
}

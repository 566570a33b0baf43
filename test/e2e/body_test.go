//go:build e2e

package e2e

import (
	"bytes"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// large returns a body of n bytes that is the same each time and no text.
func large(n int) []byte {
	body := make([]byte, n)
	for i := range body {
		body[i] = byte(i * 31 >> 3)
	}
	return body
}

func tampered(r request) request {
	r.body = append([]byte(nil), r.body...)
	r.body[len(r.body)-1] ^= 1
	return r
}

// However a body travels, its bytes are what is verified and what arrives.
func TestBodyFraming(t *testing.T) {
	trailer := frame{trailer: [2]string{"x-checksum", "abc"}}
	bodies := map[string][]byte{
		"text":          event,
		"invalid UTF-8": []byte("\xff\xfe{\"a\":\"\xc3\x28\"}\x00\r\n"),
		"CRLF and BOM":  []byte("\xef\xbb\xbf{\r\n}\r\n\r\n"),
		"exclamation":   []byte("what a body!"),
		"large":         large(300 << 10),
	}
	ways := map[string]func(t *testing.T, r request) reply{
		"Content-Length": shared.send,
		"chunked": func(t *testing.T, r request) reply {
			t.Helper()
			r.chunked = true
			return shared.send(t, r)
		},
		"HTTP/2": func(t *testing.T, r request) reply {
			t.Helper()
			return shared.sendFrames(t, r, frames(r.body, true))
		},
		"HTTP/2, end by an empty frame": func(t *testing.T, r request) reply {
			t.Helper()
			return shared.sendFrames(t, r, append(frames(r.body, false), frame{end: true}))
		},
		"HTTP/2 and trailers": func(t *testing.T, r request) reply {
			t.Helper()
			return shared.sendFrames(t, r, append(frames(r.body, false), trailer))
		},
	}
	for bodyName, body := range bodies {
		for way, send := range ways {
			t.Run(bodyName+" by "+way, func(t *testing.T) {
				r := github(body)
				seen, _ := shared.allowed(t, send(t, r))
				if !bytes.Equal(seen.body, body) {
					t.Errorf("the upstream saw %d other bytes, want the %d sent", len(seen.body), len(body))
				}
				shared.denied(t, send(t, tampered(r)), 401, authz.ReasonSignatureMismatch)
			})
		}
	}
}

// The largest body is one byte below the gateway's limit: one of that length may
// have been cut there.
func TestBodyLimit(t *testing.T) {
	chunked := func(r request) request {
		r.chunked = true
		return r
	}
	below, exact, above := github(large(limit-1)), github(large(limit)), github(large(limit+1))
	shared.allowed(t, shared.send(t, below))
	shared.allowed(t, shared.send(t, chunked(below)))
	shared.allowed(t, shared.sendFrames(t, below, frames(below.body, true)))

	// At the limit Envoy has the whole body and asks.
	shared.denied(t, shared.send(t, exact), 413, authz.ReasonBodyTruncated)
	shared.denied(t, shared.send(t, chunked(exact)), 413, authz.ReasonBodyTruncated)
	shared.denied(t, shared.sendFrames(t, exact, frames(exact.body, true)), 413, authz.ReasonBodyTruncated)

	// Above it Envoy answers itself.
	shared.refused(t, shared.send(t, above), 413, "request_payload_too_large")
	shared.refused(t, shared.send(t, chunked(above)), 413, "request_payload_too_large")

	small := github(large(1025)).to("/e2e/small")
	shared.denied(t, shared.send(t, small), 413, authz.ReasonBodyTooLarge)
	shared.denied(t, shared.send(t, small.without(githubHeader)), 413, authz.ReasonBodyTooLarge)
	shared.allowed(t, shared.send(t, github(large(1024)).to("/e2e/small")))
}

// Over HTTP/2 Envoy asks about a body that it cut, if the stream ends with the
// very frame that crosses the limit. Verified, the signature would vouch for
// bytes that nobody looked at. The signature here is that of the cut body.
func TestBodyCutOverHTTP2(t *testing.T) {
	const inFrames = 16384
	whole := large(limit + 5000)
	head := whole[:limit]
	r := github(head)

	t.Run("ends on the frame that crosses", func(t *testing.T) {
		shared.never(t, shared.sendFrames(t, r, frames(whole, true)), 413)
	})
	t.Run("ends on a frame after", func(t *testing.T) {
		shared.never(t, shared.sendFrames(t, r, append(frames(whole, false), frame{data: []byte("more"), end: true})), 413)
	})
	t.Run("ends on an empty frame after", func(t *testing.T) {
		shared.never(t, shared.sendFrames(t, r, append(frames(whole, false), frame{end: true})), 413)
	})
	t.Run("ends on the frame before", func(t *testing.T) {
		before := whole[:limit/inFrames*inFrames-inFrames]
		shared.allowed(t, shared.sendFrames(t, github(before), frames(before, true)))
	})
	t.Run("ends on the limit", func(t *testing.T) {
		shared.never(t, shared.sendFrames(t, r, frames(head, true)), 413)
	})
	t.Run("ends on an empty frame after the limit", func(t *testing.T) {
		shared.never(t, shared.sendFrames(t, r, append(frames(head, false), frame{end: true})), 413)
	})
	t.Run("goes on after the limit", func(t *testing.T) {
		shared.never(t, shared.sendFrames(t, r, append(frames(head, false), frames(large(5000), true)...)), 413)
	})
	t.Run("trailers after the limit", func(t *testing.T) {
		shared.never(t, shared.sendFrames(t, r, append(frames(whole, false), frame{trailer: [2]string{"x-a", "b"}})), 413)
	})
}

// never fails t unless the request was answered with status, by whomever, and the
// upstream saw nothing of it.
func (w *world) never(t *testing.T, r reply, status int) {
	t.Helper()
	w.unseen(t, r)
	if r.status != status {
		t.Errorf("status %d, want %d; Envoy: %+v", r.status, status, w.access(r))
	}
}

// A gateway that sends parts of bodies says so of most, but not of one that
// reaches its limit to the byte: what follows goes upstream unseen. The stated
// max_request_bytes is what stops it.
func TestPartialMessages(t *testing.T) {
	head := large(limit)
	r := github(head).on("partial")
	more := append(append([]byte(nil), head...), "and more"...)

	shared.never(t, shared.sendFrames(t, r, append(frames(head, false), frames([]byte("and more"), true)...)), 413)
	shared.never(t, shared.sendFrames(t, r, frames(head, true)), 413)
	shared.never(t, shared.sendFrames(t, r, frames(more, true)), 413)
	long := r
	long.body = more
	shared.never(t, shared.send(t, long), 413)
	long.chunked = true
	shared.never(t, shared.send(t, long), 413)
	shared.allowed(t, shared.send(t, github(event).on("partial")))
}

// Where no body came none is verified, and nobody takes that for an empty one.
func TestBodyNotForwarded(t *testing.T) {
	empty := github([]byte{})
	for _, listener := range []string{"no-body", "route-no-body"} {
		t.Run(listener, func(t *testing.T) {
			r := github(event).on(listener)
			shared.denied(t, shared.send(t, r), 500, authz.ReasonBodyNotForwarded)
			r.chunked = true
			shared.denied(t, shared.send(t, r), 500, authz.ReasonBodyNotForwarded)
			shared.denied(t, shared.sendFrames(t, r, frames(event, true)), 500, authz.ReasonBodyNotForwarded)
			// The signature of nothing, with a body that nobody saw.
			hidden := empty.on(listener)
			shared.denied(t, shared.sendFrames(t, hidden, frames(event, true)), 500, authz.ReasonBodyNotForwarded)
		})
	}
	t.Run("no-body where an empty one is welcome", func(t *testing.T) {
		r := empty.on("no-body").to("/e2e/bodiless")
		shared.denied(t, shared.sendFrames(t, r, frames(event, true)), 500, authz.ReasonBodyNotForwarded)
		shared.allowed(t, shared.send(t, r)) // Content-Length: 0
		// Envoy takes Transfer-Encoding away before it asks.
		chunked := r
		chunked.chunked, chunked.body = true, event
		shared.denied(t, shared.send(t, chunked), 500, authz.ReasonBodyNotForwarded)
		// A length that is none: Envoy itself must not let these through.
		shared.hidden(t, shared.send(t, chunked.with("Content-Length", "0")))
		shared.hidden(t, shared.sendFrames(t, r.with("Content-Length", "0"), frames(event, true)))
	})
	// Keys bind no body, so they don't need one.
	shared.allowed(t, shared.send(t, tower(event).on("no-body")))
}

// hidden fails t if the upstream saw a body.
func (w *world) hidden(t *testing.T, r reply) {
	t.Helper()
	if seen, _ := w.upstream.seen(r.id); len(seen.body) > 0 {
		t.Errorf("status %d: the upstream saw a body of %d bytes that hookauthz did not", r.status, len(seen.body))
	}
}

func TestBodyAsText(t *testing.T) {
	binary := []byte("{\"name\":\"\xff\"}")
	shared.denied(t, shared.send(t, github(binary).on("no-bytes")), 500, authz.ReasonBodyNotRaw)
	// Envoy writes "!" for a byte that is no UTF-8: the signature of that text
	// is not one of these bytes.
	r := github([]byte("{\"name\":\"!\"}")).on("no-bytes")
	r.body = binary
	shared.denied(t, shared.send(t, r), 500, authz.ReasonBodyNotRaw)
	shared.denied(t, shared.send(t, github(event).on("no-bytes")), 500, authz.ReasonBodyNotRaw)
}

// Empty bodies are refused unless the policy wants them, and are verified then.
func TestEmptyBody(t *testing.T) {
	empty := github([]byte{})
	shared.denied(t, shared.send(t, empty), 401, authz.ReasonBodyEmpty)
	chunked := empty
	chunked.chunked = true
	shared.denied(t, shared.send(t, chunked), 500, authz.ReasonBodyNotForwarded)

	welcome := empty.to("/e2e/bodiless")
	shared.allowed(t, shared.send(t, welcome))
	shared.denied(t, shared.send(t, github(event).replaced(githubHeader, empty.value(githubHeader)).to("/e2e/bodiless")), 401, authz.ReasonSignatureMismatch)
	wrong := github(event).to("/e2e/bodiless")
	wrong.body = []byte{}
	shared.denied(t, shared.send(t, wrong), 401, authz.ReasonSignatureMismatch)
}

// Trailers without a body, over HTTP/2: nothing says that there was none.
func TestTrailersOnly(t *testing.T) {
	r := github([]byte{}).to("/e2e/bodiless")
	got := shared.sendFrames(t, r, []frame{{trailer: [2]string{"x-a", "b"}}})
	shared.denied(t, got, 500, authz.ReasonBodyNotForwarded)
}

// What follows an upgrade is never shown to us, whatever its length says.
func TestUpgradeWithBody(t *testing.T) {
	upgrade := github(event).on("websocket").with("Connection", "Upgrade").with("Upgrade", "websocket")
	shared.denied(t, shared.send(t, upgrade), 500, authz.ReasonBodyNotForwarded)
	empty := github([]byte{}).on("websocket").to("/e2e/bodiless").with("Connection", "Upgrade").with("Upgrade", "websocket")
	shared.denied(t, shared.send(t, empty), 500, authz.ReasonBodyNotForwarded)
	hidden := empty
	hidden.body = event
	shared.denied(t, shared.send(t, hidden), 500, authz.ReasonBodyNotForwarded)
}

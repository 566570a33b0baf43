//go:build e2e

package e2e

import (
	"bytes"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// Both programs find nothing wrong with the files that users start from.
func TestProcShipped(t *testing.T) {
	for _, command := range [][]string{
		{program(t, "HOOKAUTHZ_ENVOY", "make tools"), "--mode", "validate", "-c", shippedProcEnvoy},
		{program(t, "HOOKAUTHZ_BIN", "make build"), "check", shippedProcPolicy},
	} {
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "warning") || strings.Contains(string(out), "deprecated") {
			t.Errorf("%q: %v\n%s", command, err, out)
		}
	}
	w := processed()
	got := w.send(t, request{method: "GET", path: "/healthz"})
	if _, ok := w.upstream.seen(got.id); got.status != 200 || !ok {
		t.Errorf("/healthz: status %d, want 200 by the upstream", got.status)
	}
	w.allowed(t, w.send(t, github(event).to("/routed/github")))
	w.refusedBy(t, w.send(t, github(event).to("/routed/elsewhere")), 403, authz.ReasonRouteNotFound)
}

// However a body travels, in either mode, its bytes are what is verified and what
// arrives.
func TestProcFraming(t *testing.T) {
	w := processed()
	trailer := frame{trailer: [2]string{"x-checksum", "abc"}}
	bodies := map[string][]byte{"text": event, "invalid UTF-8": []byte("\xff\xfe{\"a\":\"\xc3\x28\"}\x00\r\n"), "large": large(300 << 10)}
	ways := map[string]func(t *testing.T, r request) reply{
		"Content-Length": w.send,
		"chunked": func(t *testing.T, r request) reply {
			t.Helper()
			r.chunked = true
			return w.send(t, r)
		},
		"HTTP/2": func(t *testing.T, r request) reply {
			t.Helper()
			return w.sendFrames(t, r, frames(r.body, true))
		},
		"HTTP/2, end by an empty frame": func(t *testing.T, r request) reply {
			t.Helper()
			return w.sendFrames(t, r, append(frames(r.body, false), frame{end: true}))
		},
		"HTTP/2 and trailers": func(t *testing.T, r request) reply {
			t.Helper()
			return w.sendFrames(t, r, append(frames(r.body, false), trailer))
		},
	}
	for _, listener := range []string{"", "duplex", "responses", "duplex-responses", "length"} {
		for bodyName, body := range bodies {
			for way, send := range ways {
				t.Run(listener+" "+bodyName+" by "+way, func(t *testing.T) {
					r := github(body).on(listener).with("X-Webhook-Sender", forged)
					seen, d := w.allowed(t, send(t, r))
					if !bytes.Equal(seen.body, body) {
						t.Errorf("the upstream saw %d other bytes, want the %d sent", len(seen.body), len(body))
					}
					if got := seen.header.Values("X-Webhook-Sender"); len(got) != 1 || got[0] != "github" {
						t.Errorf("X-Webhook-Sender = %q, want github", got)
					}
					if d.BodyBytes != len(body) || d.BodyForm != "raw" || d.SelectedBy != "grpc_metadata" {
						t.Errorf("decision log: %+v", d)
					}
					w.refusedBy(t, send(t, tampered(r)), 401, authz.ReasonSignatureMismatch)
				})
			}
		}
	}
}

// The payload arrives in the body's place.
func TestProcPayload(t *testing.T) {
	w := processed()
	payload := string(mustJSON(orderClaims()))
	token := w.signer.raw([]byte(`{"alg":"ES256"}`), []byte(payload))
	for _, listener := range []string{"", "duplex", "length", "responses"} {
		for name, chunked := range map[string]bool{"Content-Length": false, "chunked": true} {
			t.Run(listener+" by "+name, func(t *testing.T) {
				r := request{listener: listener, path: "/e2e/token", body: []byte(token), chunked: chunked}.
					with("Content-Type", "application/jwt").with("Content-Encoding", "identity")
				seen, _ := w.allowed(t, w.send(t, r))
				if string(seen.body) != payload {
					t.Errorf("the upstream saw %q, want %q", seen.body, payload)
				}
				if got := seen.header.Get("Content-Type"); got != "application/json" || seen.header.Get("Content-Encoding") != "" {
					t.Errorf("Content-Type %q, Content-Encoding %q", got, seen.header.Get("Content-Encoding"))
				}
				if length := seen.header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(payload)) {
					t.Errorf("Content-Length %q, want %d", length, len(payload))
				}
				other := w.signer.raw([]byte(`{"alg":"ES256"}`), []byte(`{}`))
				r.body = []byte(token[:strings.LastIndexByte(token, '.')] + other[strings.LastIndexByte(other, '.'):])
				w.refusedBy(t, w.send(t, r), 401, authz.ReasonSignatureMismatch)
			})
		}
	}
}

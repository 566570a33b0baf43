//go:build e2e

package e2e

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Where Envoy asks by its external processor.
const (
	shippedProcEnvoy  = "../../deploy/envoy/ext-proc.yaml"
	shippedProcPolicy = "../../deploy/envoy/ext-proc-policy.yaml"
)

// A procWorld is a world whose Envoy asks by the external processor. Its listeners
// are "ingress", as shipped, and those that depart from it in what their name says.
type procWorld struct {
	*world
	key    string
	signer signer
	// ours is the authority that the policies trust, other one that they don't.
	ours, other *authority
}

// processed is the world that these tests share. The first of them starts it.
var processed = sync.OnceValue(func() *procWorld { return newProcWorld(run, setup{}) })

func newProcWorld(s scope, o setup) *procWorld {
	s.Helper()
	p := &procWorld{key: random(), signer: newSigner(s, "", "ES256"), ours: newAuthority(s, nil), other: newAuthority(s, nil)}
	mustNotLeak(p.key)
	shared.bao.put(s, "recordings", map[string]string{"secret": recordingsKey})
	folder, err := os.MkdirTemp(run.folder, "policies-")
	if err != nil {
		s.Fatalf("%v", err)
	}
	for name, from := range map[string]string{"shipped.yaml": shippedProcPolicy, "tests.yaml": "testdata/extproc.yaml"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			s.Fatalf("%v", err)
		}
	}
	o.envoy, o.config, o.policies = shippedProcEnvoy, folder, []string{}
	o.env = []string{"E2E_PROC_KEY=" + p.key, "E2E_PROC_SIGNER=" + string(p.signer.publicPEM()), "E2E_PROC_CA=" + p.ours.pem}
	o.ingress = procRoutes
	server := p.ours.issue(s, dns("hooks.example.com"))
	o.listeners = append(procVariants(), variant{name: "tls", change: bufferedOf(func(l listener) {
		l.secure(server, tree{"trusted_ca": tree{"filename": p.ours.file}, "trust_chain_verification": "ACCEPT_UNTRUSTED"}, false)
		delete(l.filter(), "include_peer_certificate") // of the other filter
	})})
	p.world = newWorld(s, o)
	return p
}

var recordingsKey = random()

// procPolicies are those of testdata/extproc.yaml; each has a route /e2e/NAME.
var procPolicies = []string{"keyed", "queried", "small", "bodiless", "watched", "by-peer", "by-forwarded", "token", "own-answer", "certified"}

func procRoutes(l listener) {
	for _, policy := range procPolicies {
		l.process("/e2e/"+policy, policy)
	}
}

// process adds a route that names its policy to the external processor.
func (l listener) process(path, policy string) {
	route := tree{"match": tree{"path": path}, "route": tree{"cluster": "app"}, "typed_per_filter_config": tree{
		"envoy.filters.http.ext_proc": tree{
			"@type":     "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
			"overrides": tree{"grpc_initial_metadata": []any{tree{"key": "x-hookauthz-policy", "value": policy}}},
		},
	}}
	l.host()["routes"] = append([]any{route}, listAt(l.host(), "routes")...)
}

// overrideMode sets the modes of bodies and trailers by the route of each policy,
// where Envoy does not look at whether they go together.
func (l listener) overrideMode(body, trailers string) {
	for _, node := range listAt(l.host(), "routes")[:len(procPolicies)] {
		for _, filter := range treeAt(node, "typed_per_filter_config") {
			treeAt(filter, "overrides")["processing_mode"] = tree{
				"request_header_mode": "SEND", "request_body_mode": body, "request_trailer_mode": trailers, "response_header_mode": "SKIP",
			}
		}
	}
}

func (l listener) mode() tree { return treeAt(l.filter(), "processing_mode") }

// duplexOf makes change that of a listener in full duplex.
func duplexOf(change func(l listener)) func(l listener) {
	return func(l listener) {
		procRoutes(l)
		l.mode()["request_body_mode"] = "FULL_DUPLEX_STREAMED"
		delete(treeAt(l.filter(), "grpc_service"), "timeout")
		if change != nil {
			change(l)
		}
	}
}

func bufferedOf(change func(l listener)) func(l listener) {
	return func(l listener) {
		procRoutes(l)
		change(l)
	}
}

func procVariants() []variant {
	untold := func(l listener) { delete(treeAt(l.filter(), "grpc_service"), "initial_metadata") }
	all := []variant{
		{name: "duplex", change: duplexOf(nil)},
		{name: "fail-open", change: bufferedOf(func(l listener) { l.filter()["failure_mode_allow"] = true })},
		{name: "untold", change: bufferedOf(untold)},
		{name: "skipped", change: bufferedOf(func(l listener) {
			untold(l)
			l.mode()["request_trailer_mode"] = "SKIP"
		})},
		{name: "websocket", change: bufferedOf(func(l listener) {
			l.http()["upgrade_configs"] = []any{tree{"upgrade_type": "websocket"}}
		})},
		{name: "low", change: bufferedOf(func(l listener) { l["per_connection_buffer_limit_bytes"] = 20000 })},
		{name: "responses", change: bufferedOf(func(l listener) { l.mode()["response_header_mode"] = "SEND" })},
		{name: "duplex-responses", change: duplexOf(func(l listener) { l.mode()["response_header_mode"] = "SEND" })},
		{name: "response-bodies", change: bufferedOf(func(l listener) { l.mode()["response_body_mode"] = "BUFFERED" })},
		{name: "length", change: duplexOf(func(l listener) { l.filter()["allow_content_length_header"] = true })},
		{name: "metadata", change: func(l listener) {
			l.filter()["request_attributes"] = []any{"xds.route_metadata.filter_metadata['hookauthz'].policy"}
			for path, policy := range map[string]any{"/e2e/keyed": "keyed", "/e2e/misnamed": "keyd", "/e2e/odd": 7.0} {
				l.host()["routes"] = append([]any{tree{
					"match": tree{"path": path}, "route": tree{"cluster": "app"},
					"metadata": tree{"filter_metadata": tree{"hookauthz": tree{"policy": policy}}},
				}}, listAt(l.host(), "routes")...)
			}
		}},
		{name: "route-skipped", change: bufferedOf(func(l listener) {
			untold(l)
			l.overrideMode("FULL_DUPLEX_STREAMED", "SKIP")
		})},
		{name: "unheaded", change: bufferedOf(func(l listener) { l.mode()["request_header_mode"] = "SKIP" })},
	}
	for _, mode := range []string{"NONE", "STREAMED", "BUFFERED_PARTIAL"} {
		all = append(all, variant{name: mode, change: bufferedOf(func(l listener) { l.mode()["request_body_mode"] = mode })})
	}
	return all
}

// refusedBy fails t unless the external processor denied the request of r.
func (w *world) refusedBy(t *testing.T, r reply, status int, reason authz.Reason) decision {
	t.Helper()
	w.unseen(t, r)
	id := r.header.Get("X-Hookauthz-Decision-Id")
	got := w.access(r)
	if r.status != status || id == "" {
		t.Errorf("status %d, decision id %q, Envoy: %+v; want %d by hookauthz for %v", r.status, id, got, status, reason)
		return decision{}
	}
	d, ok := decisionBy(w.servers, id)
	if !ok || d.Reason != reason.String() || d.Status != status || d.Decision != "deny" {
		t.Errorf("decision log: %+v; want deny, %d, %v", d, status, reason)
	}
	if got.Reason != reason.String() || got.DecisionID != id || got.Policy != d.Policy || got.Details != "ext_proc_denied" {
		t.Errorf("Envoy's access log: %+v; want %v, %s, %q, ext_proc_denied", got, reason, id, d.Policy)
	}
	if status == 503 && r.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	return d
}

// recording is a request with a large body.
func recording(body []byte) request {
	return request{path: "/hooks/recordings", body: body}.with("X-Signature", mac(sha256.New, recordingsKey, body))
}

// spooled are the names of files that bodies were spooled to: none, as they have
// no names.
func spooled(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "hookauthz-body-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// idle waits until no stream is answered and no memory is held any more.
func (w *world) idle(t *testing.T) {
	t.Helper()
	eventually(t, 5*time.Second, "no stream holds anything", func() bool {
		metrics := w.servers[0].metrics(t)
		return strings.Contains(metrics, "\nhookauthz_inflight_checks 0\n") && strings.Contains(metrics, "\nhookauthz_inflight_body_bytes 0\n")
	})
}

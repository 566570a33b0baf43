//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A world is all that a request meets on its way.
type world struct {
	bao      *bao
	servers  []*hookauthz
	envoy    *envoy
	upstream *upstream
}

// A setup says how a world differs from the one that is shipped.
type setup struct {
	bao       *bao   // nil: the shared one
	envoy     string // configuration of Envoy; "": the shipped one
	ingress   func(listener)
	config    string     // policy file or folder; "": the shipped one and the tests'
	policies  []string   // each gets a route /e2e/NAME; nil: extraPolicies
	flags     []string   // of hookauthz
	env       []string   // of hookauthz, such as "NAME=value"
	replicas  int        // of hookauthz; 0 is one
	listeners []variant  // besides "ingress"
	cluster   func(tree) // changes Envoy's cluster of hookauthz
	clusters  []any      // more of them
	cold      bool       // don't wait until hookauthz serves
}

// newWorld starts everything, and ends it with s.
func newWorld(s scope, o setup) *world {
	s.Helper()
	w := &world{bao: o.bao, upstream: startUpstream(s)}
	if w.bao == nil {
		if shared == nil {
			w.bao = startBao(s)
		} else {
			w.bao = shared.bao
		}
	}
	if o.config == "" {
		o.config = policyFolder(s)
	}
	if o.policies == nil {
		o.policies = extraPolicies
	}
	var addresses []string
	for range max(o.replicas, 1) {
		h := startHookauthzIn(s, o.env, o.config, append(slices.Clip(w.bao.login), o.flags...)...)
		w.servers = append(w.servers, h)
		addresses = append(addresses, h.grpc)
	}
	if !o.cold {
		for _, h := range w.servers {
			h.serving(s)
		}
	}
	w.envoy = startEnvoy(s, envoyConfig(s, o, addresses, w.upstream.address))
	audited.add(w.envoy.process)
	return w
}

// denied fails t unless hookauthz denied the request of r with status for
// reason, the logs of both programs tell the same, and the upstream saw nothing.
func (w *world) denied(t *testing.T, r reply, status int, reason authz.Reason) decision {
	t.Helper()
	return w.deniedBy(t, "ext_authz_denied", r, status, reason)
}

// deniedBy is denied by a filter whose denials Envoy calls so.
func (w *world) deniedBy(t *testing.T, details string, r reply, status int, reason authz.Reason) decision {
	t.Helper()
	w.unseen(t, r)
	id := r.header.Get("X-Hookauthz-Decision-Id")
	if r.status != status || id == "" {
		t.Errorf("status %d, decision id %q, details %q; want %d by hookauthz for %v", r.status, id, w.access(r).Details, status, reason)
		return decision{}
	}
	d, ok := decisionBy(w.servers, id)
	if !ok {
		t.Errorf("decision %s is not in the decision log", id)
		return d
	}
	if d.Reason != reason.String() || d.Status != status || d.Decision != "deny" {
		t.Errorf("decision log: %s, status %d, %s (%s); want deny, %d, %v", d.Decision, d.Status, d.Reason, d.Detail, status, reason)
	}
	got := w.access(r)
	if got.Reason != reason.String() || got.DecisionID != id || got.Policy != d.Policy || got.Details != details {
		t.Errorf("Envoy's access log: %+v; want %v, %s, %q, %s", got, reason, id, d.Policy, details)
	}
	if status == http.StatusServiceUnavailable && r.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	return d
}

// allowed fails t unless the request of r was verified and reached the upstream.
func (w *world) allowed(t *testing.T, r reply) (received, decision) {
	t.Helper()
	seen, ok := w.upstream.seen(r.id)
	if r.status != http.StatusOK || !ok {
		t.Errorf("status %d, seen upstream %v, %s; want 200 by the upstream", r.status, ok, w.why(r))
		return seen, decision{}
	}
	d, ok := decisionBy(w.servers, seen.header.Get("X-Request-Id"))
	if !ok || d.Decision != "allow" || d.Reason != authz.ReasonVerified.String() {
		t.Errorf("decision log: %+v; want allow, verified", d)
	}
	if got := w.access(r); got.Reason != d.Reason || got.DecisionID != d.DecisionID {
		t.Errorf("Envoy's access log: %+v; want %s, %s", got, d.Reason, d.DecisionID)
	}
	return seen, d
}

// refused fails t unless Envoy itself answered the request of r.
func (w *world) refused(t *testing.T, r reply, status int, details string) {
	t.Helper()
	w.unseen(t, r)
	if got := w.access(r); r.status != status || !strings.Contains(got.Details, details) {
		t.Errorf("status %d, details %q; want %d, %q", r.status, got.Details, status, details)
	}
}

func (w *world) unseen(t *testing.T, r reply) {
	t.Helper()
	if seen, ok := w.upstream.seen(r.id); ok {
		t.Errorf("the upstream saw the request: %s %s with %d bytes", seen.method, seen.path, len(seen.body))
	}
}

// why tells what hookauthz says of a denial.
func (w *world) why(r reply) string {
	d, _ := decisionBy(w.servers[:min(1, len(w.servers))], r.header.Get("X-Hookauthz-Decision-Id"))
	return "policy " + d.Policy + ", reason " + d.Reason + " " + d.Detail
}

// An access is a line of Envoy's access log.
type access struct {
	Details    string `json:"details"`
	Policy     string `json:"policy"`
	Reason     string `json:"reason"`
	DecisionID string `json:"decision_id"`
}

func (w *world) access(r reply) access {
	var a access
	line := w.envoy.stdout.find(5*time.Second, func(line string) bool { return strings.Contains(line, r.id) })
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		a.Details = "not in the access log"
	}
	return a
}

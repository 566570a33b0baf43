//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A policy that only watches lets everything through, and says everywhere what
// would have become of it.
func TestMonitor(t *testing.T) {
	w := identity()
	at := func(policy string) request {
		return request{listener: telling.name, path: "/e2e/" + policy, body: event}
	}
	good := w.keys["ES256"].token(goodClaims(w.issuer.url, audience))
	elsewhere := w.keys["ES256"].token(goodClaims(w.issuer.url, "https://elsewhere.example"))
	const wrongKey = "not-the-key-of-anybody-at-all"
	tests := []struct {
		name, policy string
		request      request
		reason       authz.Reason // of the denial that it would be; verified if none
		class        string
		kept         string // header that the upstream still sees
	}{
		{name: "right key", policy: "watched-key", request: at("watched-key").with("X-Api-Key", key("tower")), reason: authz.ReasonVerified, kept: "X-Api-Key"},
		{name: "wrong key", policy: "watched-key", request: at("watched-key").with("X-Api-Key", wrongKey), reason: authz.ReasonAPIKeyInvalid, class: "invalid", kept: "X-Api-Key"},
		{name: "two keys", policy: "watched-key", request: at("watched-key").with("X-Api-Key", wrongKey).with("X-Api-Key", key("tower")), reason: authz.ReasonDuplicateHeader, class: "malformed", kept: "X-Api-Key"},
		{name: "no key", policy: "watched-key", request: at("watched-key"), reason: authz.ReasonCredentialMissing, class: "missing"},
		{name: "right token", policy: "watched-bearer", request: at("watched-bearer").with("Authorization", "Bearer "+good), reason: authz.ReasonVerified, kept: "Authorization"},
		{name: "wrong token", policy: "watched-bearer", request: at("watched-bearer").with("Authorization", "Bearer "+elsewhere), reason: authz.ReasonClaimMismatch, class: "forbidden", kept: "Authorization"},
		{name: "wrong signature", policy: "watched-signature", request: tampered(github(event).to("/e2e/watched-signature").on(telling.name)), reason: authz.ReasonSignatureMismatch, class: "invalid", kept: githubHeader},
		{name: "no secret of ours", policy: "watched-without-secret", request: at("watched-without-secret").with("X-Api-Key", wrongKey), reason: authz.ReasonSecretMissing, class: "not_configured", kept: "X-Api-Key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := w.metric(t, "hookauthz_monitor_disagreements_total", tt.policy)
			got := w.send(t, tt.request.with("X-Webhook-Sender", forged))
			seen, ok := w.upstream.seen(got.id)
			if got.status != 200 || !ok {
				t.Fatalf("status %d, seen upstream %v; want it to pass", got.status, ok)
			}
			want := "deny"
			if tt.reason == authz.ReasonVerified {
				want = "allow"
			}
			d, ok := decisionBy(w.servers, seen.header.Get("X-Request-Id"))
			if !ok || d.Mode != "monitor" || d.Decision != want || d.Reason != tt.reason.String() || d.Class != tt.class || d.Policy != tt.policy {
				t.Errorf("decision log: %+v; want monitor, %s, %v", d, want, tt.reason)
			}
			if tt.kept != "" && len(seen.header.Values(tt.kept)) == 0 {
				t.Errorf("%s did not reach the upstream", tt.kept)
			}
			sender := strings.Join(seen.header.Values("X-Webhook-Sender"), "|")
			if strings.Contains(sender, forged) || want == "deny" && sender != "" {
				t.Errorf("X-Webhook-Sender upstream = %q", sender)
			}
			told := w.told(got)
			if told.Mode != "monitor" || told.Decision != want || told.Reason != tt.reason.String() || told.Class != tt.class || told.DecisionID != d.DecisionID {
				t.Errorf("Envoy's access log: %+v; want monitor, %s, %v", told, want, tt.reason)
			}
			disagreed := 0.0
			if want == "deny" {
				disagreed = 1
			}
			if grown := w.metric(t, "hookauthz_monitor_disagreements_total", tt.policy) - before; grown != disagreed {
				t.Errorf("disagreements grew by %v, want %v", grown, disagreed)
			}
		})
	}
	if n := w.metric(t, "hookauthz_monitored_policies", ""); n != 5 {
		t.Errorf("hookauthz_monitored_policies = %v, want 5", n)
	}
	if said := strings.Count(w.servers[0].stderr.tail(1000), "lets every request pass"); said < 5 {
		t.Errorf("hookauthz says of %d policies at start that they only watch, want 5", said)
	}
}

// What is not the policy's own verdict denies all the same.
func TestMonitorDoesNotLend(t *testing.T) {
	w := identity()
	r := request{path: "/e2e/watched-host", body: event}
	right := r
	right.host = "watched.example.com"
	got := w.send(t, right)
	if _, ok := w.upstream.seen(got.id); !ok {
		t.Errorf("status %d under its own host, want it to pass", got.status)
	}
	w.denied(t, w.send(t, r), 403, authz.ReasonPolicyNotAllowed)
	w.denied(t, w.send(t, r.with("X-Api-Key", key("tower"))), 403, authz.ReasonPolicyNotAllowed)
	shared.denied(t, shared.send(t, github(event).on("misnamed")), 500, authz.ReasonPolicyNotFound)
}

// A telling line of Envoy's access log has more fields.
type tellingAccess struct {
	access

	Mode     string `json:"mode"`
	Decision string `json:"decision"`
	Class    string `json:"class"`
}

func (w *world) told(r reply) tellingAccess {
	var a tellingAccess
	line := w.envoy.stdout.find(5*time.Second, func(line string) bool { return strings.Contains(line, r.id) })
	_ = json.Unmarshal([]byte(line), &a) // an empty one is told apart
	return a
}

// metric returns the sum of a metric's series of a policy, or of all if it is "".
func (w *world) metric(t *testing.T, name, policy string) float64 {
	t.Helper()
	sum := 0.0
	for _, h := range w.servers {
		for line := range strings.Lines(h.metrics(t)) {
			series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if !strings.HasPrefix(series, name) || policy != "" && !strings.Contains(series, fmt.Sprintf("policy=%q", policy)) {
				continue
			}
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("metric %s: %v", series, err)
			}
			sum += number
		}
	}
	return sum
}

//go:build e2e

package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A check is a part of the trace that the sender or the gateway began: one line
// from the sender's call over Envoy to the verdict, and nothing secret in it.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	tracer := tree{"name": "envoy.tracers.opentelemetry", "typed_config": tree{
		"@type":        "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
		"service_name": "ingress",
		"grpc_service": tree{"envoy_grpc": tree{"cluster_name": "collector"}, "timeout": "1s"},
	}}
	w := newWorld(t, setup{
		env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + c.address, "OTEL_BSP_SCHEDULE_DELAY=200"},
		listeners: []variant{{name: "traced", change: func(l listener) {
			l.http()["tracing"] = tree{"provider": tracer, "spawn_upstream_span": true}
		}}},
		clusters: []any{tree{
			"name": "collector", "type": "STATIC", "connect_timeout": "1s",
			"typed_extension_protocol_options": tree{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": tree{
				"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
				"explicit_http_config": tree{"http2_protocol_options": tree{}},
			}},
			"load_assignment": tree{"cluster_name": "collector", "endpoints": []any{tree{"lb_endpoints": []any{endpoint(t, c.address)}}}},
		}},
	})
	tests := []struct {
		name     string
		request  request
		decision string
		reason   authz.Reason
	}{
		{name: "allowed", request: github(event), decision: "allow", reason: authz.ReasonVerified},
		{name: "denied", request: tampered(github(event)), decision: "deny", reason: authz.ReasonSignatureMismatch},
		{name: "a key that must not leak", request: tower(event), decision: "allow", reason: authz.ReasonVerified},
		{name: "a key in the query", request: legacy(), decision: "allow", reason: authz.ReasonVerified},
	}
	type sent struct {
		reply         reply
		trace, parent string
	}
	var all []sent // Envoy tells of its spans every 5 s only
	for _, tt := range tests {
		one := sent{trace: randomHex(16), parent: randomHex(8)}
		one.reply = w.send(t, tt.request.on("traced").with("traceparent", "00-"+one.trace+"-"+one.parent+"-01"))
		all = append(all, one)
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { w.traced(t, c, all[i].reply, all[i].trace, all[i].parent, tt.decision, tt.reason) })
	}
	// The gateway does not trace here, and nobody's word is needed to decide.
	w.allowed(t, w.send(t, github(event)))
	w.allowed(t, w.send(t, github(event).on("traced").with("traceparent", "00-nonsense-01")))
	if line := leak(c.raw); line != "" {
		t.Errorf("a secret or signature stands in a trace: %q", line)
	}
}

// traced fails t unless the spans of a trace hang together from parent on, and one
// of ours tells the decision.
func (w *world) traced(t *testing.T, c *collector, got reply, trace, parent, decision string, reason authz.Reason) {
	t.Helper()
	var ours []span
	eventually(t, 15*time.Second, "both services tell of the trace, and no span hangs in the air", func() bool {
		ours = c.of(trace, "hookauthz")
		envoys := c.of(trace, "ingress")
		known := map[string]bool{parent: true}
		for _, one := range append(envoys, ours...) {
			known[one.id] = true
		}
		return len(ours) > 0 && len(envoys) > 1 &&
			!slices.ContainsFunc(append(envoys, ours...), func(one span) bool { return !known[one.parent] })
	})
	id := got.header.Get("X-Hookauthz-Decision-Id")
	if decision == "allow" {
		_, d := w.allowed(t, got)
		id = d.DecisionID
	}
	line := w.servers[0].stdout.find(5*time.Second, func(line string) bool { return strings.Contains(line, id) })
	var logged struct {
		Trace string `json:"trace_id"`
	}
	if err := json.Unmarshal([]byte(line), &logged); err != nil || logged.Trace != trace {
		t.Errorf("trace_id in the decision log = %q, want %q", logged.Trace, trace)
	}
	var check span
	for _, one := range ours {
		if one.attributes["hookauthz.decision_id"] == id {
			check = one
		}
	}
	if check.attributes["hookauthz.decision"] != decision || check.attributes["hookauthz.reason"] != reason.String() {
		t.Errorf("our spans: %+v; want one of decision %s with %s, %v", ours, id, decision, reason)
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// A collector that is not there costs nobody anything.
func TestTracesWithoutCollector(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY=100"}})
	start := time.Now()
	for range 50 {
		w.allowed(t, w.send(t, github(event).with("traceparent", "00-"+randomHex(16)+"-"+randomHex(8)+"-01")))
	}
	t.Logf("50 requests took %v", time.Since(start))
	w.denied(t, w.send(t, tampered(github(event))), 401, authz.ReasonSignatureMismatch)
}

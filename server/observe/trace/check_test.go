package trace_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/extauthz"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/observe/trace"
)

const (
	apiKey = "api-key-c4n4ry-0123456789"

	checkSpan      = "envoy.service.auth.v3.Authorization/Check"
	introspectSpan = "token introspection"
)

const policies = `
secrets:
  key: {env: {name: KEY}}
  gone: {env: {name: GONE}}
  down: {env: {name: DOWN}}
  panics: {env: {name: PANICS}}
policies:
  key: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}
  watched: {mode: monitor, require: {api_key: {header: X-Api-Key, secrets: [key]}}}
  gone: {require: {api_key: {header: X-Api-Key, secrets: [gone]}}}
  down: {require: {api_key: {header: X-Api-Key, secrets: [down]}}}
  asked:
    require:
      bearer: {introspection: {url: "https://issuer.example/introspect", client_id: us, secrets: [key], audiences: [we]}}
`

// issuer judges tokens and remembers the context it was asked with.
type issuer struct{ asked context.Context }

func (i *issuer) Introspect(ctx context.Context, _ string, _ time.Time) ([]byte, error) {
	i.asked = ctx
	return nil, authz.Deny(authz.ReasonIntrospectionUnavailable, "no answer")
}

// A recorder keeps the last event's trace.
type recorder struct {
	mu    sync.Mutex
	trace string
}

// Record implements the adapter's recorder.
func (r *recorder) Record(e *observe.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace = strings.Clone(e.TraceID)
}

// gateway serves checks traced by tracing and returns a client, and what was
// recorded.
func gateway(t *testing.T, tracing *trace.Tracing, by authz.Introspector) (authpb.AuthorizationClient, *recorder) {
	t.Helper()
	file, findings := policy.Read([]document.File{{Name: "test.yaml", Data: []byte(policies)}}, policy.Options{})
	if file == nil {
		t.Fatalf("the policy has mistakes: %+v", findings)
	}
	table := file.Table(policy.Sources{
		Secret: func(name string) authz.Secrets {
			switch name {
			case "gone":
				return authztest.Failing(authz.Deny(authz.ReasonSecretMissing, "gone"))
			case "down":
				return authztest.Failing(authz.Deny(authz.ReasonSecretUnavailable, "down"))
			default:
				return authztest.Values(apiKey)
			}
		},
		Introspector: func(authz.IntrospectionServer) authz.Introspector { return tracing.Introspector(by) },
	})
	recorded := &recorder{}
	return serve(t, extauthz.Config{
		Tables: func() *policy.Table { return table }, Recorder: recorded, Tracing: tracing, Logger: slog.New(slog.DiscardHandler),
	}), recorded
}

// serve serves checks over a connection in memory and returns a client.
func serve(t *testing.T, config extauthz.Config) authpb.AuthorizationClient {
	t.Helper()
	ours, err := extauthz.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(gate.ServerOptions(1 << 20)...)
	ours.Register(server)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closed := conn.Close()
		server.Stop()
		if err := errors.Join(closed, <-done); err != nil {
			t.Error(err)
		}
	})
	return authpb.NewAuthorizationClient(conn)
}

func request(policy string, header ...string) *authpb.CheckRequest {
	body := "body-" + canary
	var lines []*corepb.HeaderValue
	for i := 0; i < len(header); i += 2 {
		lines = append(lines, &corepb.HeaderValue{Key: header[i], RawValue: []byte(header[i+1])})
	}
	return &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Request: &authpb.AttributeContext_Request{Http: &authpb.AttributeContext_HttpRequest{
			Id: "1", Method: "POST", Path: "/path-" + canary + "?query=" + canary, Host: "host-" + canary, Scheme: "https",
			Protocol: "HTTP/1.1", Size: int64(len(body)), RawBody: []byte(body), HeaderMap: &corepb.HeaderMap{Headers: lines},
		}},
		ContextExtensions: map[string]string{"hookauthz.policy": policy},
	}}
}

func check(t *testing.T, client authpb.AuthorizationClient, r *authpb.CheckRequest, pairs ...string) *authpb.CheckResponse {
	t.Helper()
	response, err := client.Check(metadata.AppendToOutgoingContext(t.Context(), pairs...), r)
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return response
}

// Every decision is a span of the gateway's trace, and tells what the decision
// log tells, but nothing of the request.
func TestCheckIsASpan(t *testing.T) {
	key := []string{"x-api-key", apiKey, "x-other", canary}
	tests := []struct {
		name    string
		request *authpb.CheckRequest
		status  tracepb.Status_StatusCode
		want    map[string]string
	}{
		{name: "allow", request: request("key", key...), want: map[string]string{
			"hookauthz.policy": "key", "hookauthz.mode": "enforce", "hookauthz.decision": "allow", "hookauthz.reason": "verified", "hookauthz.secret_state": "fresh",
		}},
		{name: "deny", request: request("key", "x-api-key", canary), want: map[string]string{
			"hookauthz.policy": "key", "hookauthz.mode": "enforce", "hookauthz.decision": "deny", "hookauthz.reason": "api_key_invalid",
		}},
		{name: "monitored deny", request: request("watched", "x-api-key", canary), want: map[string]string{
			"hookauthz.policy": "watched", "hookauthz.mode": "monitor", "hookauthz.decision": "deny", "hookauthz.reason": "api_key_invalid",
		}},
		{name: "unknown policy", request: request("policy-" + canary), status: tracepb.Status_STATUS_CODE_ERROR, want: map[string]string{
			"hookauthz.mode": "enforce", "hookauthz.decision": "deny", "hookauthz.reason": "policy_not_found",
		}},
		{name: "not configured", request: request("gone", key...), want: map[string]string{
			"hookauthz.policy": "gone", "hookauthz.mode": "enforce", "hookauthz.decision": "deny", "hookauthz.reason": "secret_missing",
		}},
		{name: "unavailable", request: request("down", key...), status: tracepb.Status_STATUS_CODE_ERROR, want: map[string]string{
			"hookauthz.policy": "down", "hookauthz.mode": "enforce", "hookauthz.decision": "deny", "hookauthz.reason": "secret_unavailable",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &collector{}
			collect(t, c)
			tracing, end, _ := start(t)
			client, recorded := gateway(t, tracing, &issuer{})
			response := check(t, client, tt.request, "traceparent", traceparent, "tracestate", "a=b")
			eventually(t, "the decision is recorded", func() bool { return recorded.id() != "" })
			if err := end(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			span := c.named(t, checkSpan)
			if !slices.Equal(span.GetTraceId(), unhex(t, traceID)) || !slices.Equal(span.GetParentSpanId(), unhex(t, parentID)) {
				t.Errorf("trace %x, parent %x: want the gateway's", span.GetTraceId(), span.GetParentSpanId())
			}
			if span.GetKind() != tracepb.Span_SPAN_KIND_SERVER || span.GetStatus().GetCode() != tt.status || span.GetTraceState() != "a=b" {
				t.Errorf("kind = %v, status = %v, tracestate = %q", span.GetKind(), span.GetStatus(), span.GetTraceState())
			}
			want := map[string]string{
				"rpc.system.name": "grpc", "rpc.method": checkSpan,
				"hookauthz.decision_id": response.GetDynamicMetadata().GetFields()["decision_id"].GetStringValue(),
			}
			maps.Copy(want, tt.want)
			got := attributesOf(span.GetAttributes())
			for name, value := range want {
				if got[name] != value {
					t.Errorf("%s = %q, want %q", name, got[name], value)
				}
				delete(got, name)
			}
			delete(got, "hookauthz.secret_version")
			if len(got) > 0 {
				t.Errorf("more attributes: %v", got)
			}
			if recorded.id() != traceID {
				t.Errorf("recorded trace %q, want %q", recorded.id(), traceID)
			}
			if strings.Contains(string(c.received), canary) {
				t.Error("the spans hold something of the request")
			}
			if c.service != "hookauthz" {
				t.Errorf("service.name = %q", c.service)
			}
		})
	}
}

func (r *recorder) id() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trace
}

// What a check asks is a child of its span, and nothing of the token is in it.
func TestQuestionIsAChild(t *testing.T) {
	c := &collector{}
	collect(t, c)
	tracing, end, _ := start(t)
	by := &issuer{}
	client, _ := gateway(t, tracing, by)
	response := check(t, client, request("asked", "authorization", "Bearer "+canary), "traceparent", traceparent)
	if reason := response.GetDynamicMetadata().GetFields()["reason"].GetStringValue(); reason != "introspection_unavailable" {
		t.Fatalf("reason = %q", reason)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	parent, child := c.named(t, checkSpan), c.named(t, introspectSpan)
	if !slices.Equal(child.GetParentSpanId(), parent.GetSpanId()) || !slices.Equal(child.GetTraceId(), parent.GetTraceId()) {
		t.Errorf("child %v is not of %v", child, parent)
	}
	if child.GetKind() != tracepb.Span_SPAN_KIND_CLIENT || child.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("kind = %v, status = %v", child.GetKind(), child.GetStatus())
	}
	if got := attributesOf(child.GetAttributes())["hookauthz.reason"]; got != "introspection_unavailable" {
		t.Errorf("hookauthz.reason = %q", got)
	}
	if strings.Contains(string(c.received), canary) {
		t.Error("the spans hold something of the request")
	}
	if _, ok := by.asked.Deadline(); !ok {
		t.Error("the question has no deadline")
	}
}

// The gateway decides what is sampled, unless the sampler says otherwise. The
// decision log has the trace of either.
func TestSampling(t *testing.T) {
	tests := []struct {
		name     string
		sampler  string
		metadata []string
		spans    int
		trace    string // "": another one
	}{
		{name: "sampled", metadata: []string{"traceparent", traceparent}, spans: 2, trace: traceID},
		{name: "not sampled", metadata: []string{"traceparent", unsampled}, trace: traceID},
		{name: "always", sampler: "always_on", metadata: []string{"traceparent", unsampled}, spans: 2, trace: traceID},
		{name: "never", sampler: "always_off", metadata: []string{"traceparent", traceparent}, trace: traceID},
		{name: "no parent", spans: 2},
		{name: "two parents", metadata: []string{"traceparent", traceparent, "traceparent", traceparent}, spans: 2},
		{name: "odd parent", metadata: []string{"traceparent", canary}, spans: 2},
		{name: "no parent, sampled by the parent only", sampler: "parentbased_always_off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &collector{}
			collect(t, c)
			if tt.sampler != "" {
				t.Setenv("OTEL_TRACES_SAMPLER", tt.sampler)
			}
			tracing, end, _ := start(t)
			client, recorded := gateway(t, tracing, &issuer{})
			check(t, client, request("asked", "authorization", "Bearer x"), tt.metadata...)
			eventually(t, "the decision is recorded", func() bool { return recorded.id() != "" })
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if len(c.spans) != tt.spans {
				t.Errorf("%d spans, want %d", len(c.spans), tt.spans)
			}
			if got := recorded.id(); tt.trace != "" && got != tt.trace || tt.trace == "" && (len(got) != len(traceID) || got == traceID) {
				t.Errorf("recorded trace %q", got)
			}
		})
	}
}

// A panic of ours is a span too, and an error.
func TestPanicIsASpan(t *testing.T) {
	for _, panics := range []string{"tables", "recorder"} {
		t.Run(panics, func(t *testing.T) {
			c := &collector{}
			collect(t, c)
			tracing, end, _ := start(t)
			client := serve(t, extauthz.Config{
				Tables: func() *policy.Table {
					if panics == "tables" {
						panic(canary)
					}
					return nil
				},
				Recorder: recorderFunc(func(*observe.Event) {
					if panics == "recorder" {
						panic(canary)
					}
				}),
				Tracing: tracing, Logger: slog.New(slog.DiscardHandler),
			})
			check(t, client, request("key"), "traceparent", traceparent)
			if err := end(); err != nil {
				t.Fatal(err)
			}
			span := c.named(t, checkSpan)
			if span.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || attributesOf(span.GetAttributes())["hookauthz.reason"] != "bug" {
				t.Errorf("span = %v", span)
			}
			if strings.Contains(string(c.received), canary) {
				t.Error("the spans hold what was panicked with")
			}
		})
	}
}

type recorderFunc func(*observe.Event)

// Record implements the adapter's recorder.
func (f recorderFunc) Record(e *observe.Event) { f(e) }

func TestServiceName(t *testing.T) {
	c := &collector{}
	collect(t, c)
	t.Setenv("OTEL_SERVICE_NAME", "edge")
	tracing, end, _ := start(t)
	client, _ := gateway(t, tracing, &issuer{})
	check(t, client, request("key"))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if c.service != "edge" {
		t.Errorf("service.name = %q, want edge", c.service)
	}
}

// A collector that takes spans and never answers must neither delay a decision
// nor hold up the end.
func TestHangingCollector(t *testing.T) {
	c := &collector{hang: true}
	collect(t, c)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8") // full at once
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	tracing, _, _ := start(t)
	client, _ := gateway(t, tracing, &issuer{})
	check(t, client, request("key", "x-api-key", apiKey))
	eventually(t, "the collector is asked", func() bool { return c.requests() > 0 })
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // far under the exporter's 10 s
		response, err := client.Check(ctx, request("key", "x-api-key", apiKey))
		cancel()
		if err != nil || response.GetOkResponse() == nil {
			t.Fatalf("Check with a collector that hangs: %v, %v", response, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tracing.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close = %v, want that time was up", err)
	}
}

// A collector that is not there is told once.
func TestMissingCollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "20")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	tracing, end, log := start(t)
	client, _ := gateway(t, tracing, &issuer{})
	for range 3 {
		check(t, client, request("key", "x-api-key", apiKey))
		eventually(t, "the loss is told", func() bool { return strings.Contains(log.String(), "spans can't be sent") })
	}
	if err := end(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := strings.Count(log.String(), "spans can't be sent"); got != 1 {
		t.Errorf("told %d times, want once: %s", got, log)
	}
}

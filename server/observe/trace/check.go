package trace

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/observe"
)

// The names of the spans: service and method, as the conventions for RPC have it.
const (
	checkName   = "envoy.service.auth.v3.Authorization/Check"
	processName = "envoy.service.ext_proc.v3.ExternalProcessor/Process"
)

// A Span is that of one decision. The zero Span is none.
type Span struct{ span trace.Span }

// Check begins the span of a Check that started at started, as a part of the
// trace that the gateway named in the gRPC metadata. The context carries the span
// to what the Check asks. Of a nil t it returns ctx and no span.
func (t *Tracing) Check(ctx context.Context, started time.Time) (context.Context, Span) {
	return t.serve(ctx, checkName, started)
}

// Process is [Tracing.Check] for a stream of the external processor.
func (t *Tracing) Process(ctx context.Context, started time.Time) (context.Context, Span) {
	return t.serve(ctx, processName, started)
}

func (t *Tracing) serve(ctx context.Context, name string, started time.Time) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	traced, span := t.tracer.Start(propagation.TraceContext{}.Extract(ctx, carrier{ctx}), name, //nolint:spancheck // Span.End ends it
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(started),
		trace.WithAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", name)))
	return traced, Span{span} //nolint:spancheck // as above
}

// TraceID returns the id of the trace in hex, empty without one. It is there for
// a span that is not sampled too.
func (s Span) TraceID() string {
	if s.span == nil {
		return ""
	}
	id := s.span.SpanContext().TraceID()
	if !id.IsValid() {
		return ""
	}
	return id.String()
}

// End ends the span with what was decided. It waits for nobody. Only the first
// call counts.
func (s Span) End(e *observe.Event) {
	if s.span == nil {
		return
	}
	if s.span.IsRecording() {
		s.describe(e)
	}
	s.span.End()
}

// describe sets the attributes. All are ours, or words of the policy file.
func (s Span) describe(e *observe.Event) {
	const most = 8
	attributes := make([]attribute.KeyValue, 0, most)
	d := e.Decision
	verdict, mode := "deny", "enforce"
	if d.Allowed() {
		verdict = "allow"
	}
	if d.IsMonitored() {
		mode = "monitor"
	}
	if e.Policy != "" {
		attributes = append(attributes, attribute.String("hookauthz.policy", e.Policy))
	}
	attributes = append(attributes,
		attribute.String("hookauthz.decision_id", e.DecisionID),
		attribute.String("hookauthz.mode", mode),
		attribute.String("hookauthz.decision", verdict),
		attribute.String("hookauthz.reason", d.Reason().String()),
	)
	identity := d.Identity()
	if state := observe.StateOf(identity); state != "" {
		attributes = append(attributes, attribute.String("hookauthz.secret_state", state))
	}
	if identity.Version > 0 {
		attributes = append(attributes, attribute.Int("hookauthz.secret_version", identity.Version))
	}
	s.span.SetAttributes(attributes...)
	if !d.Allowed() {
		fail(s.span, d.Reason())
	}
}

// fail marks a span as failed where the reason is trouble of ours, or of a server
// that we asked. A denial for any other reason is the work well done.
func fail(span trace.Span, reason authz.Reason) {
	if class := reason.Class(); class == authz.ClassInternal || class == authz.ClassUnavailable {
		span.SetStatus(codes.Error, reason.String())
	}
}

// A carrier reads the gRPC metadata of the call that the context is of.
type carrier struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
}

// Get implements the library's carrier. A traceparent that stands twice is none;
// tracestate may stand on several lines.
func (c carrier) Get(key string) string {
	values := metadata.ValueFromIncomingContext(c.ctx, key)
	if key == "tracestate" {
		return strings.Join(values, ",")
	}
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// Set implements the library's carrier. Nothing is written.
func (carrier) Set(string, string) {}

// Keys implements the library's carrier.
func (carrier) Keys() []string { return nil }

package trace_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// remote is an introspector, a key set and a store of grants.
type remote struct {
	err   error
	asked context.Context
}

var (
	keys  = &authz.Keys{}
	grant = authz.Grant{Client: "ci"}
)

func (r *remote) Introspect(ctx context.Context, _ string, _ time.Time) ([]byte, error) {
	r.asked = ctx
	return []byte("answer"), r.err
}

func (r *remote) Keys(time.Time) (*authz.Keys, error) { return keys, r.err }

func (r *remote) Refresh(ctx context.Context, _ string, _ time.Time) (*authz.Keys, error) {
	r.asked = ctx
	return keys, r.err
}

func (r *remote) Find(ctx context.Context, _ string, _ time.Time) (authz.Grant, error) {
	r.asked = ctx
	return grant, r.err
}

// Whoever is wrapped answers as before.
func TestQuestions(t *testing.T) {
	c := &collector{}
	collect(t, c)
	tracing, end, _ := start(t)
	r := &remote{}
	questions := func(ctx context.Context, tracing *trace.Tracing, want error) {
		t.Helper()
		if answer, err := tracing.Introspector(r).Introspect(ctx, canary, time.Time{}); string(answer) != "answer" || err != want { //nolint:errorlint // the same
			t.Errorf("Introspect = %q, %v", answer, err)
		}
		if got, err := tracing.KeySet("issuer", r).Refresh(ctx, canary, time.Time{}); got != keys || err != want { //nolint:errorlint // the same
			t.Errorf("Refresh = %v, %v", got, err)
		}
		if got, err := tracing.KeySet("issuer", r).Keys(time.Time{}); got != keys || err != want { //nolint:errorlint // the same
			t.Errorf("Keys = %v, %v", got, err)
		}
		if got, err := tracing.Grants(r).Find(ctx, canary, time.Time{}); got.Client != grant.Client || err != want { //nolint:errorlint // the same
			t.Errorf("Find = %v, %v", got, err)
		}
	}
	questions(t.Context(), nil, nil)
	questions(t.Context(), tracing, nil) // without a span there is none
	if oteltrace.SpanContextFromContext(r.asked).IsValid() {
		t.Error("a span without a parent")
	}

	ctx, span := tracing.Check(t.Context(), time.Now())
	questions(ctx, tracing, nil)
	if got := oteltrace.SpanContextFromContext(r.asked); got.TraceID().String() != span.TraceID() {
		t.Errorf("asked in the trace %v, want %v", got.TraceID(), span.TraceID())
	}
	span.End(&observe.Event{Decision: authz.Denied(authz.ReasonTokenInvalid, "")})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	parent := c.named(t, checkSpan)
	for name, want := range map[string]map[string]string{
		introspectSpan: {}, "key set refresh": {"hookauthz.keyset": "issuer"}, "token store lookup": {},
	} {
		child := c.named(t, name)
		if !slices.Equal(child.GetParentSpanId(), parent.GetSpanId()) || child.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_UNSET {
			t.Errorf("%s: %v", name, child)
		}
		got := attributesOf(child.GetAttributes())
		if len(got) != len(want) || got["hookauthz.keyset"] != want["hookauthz.keyset"] {
			t.Errorf("%s: attributes %v, want %v", name, got, want)
		}
	}
}

// Only trouble makes a span an error: a token that is refused is no failure.
func TestQuestionsThatFail(t *testing.T) {
	tests := []struct {
		reason authz.Reason
		failed bool
	}{
		{reason: authz.ReasonTokenInvalid},
		{reason: authz.ReasonSecretMissing},
		{reason: authz.ReasonTokenStoreUnavailable, failed: true},
		{reason: authz.ReasonDeadline, failed: true},
		{reason: authz.ReasonBug, failed: true},
	}
	for _, tt := range tests {
		t.Run(tt.reason.String(), func(t *testing.T) {
			c := &collector{}
			collect(t, c)
			tracing, end, _ := start(t)
			ctx, span := tracing.Check(t.Context(), time.Now())
			r := &remote{err: authz.Deny(tt.reason, canary)}
			if _, err := tracing.Grants(r).Find(ctx, "t", time.Now()); err != r.err { //nolint:errorlint // the same
				t.Errorf("error = %v", err)
			}
			span.End(&observe.Event{Decision: authz.DeniedBy(r.err)})
			if err := end(); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{checkSpan, "token store lookup"} {
				got := c.named(t, name)
				if failed := got.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR; failed != tt.failed {
					t.Errorf("%s: status = %v", name, got.GetStatus())
				}
				if attributesOf(got.GetAttributes())["hookauthz.reason"] != tt.reason.String() {
					t.Errorf("%s: attributes = %v", name, got.GetAttributes())
				}
			}
		})
	}
}

// A panic of who is asked goes on as before, and the span ends.
func TestQuestionThatPanics(t *testing.T) {
	c := &collector{}
	collect(t, c)
	tracing, end, _ := start(t)
	ctx, span := tracing.Check(t.Context(), time.Now())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic came through")
			}
		}()
		_, _ = tracing.Introspector(panicking{}).Introspect(ctx, "t", time.Now())
	}()
	span.End(&observe.Event{})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	c.named(t, introspectSpan)
}

type panicking struct{}

func (panicking) Introspect(context.Context, string, time.Time) ([]byte, error) { panic(canary) }

// Off costs nothing: no allocation, and nothing in between.
func TestOffCostsNothing(t *testing.T) {
	var off *trace.Tracing
	ctx, r := t.Context(), &remote{}
	event := observe.Event{Policy: "key"}
	allocs := testing.AllocsPerRun(100, func() {
		traced, span := off.Check(ctx, event.Time)
		if traced != ctx || span.TraceID() != "" {
			t.Error("a span although it is off")
		}
		span.End(&event)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if off.Introspector(r) != r || off.KeySet("a", r) != r || off.Grants(r) != r {
		t.Error("wrapped although it is off")
	}
	if err := off.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A span is ended once, whatever comes later.
func TestEndOnce(t *testing.T) {
	c := &collector{}
	collect(t, c)
	tracing, end, _ := start(t)
	_, span := tracing.Check(t.Context(), time.Now())
	span.End(&observe.Event{Policy: "first"})
	span.End(&observe.Event{Policy: "second"})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	got := attributesOf(c.named(t, checkSpan).GetAttributes())
	if want := attribute.Key("hookauthz.policy"); got[string(want)] != "first" {
		t.Errorf("attributes = %v", got)
	}
}

func BenchmarkCheck(b *testing.B) {
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	on, err := trace.Start(b.Context(), os.LookupEnv, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = on.Close(context.Background()) })
	event := observe.Event{Policy: "key", DecisionID: "d-1", Decision: authz.Denied(authz.ReasonAPIKeyInvalid, "")}
	for name, tracing := range map[string]*trace.Tracing{"off": nil, "on": on} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, span := tracing.Check(b.Context(), event.Time)
				span.End(&event)
			}
		})
	}
}

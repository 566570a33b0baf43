package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookauthz/hookauthz/authz"
)

// The names of the spans of what a check asks.
const (
	spanIntrospect = "token introspection"
	spanRefresh    = "key set refresh"
	spanFind       = "token store lookup"
	spanClaim      = "replay store claim"
)

// Introspector returns i, with a span for each question. It is a child of the span
// that the context carries; without one there is none. Of a nil t it returns i
// itself.
func (t *Tracing) Introspector(i authz.Introspector) authz.Introspector {
	if t == nil || i == nil {
		return i
	}
	return introspector{t.tracer, i}
}

type introspector struct {
	tracer trace.Tracer
	inner  authz.Introspector
}

// Introspect implements [authz.Introspector].
func (i introspector) Introspect(ctx context.Context, token string, now time.Time) (_ []byte, err error) {
	ctx, end := ask(ctx, i.tracer, spanIntrospect)
	defer func() { end(err) }()
	return i.inner.Introspect(ctx, token, now) //nolint:wrapcheck // the denial is passed on
}

// KeySet is [Tracing.Introspector] for the key set that the policy file declares
// under name. Only a refresh has a span: all else reads memory.
func (t *Tracing) KeySet(name string, k authz.KeySet) authz.KeySet {
	if t == nil || k == nil {
		return k
	}
	return keySet{t.tracer, name, k}
}

type keySet struct {
	tracer trace.Tracer
	name   string
	inner  authz.KeySet
}

// Keys implements [authz.KeySet].
func (k keySet) Keys(now time.Time) (*authz.Keys, error) {
	return k.inner.Keys(now) //nolint:wrapcheck // the denial is passed on
}

// Refresh implements [authz.KeySet].
func (k keySet) Refresh(ctx context.Context, id string, now time.Time) (_ *authz.Keys, err error) {
	ctx, end := ask(ctx, k.tracer, spanRefresh, attribute.String("hookauthz.keyset", k.name))
	defer func() { end(err) }()
	return k.inner.Refresh(ctx, id, now) //nolint:wrapcheck // the denial is passed on
}

// Grants is [Tracing.Introspector] for the store of opaque tokens.
func (t *Tracing) Grants(g authz.GrantStore) authz.GrantStore {
	if t == nil || g == nil {
		return g
	}
	return grants{t.tracer, g}
}

type grants struct {
	tracer trace.Tracer
	inner  authz.GrantStore
}

// Find implements [authz.GrantStore].
func (g grants) Find(ctx context.Context, token string, now time.Time) (_ authz.Grant, err error) {
	ctx, end := ask(ctx, g.tracer, spanFind)
	defer func() { end(err) }()
	return g.inner.Find(ctx, token, now) //nolint:wrapcheck // the denial is passed on
}

// ask begins the span of one question. end ends it, with the reason of the denial
// that the answer may be.
func ask(ctx context.Context, tracer trace.Tracer, name string, about ...attribute.KeyValue) (_ context.Context, end func(error)) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, func(error) {}
	}
	//nolint:spancheck // end ends it
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	return ctx, func(err error) { //nolint:spancheck // as above
		if err != nil {
			reason := authz.DeniedBy(err).Reason()
			span.SetAttributes(attribute.String("hookauthz.reason", reason.String()))
			fail(span, reason)
		}
		span.End()
	}
}

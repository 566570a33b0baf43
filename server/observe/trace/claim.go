package trace

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/hookauthz/hookauthz/authz"
)

// Replay is [Tracing.Introspector] for a store of claims that is asked over the
// network.
func (t *Tracing) Replay(s authz.ReplayStore) authz.ReplayStore {
	if t == nil || s == nil {
		return s
	}
	return replayStore{t.tracer, s}
}

type replayStore struct {
	tracer trace.Tracer
	inner  authz.ReplayStore
}

// Claim implements [authz.ReplayStore].
func (r replayStore) Claim(ctx context.Context, c *authz.Claim) (_ authz.ClaimResult, err error) {
	ctx, end := ask(ctx, r.tracer, spanClaim)
	defer func() { end(err) }()
	return r.inner.Claim(ctx, c) //nolint:wrapcheck // the denial is passed on
}

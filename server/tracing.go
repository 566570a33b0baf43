package server

import (
	"context"
	"log/slog"

	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// startTracing starts to send spans, if the environment names a collector.
func (p *process) startTracing(ctx context.Context) (*trace.Tracing, error) {
	if p.Environ == nil {
		return nil, nil
	}
	return trace.Start(ctx, p.Environ, p.Log) //nolint:wrapcheck // it names the variables
}

// endTracing sends the last spans.
func (p *process) endTracing() {
	if err := p.tracing.Close(context.Background()); err != nil {
		p.Log.Warn("stopped without sending the last spans", slog.String("error", err.Error()))
	}
}

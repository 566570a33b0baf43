package trace

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names who makes the spans.
const scope = "github.com/hookauthz/hookauthz"

// serviceName is what the process is called unless a variable says otherwise.
const serviceName = "hookauthz"

// Tracing makes spans and sends them. A nil Tracing makes none. It may be used by
// many goroutines.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
}

// Start returns nil if the environment names no collector, or switches tracing
// off. Else spans are sent from now on, until [Tracing.Close].
//
// environ reads a variable, as os.LookupEnv does; what OpenTelemetry's own
// library reads, it takes from the environment of the process. The error says
// which variables can't be followed. A collector that does not answer is no error:
// it is told to log, and again when it answers.
func Start(ctx context.Context, environ func(name string) (string, bool), log *slog.Logger) (*Tracing, error) {
	target, err := lookup(environ).endpoint()
	if target == nil || err != nil {
		return nil, err
	}
	inner, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare to send spans: %w", err)
	}
	described, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", serviceName)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe the process to the collector: %w", err)
	}
	t := &Tracing{exporter: &exporter{inner: inner, log: log, stopped: make(chan struct{})}}
	t.provider = sdktrace.NewTracerProvider(sdktrace.WithBatcher(t.exporter), sdktrace.WithResource(described))
	t.tracer = t.provider.Tracer(scope)
	log.InfoContext(ctx, "spans are sent", slog.String("collector", target.Host))
	return t, nil
}

const (
	// closeTime is how long the last spans may take to be sent.
	closeTime = 1500 * time.Millisecond
	// stopTime is how long what was cut off may take to stop.
	stopTime = 500 * time.Millisecond
)

// Close sends the spans that wait, as long as ctx lives and for at most 2 s, and
// stops. What could not be sent is lost, which the error says. Spans that end
// later are dropped.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	timed, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	err := t.provider.Shutdown(timed)
	if err == nil {
		return nil
	}
	// The request that hangs is cut off, so that its goroutine ends.
	cancel()
	_ = t.exporter.inner.Shutdown(timed) // it says only that timed is done
	select {
	case <-t.exporter.stopped:
	case <-time.After(stopTime):
	}
	return fmt.Errorf("send the last spans: %w", err)
}

// An exporter tells the process log when spans can't be sent, once, and when they
// can be again. The library calls it from one goroutine at a time.
type exporter struct {
	inner   sdktrace.SpanExporter
	log     *slog.Logger
	failing bool
	stopped chan struct{} // closed after Shutdown
}

// ExportSpans implements the library's exporter. It returns no error: it would be
// printed by the library each time.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.inner.ExportSpans(ctx, spans)
	switch {
	case err != nil && !e.failing:
		e.log.WarnContext(ctx, "spans can't be sent and are lost", slog.String("error", err.Error()))
	case err == nil && e.failing:
		e.log.InfoContext(ctx, "spans are sent again")
	}
	e.failing = err != nil
	return nil
}

// Shutdown implements the library's exporter. It is called when no span is left.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer close(e.stopped)
	return e.inner.Shutdown(ctx) //nolint:wrapcheck // Close says what was attempted
}

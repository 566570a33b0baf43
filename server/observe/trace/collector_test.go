package trace_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// A collector takes spans as an OpenTelemetry collector does.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer

	// hang makes it take requests and answer none.
	hang bool

	mu       sync.Mutex
	asked    int
	spans    []*tracepb.Span
	service  string
	received []byte // everything, as it came
}

// Export implements the collector's service.
func (c *collector) Export(ctx context.Context, r *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	c.asked++
	c.mu.Unlock()
	if c.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	raw, err := proto.Marshal(r)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = append(c.received, raw...)
	for _, of := range r.GetResourceSpans() {
		c.service = attributesOf(of.GetResource().GetAttributes())["service.name"]
		for _, in := range of.GetScopeSpans() {
			c.spans = append(c.spans, in.GetSpans()...)
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func (c *collector) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// named returns the only span of that name.
func (c *collector) named(t *testing.T, name string) *tracepb.Span {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*tracepb.Span
	for _, span := range c.spans {
		if span.GetName() == name {
			found = append(found, span)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans named %q, want 1; got %v", len(found), name, c.spans)
	}
	return found[0]
}

func attributesOf(pairs []*commonpb.KeyValue) map[string]string {
	attributes := map[string]string{}
	for _, pair := range pairs {
		switch v := pair.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			attributes[pair.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			attributes[pair.GetKey()] = fmt.Sprint(v.IntValue)
		default:
			attributes[pair.GetKey()] = fmt.Sprintf("%T", v)
		}
	}
	return attributes
}

// collect serves c and points the environment at it.
func collect(t *testing.T, c *collector) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())
}

// start begins tracing by the environment. The end is the test's to call, or it
// comes with the test's.
func start(t *testing.T) (_ *trace.Tracing, end func() error, log *syncBuffer) {
	t.Helper()
	log = &syncBuffer{}
	tracing, err := trace.Start(t.Context(), os.LookupEnv, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if tracing == nil {
		t.Fatal("tracing is off")
	}
	end = sync.OnceValue(func() error { return tracing.Close(context.Background()) })
	t.Cleanup(func() { _ = end() })
	return tracing, end, log
}

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID    = "00f067aa0ba902b7"
	traceparent = "00-" + traceID + "-" + parentID + "-01"
	unsampled   = "00-" + traceID + "-" + parentID + "-00"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

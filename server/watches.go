package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// A healthService ends its watches when the server drains. A watch is a call
// that never ends by itself, and a graceful stop waits for every call.
type healthService struct {
	*health.Server
	// atEnd has f called once the watches must end, until it is taken back.
	atEnd func(f func()) (takeBack func() bool)
}

// newHealthService returns the service and the function that ends its watches.
func newHealthService(states *health.Server) (service healthService, end func()) {
	life, end := context.WithCancel(context.Background())
	return healthService{Server: states, atEnd: func(f func()) func() bool { return context.AfterFunc(life, f) }}, end
}

// Watch implements [healthpb.HealthServer].
func (h healthService) Watch(in *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer h.atEnd(cancel)()
	return h.Server.Watch(in, watch{stream, ctx}) //nolint:wrapcheck // a status
}

// A watch is a stream that ends earlier than its connection.
type watch struct {
	grpc.ServerStreamingServer[healthpb.HealthCheckResponse]
	ctx context.Context
}

// Context implements [grpc.ServerStream].
func (w watch) Context() context.Context { return w.ctx }

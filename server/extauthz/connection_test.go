package extauthz_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/test/bufconn"

	"github.com/hookauthz/hookauthz/server/gate"
)

// connections counts those that a server has had.
type connections struct{ opened, closed atomic.Int64 }

func (c *connections) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		c.opened.Add(1)
	case *stats.ConnEnd:
		c.closed.Add(1)
	}
}

func (*connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (*connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (*connections) HandleRPC(context.Context, stats.RPCStats) {}

// connected runs use in a bubble of its own time, with a client of a server that
// has the options of production.
func connected(t *testing.T, use func(t *testing.T, client healthpb.HealthClient, c *connections)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &connections{}
		server := grpc.NewServer(append(gate.ServerOptions(1<<20), grpc.StatsHandler(c))...)
		healthpb.RegisterHealthServer(server, health.NewServer())
		listener := bufconn.Listen(1 << 20)
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///bufconn",
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		use(t, healthpb.NewHealthClient(conn), c)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// A busy gateway is moved to a new connection about every ten minutes, so that it
// finds new replicas, and no call fails by it.
func TestConnectionsAge(t *testing.T) {
	connected(t, func(t *testing.T, client healthpb.HealthClient, c *connections) {
		t.Helper()
		for minute := range 45 {
			if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
				t.Fatalf("minute %d: %v", minute, err)
			}
			time.Sleep(time.Minute)
		}
		if got := c.opened.Load(); got < 4 || got > 6 {
			t.Errorf("%d connections in 45 minutes, want one each ten minutes", got)
		}
	})
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	connected(t, func(t *testing.T, client healthpb.HealthClient, c *connections) {
		t.Helper()
		if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		same(t, "connections closed after 4 idle minutes", c.closed.Load(), 0)
		time.Sleep(2 * time.Minute)
		same(t, "connections closed after 6 idle minutes", c.closed.Load(), 1)
	})
}

// Envoy has up to 1024 calls on a connection. Were fewer permitted, a burst would
// be refused.
func TestACallOfEachStreamOfEnvoy(t *testing.T) {
	connected(t, func(t *testing.T, client healthpb.HealthClient, c *connections) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i := range 1024 {
			watch, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
			if err == nil {
				_, err = watch.Recv()
			}
			if err != nil {
				t.Fatalf("call %d at once: %v", i+1, err)
			}
		}
		same(t, "connections", c.opened.Load(), 1)
	})
}

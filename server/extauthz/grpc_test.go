package extauthz_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/hookauthz/hookauthz/server/extauthz"
)

func TestOverGRPC(t *testing.T) {
	l := newLab(t, nil)
	client := l.dial(t, 2<<20)
	tests := []struct {
		name     string
		request  *authpb.CheckRequest
		metadata []string
		reason   string
	}{
		{name: "allowed", request: signed(`{"a":1}`), reason: "verified"},
		{name: "denied", request: request("github", "x"), reason: "credential_missing"},
		{name: "empty message", request: &authpb.CheckRequest{}, reason: "bug"},
		{name: "named in metadata", request: keyed(""), metadata: []string{"x-hookauthz-policy", "key"}, reason: "verified"},
		{name: "named twice in metadata", request: keyed(""), metadata: []string{"x-hookauthz-policy", "key", "x-hookauthz-policy", "key"}, reason: "policy_not_found"},
		{name: "body in many frames", request: signed(strings.Repeat("0123456789", 50_000)), reason: "verified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := metadata.AppendToOutgoingContext(t.Context(), tt.metadata...)
			response, err := client.Check(ctx, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			obeys(t, response)
			same(t, "reason", metadatum(response, "reason"), tt.reason)
		})
	}
}

// Many calls share memory that is used again: each must get the answer to its
// own question.
func TestManyCalls(t *testing.T) {
	l := newLab(t, nil)
	client := l.dial(t, 2<<20)
	var wait sync.WaitGroup
	var shed atomic.Int64 // refused by a machine that is too busy, and asked again
	for i := range 16 {
		wait.Go(func() {
			for j := range 50 {
				body := strings.Repeat(strconv.Itoa(i), 1+j*17)
				right, wrong := signed(body), request("github", body+"x", "x-hub-signature-256", "sha256="+sign(body))
				for want, r := range map[string]*authpb.CheckRequest{"verified": right, "signature_mismatch": wrong} {
					got := "overloaded"
					for ; got == "overloaded"; shed.Add(1) {
						response, err := client.Check(t.Context(), r)
						if err != nil {
							t.Error(err)
							return
						}
						got = metadatum(response, "reason")
					}
					shed.Add(-1)
					if got != want {
						t.Errorf("reason = %q, want %q", got, want)
					}
				}
			}
		})
	}
	wait.Wait()
	same(t, "recorded", l.count(), 16*50*2+int(shed.Load()))
}

// A message that can't be decoded is answered by a denial, where generated code
// would have gRPC answer with an error.
func TestUndecodableOverGRPC(t *testing.T) {
	l := newLab(t, nil)
	conn := l.connect(t, 2<<20)
	for _, message := range []string{"\xff", "\x0a\x05", string(nest(text(4, "/\xff"), 1, 4, 2))} {
		response := new(authpb.CheckResponse)
		err := conn.Invoke(t.Context(), authpb.Authorization_Check_FullMethodName, rawMessage(message), response, grpc.ForceCodecV2(halfRaw{}))
		if err != nil {
			t.Fatalf("%x: a gRPC error: %v", message, err)
		}
		obeys(t, response)
		same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 500)
	}
}

type rawMessage string

// halfRaw sends bytes as they are and decodes responses.
type halfRaw struct{}

func (halfRaw) Name() string { return "proto" }

func (halfRaw) Marshal(v any) (mem.BufferSlice, error) {
	message, ok := v.(rawMessage)
	if !ok {
		return nil, errors.New("not bytes")
	}
	return mem.BufferSlice{mem.SliceBuffer(message)}, nil
}

func (halfRaw) Unmarshal(data mem.BufferSlice, v any) error {
	return extauthz.Codec().Unmarshal(data, v)
}

// The codec must leave the other services of the server alone.
func TestHealthBesideIt(t *testing.T) {
	l := newLab(t, nil)
	conn := l.connect(t, 2<<20, func(server *grpc.Server) {
		service := health.NewServer()
		service.SetServingStatus(extauthz.ServiceName, healthpb.HealthCheckResponse_SERVING)
		healthpb.RegisterHealthServer(server, service)
	})
	response, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: extauthz.ServiceName})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "status", response.GetStatus(), healthpb.HealthCheckResponse_SERVING)
}

// The server notes when a call's headers come, before anything waits.
func TestArrivalIsNoted(t *testing.T) {
	l := newLab(t, nil)
	var arrived atomic.Int64
	conn := l.connect(t, 2<<20, func(server *grpc.Server) {
		server.RegisterService(&grpc.ServiceDesc{ServiceName: "test", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
			StreamName: "Ask", ServerStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error {
				arrived.Store(extauthz.ArrivedAt(stream.Context(), time.Time{}).UnixNano())
				return nil
			},
		}}}, nil)
	})
	before := time.Now().UnixNano()
	err := conn.Invoke(t.Context(), "/test/Ask", &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{})
	if err == nil {
		t.Error("a call without an answer: got no error")
	}
	if got := arrived.Load(); got < before || got > time.Now().UnixNano() {
		t.Errorf("arrived at %d, want after %d", got, before)
	}
}

func TestReceiveLimit(t *testing.T) {
	l := newLab(t, nil)
	client := l.dial(t, 64<<10)
	response, err := client.Check(t.Context(), signed(strings.Repeat("x", 60<<10)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "reason", metadatum(response, "reason"), "verified")
	_, err = client.Check(t.Context(), signed(strings.Repeat("x", 64<<10)))
	same(t, "code over the limit", status.Code(err), codes.ResourceExhausted)
}

func TestMetadataLimit(t *testing.T) {
	l := newLab(t, nil)
	client := l.dial(t, 2<<20)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-long", strings.Repeat("y", 100<<10))
	if response, err := client.Check(ctx, keyed("key")); err == nil {
		t.Errorf("Check with 100 KiB of metadata = %v, want an error", response)
	}
}

// The deadline that the gateway writes into its call is the one that counts.
func TestDeadlineOverGRPC(t *testing.T) {
	l := newLab(t, nil)
	client := l.dial(t, 2<<20)
	// On a busy machine the time of a call may be over before its message is read:
	// that is no check, and another call is made.
	waitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), slowness)
		defer cancel()
		response, err := client.Check(ctx, keyed("slow"))
		if err == nil && response.GetOkResponse() != nil {
			t.Error("allowed after the deadline")
		}
		return l.count() > 0
	})
	same(t, "recorded reason", l.last(t).Decision.Reason().String(), "deadline")
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

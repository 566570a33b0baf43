package extauthz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// ServiceName is the gRPC service, as health checks name it.
const ServiceName = "envoy.service.auth.v3.Authorization"

// adapterName is how the decision log calls this adapter.
const adapterName = "ext_authz"

const (
	// DefaultBudget is how long a decision may take if the gateway grants at
	// least that. Decisions read memory only, so this is never reached but
	// where the machine stalls.
	DefaultBudget = time.Second

	// DefaultMaxInflightBytes bounds the memory of all messages that are being
	// worked on.
	DefaultMaxInflightBytes = 256 << 20
)

// A Recorder takes each decision once. What it is given is valid during the call
// only. It is called by many goroutines and must not wait.
type Recorder interface {
	Record(*observe.Event)
}

// Config is what a [Server] needs.
type Config struct {
	// Tables returns the policies in force, nil if none are loaded yet. It is
	// called once a Check.
	Tables func() *policy.Table
	// Recorder takes the decisions.
	Recorder Recorder
	// Tracing makes a span of each Check; nil makes none.
	Tracing *trace.Tracing
	// Ready reports whether Checks may be decided; until then they are denied.
	// nil is always.
	Ready func() bool
	// Logger takes what is no decision: panics. nil is slog's default.
	Logger *slog.Logger
	// Budget is the longest that a decision may take, [DefaultBudget] if 0.
	Budget time.Duration
	// MaxInflightBytes is the most bytes of messages at one time; Checks above
	// it are denied. [DefaultMaxInflightBytes] if 0.
	MaxInflightBytes int64
}

// A Server answers Checks. It may be registered with several gRPC servers.
type Server struct {
	config   Config
	checks   atomic.Int64
	inflight *gate.ByteLimit
	queue    gate.QueueLimit
	works    sync.Pool // of *work
}

// New returns a server. It returns an error if something is missing or negative.
func New(config Config) (*Server, error) {
	switch {
	case config.Tables == nil:
		return nil, errors.New("extauthz: Tables is missing")
	case config.Recorder == nil:
		return nil, errors.New("extauthz: Recorder is missing")
	case config.Budget < 0 || config.MaxInflightBytes < 0:
		return nil, fmt.Errorf("extauthz: Budget %v or MaxInflightBytes %d is negative", config.Budget, config.MaxInflightBytes)
	}
	if config.Ready == nil {
		config.Ready = func() bool { return true }
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.Budget == 0 {
		config.Budget = DefaultBudget
	}
	if config.MaxInflightBytes == 0 {
		config.MaxInflightBytes = DefaultMaxInflightBytes
	}
	s := &Server{config: config, inflight: gate.NewByteLimit(config.MaxInflightBytes)}
	s.works.New = func() any { return newWork(s.inflight) }
	return s, nil
}

// InflightChecks returns the number of Checks that are being answered.
func (s *Server) InflightChecks() int64 { return s.checks.Load() }

// InflightBytes returns the bytes of the messages that are being worked on.
func (s *Server) InflightBytes() int64 { return s.inflight.Used() }

// Register registers the service with a server that was made with
// [gate.ServerOptions].
func (s *Server) Register(server grpc.ServiceRegistrar) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: ServiceName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "Check",
			Handler:    s.serve,
			// The method is unary. Said to be a stream, gRPC doesn't wait for
			// the end of the call once the message is there: on the wire they
			// are the same.
			ClientStreams: true,
		}},
		Metadata: "envoy/service/auth/v3/external_auth.proto",
	}, s)
}

// serve runs one call.
func (s *Server) serve(_ any, stream grpc.ServerStream) error {
	started := time.Now()
	s.checks.Add(1)
	defer s.checks.Add(-1)
	w, ok := s.works.Get().(*work)
	if !ok {
		w = newWork(s.inflight) // the pool holds nothing else
	}
	err := stream.RecvMsg(&w.message)
	if err != nil && !errors.Is(err, io.EOF) {
		return err //nolint:wrapcheck // a status: the call broke off, or gRPC's own limit refused it
	}
	// A call that ends without a message is answered like an empty one.

	sound := s.answer(stream.Context(), w, started)
	err = stream.SendMsg(&w.message)
	s.inflight.Give(w.message.taken)
	if sound {
		w.reset()
		s.works.Put(w)
	}
	return err //nolint:wrapcheck // a status
}

// answer decides the message of w, records the decision and leaves the reply in
// w. It never fails: a panic becomes a denial. It returns false if w must not be
// used again.
func (s *Server) answer(ctx context.Context, w *work, started time.Time) (sound bool) {
	defer func() {
		if cause := recover(); cause != nil {
			s.panicked(ctx, w, cause)
		}
	}()
	w.begin(time.Now())
	traced, span := s.config.Tracing.Check(ctx, started)
	w.span = span
	s.decide(traced, w, started)
	reply, status := appendResponse(w.buffer[:0], &w.verdict)
	w.buffer = reply // keeps what it grew to
	s.record(w, status)
	w.message.reply = append([]byte(nil), reply...)
	return true
}

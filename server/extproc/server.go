package extproc

import (
	"errors"
	"fmt"
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
const ServiceName = "envoy.service.ext_proc.v3.ExternalProcessor"

// adapterName is how the decision log calls this adapter.
const adapterName = "ext_proc"

const (
	// DefaultBudget is how long a decision may take once the body is there, for
	// each started 64 MiB of the body.
	DefaultBudget = time.Second
	budgetBytes   = 64 << 20

	// DefaultBodyTime is how long a body may take to arrive, from the headers on,
	// with one second more for each MiB of it that came. Envoy has no deadline of
	// its own in the mode FULL_DUPLEX_STREAMED.
	DefaultBodyTime = time.Minute
	bodyRate        = 1 << 20 // bytes a second

	// DefaultMaxInflightBytes bounds the memory of all messages and bodies that
	// are being worked on, apart from what stands in files.
	DefaultMaxInflightBytes = 256 << 20

	// DefaultSpoolMax bounds the bytes of all files together.
	DefaultSpoolMax = 1 << 30
)

// A Recorder takes each decision once. What it is given is valid during the call
// only. It is called by many goroutines and must not wait.
type Recorder interface {
	Record(*observe.Event)
}

// Config is what a [Server] needs.
type Config struct {
	// Tables returns the policies in force, nil if none are loaded yet.
	Tables func() *policy.Table
	// Recorder takes the decisions.
	Recorder Recorder
	// Tracing makes a span of each stream; nil makes none.
	Tracing *trace.Tracing
	// Ready reports whether requests may be decided; until then they are denied.
	// nil is always.
	Ready func() bool
	// Logger takes what is no decision: panics, files that can't be written. nil
	// is slog's default.
	Logger *slog.Logger
	// Budget is the longest that a decision may take, [DefaultBudget] if 0.
	Budget time.Duration
	// BodyTime is how long a body may take to arrive, [DefaultBodyTime] if 0.
	BodyTime time.Duration
	// MaxInflightBytes is the most bytes in memory at one time, requests above it
	// are denied; [DefaultMaxInflightBytes] if 0.
	MaxInflightBytes int64
	// SpoolDir is where bodies over 1 MiB are kept, the system's folder for
	// temporary files if empty. SpoolMax is the most bytes that they may have
	// there at one time, [DefaultSpoolMax] if 0.
	SpoolDir string
	SpoolMax int64
}

// A Server answers the processor's streams. It may be registered with several
// gRPC servers.
type Server struct {
	config   Config
	streams  atomic.Int64
	inflight *gate.ByteLimit
	spools   spooler
	queue    gate.QueueLimit

	abandon   sync.Once
	abandoned chan struct{} // closed by Abandon
	receivers sync.WaitGroup
}

// New returns a server. It returns an error if something is missing or negative.
func New(config Config) (*Server, error) {
	switch {
	case config.Tables == nil:
		return nil, errors.New("extproc: Tables is missing")
	case config.Recorder == nil:
		return nil, errors.New("extproc: Recorder is missing")
	case config.Budget < 0 || config.BodyTime < 0:
		return nil, fmt.Errorf("extproc: Budget %v or BodyTime %v is negative", config.Budget, config.BodyTime)
	case config.MaxInflightBytes < 0 || config.SpoolMax < 0:
		return nil, fmt.Errorf("extproc: MaxInflightBytes %d or SpoolMax %d is negative", config.MaxInflightBytes, config.SpoolMax)
	}
	if config.Ready == nil {
		config.Ready = func() bool { return true }
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	config.Budget = orDefault(config.Budget, DefaultBudget)
	config.BodyTime = orDefault(config.BodyTime, DefaultBodyTime)
	config.MaxInflightBytes = orDefault(config.MaxInflightBytes, DefaultMaxInflightBytes)
	config.SpoolMax = orDefault(config.SpoolMax, DefaultSpoolMax)
	inflight := gate.NewByteLimit(config.MaxInflightBytes)
	return &Server{
		config:    config,
		inflight:  inflight,
		spools:    spooler{dir: config.SpoolDir, memory: inflight, disk: gate.NewByteLimit(config.SpoolMax)},
		abandoned: make(chan struct{}),
	}, nil
}

func orDefault[N ~int64](n, otherwise N) N {
	if n == 0 {
		return otherwise
	}
	return n
}

// InflightStreams returns the number of streams that are being answered.
func (s *Server) InflightStreams() int64 { return s.streams.Load() }

// InflightBytes returns the bytes in memory of what is being worked on.
func (s *Server) InflightBytes() int64 { return s.inflight.Used() }

// SpoolBytes returns the bytes of bodies that stand in files.
func (s *Server) SpoolBytes() int64 { return s.spools.disk.Used() }

// Abandon denies every request that is not decided yet, and those to come. A
// gRPC server that is stopped cuts its streams off; before that its gateways must
// be told.
func (s *Server) Abandon() { s.abandon.Do(func() { close(s.abandoned) }) }

// Wait waits for what the streams started. It is called once the gRPC server has
// stopped.
func (s *Server) Wait() { s.receivers.Wait() }

// Register registers the service with a server that was made with
// [gate.ServerOptions].
func (s *Server) Register(server grpc.ServiceRegistrar) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: ServiceName,
		HandlerType: (*any)(nil),
		Streams:     []grpc.StreamDesc{{StreamName: "Process", Handler: s.serve, ServerStreams: true, ClientStreams: true}},
		Metadata:    "envoy/service/ext_proc/v3/external_processor.proto",
	}, s)
}

package gate

import (
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// What a server grants to those who connect. Only gateways should be able to;
// the limits keep one that misbehaves, or a stranger, from using up the process.
const (
	// maxMetadataBytes bounds the gRPC metadata of a call. The gateway sends
	// under 1 KiB; gRPC's own limit is 16 MiB.
	maxMetadataBytes = 64 << 10
	// maxStreams is the number of calls a connection may have. Envoy opens
	// another connection from 1024 on; with fewer, a burst is refused.
	maxStreams = 2048
	// A connection that says nothing or is old is closed. Age is what makes
	// gateways find new replicas; calls in flight get drainTime, which is
	// longer than gateways wait for an answer, and longer than a body usually
	// takes that is held while it arrives.
	connectTime = 5 * time.Second
	idleTime    = 5 * time.Minute
	ageTime     = 10 * time.Minute
	drainTime   = 2 * time.Minute
	// leastPing is how often a gateway may ping. Envoy's recommended interval
	// is 30 s.
	leastPing = 10 * time.Second

	// The flow-control window of one call holds the largest message up to
	// maxWindow, so that it arrives without a pause. A fixed window also keeps
	// gRPC from measuring the connection by pings.
	leastWindow      = 64 << 10
	maxWindow        = 4 << 20
	connectionWindow = 16 << 20

	bufferBytes = 64 << 10

	// streamWorkers is how many goroutines are kept for calls: their stacks
	// have grown to what a call needs. Calls beyond get goroutines of their own.
	streamWorkers = 64
)

// ServerOptions returns the options of the gRPC server that adapters are
// registered with. receiveLimit is the largest message it takes, in bytes: the
// largest body with room for everything else, since what is larger is answered
// by a gRPC error.
//
// The codec serves protobuf services beside it, such as health checks.
func ServerOptions(receiveLimit int64) []grpc.ServerOption {
	limit := int(min(max(receiveLimit, 0), math.MaxInt32))
	window := int32(min(max(limit, leastWindow), maxWindow))
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(NewCodec()),
		grpc.InTapHandle(stamp),
		grpc.MaxRecvMsgSize(limit),
		grpc.MaxHeaderListSize(maxMetadataBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(connectTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     idleTime,
			MaxConnectionAge:      ageTime,
			MaxConnectionAgeGrace: drainTime,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: leastPing, PermitWithoutStream: true}),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.ReadBufferSize(bufferBytes),
		grpc.WriteBufferSize(bufferBytes),
	}
}

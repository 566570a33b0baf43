package extproc

import (
	"context"

	extprocmodepb "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/metadata"

	"github.com/hookauthz/hookauthz/authz"
)

// The body modes in which nothing of a request is at the upstream before the
// verdict.
const (
	buffered   = extprocmodepb.ProcessingMode_BUFFERED
	fullDuplex = extprocmodepb.ProcessingMode_FULL_DUPLEX_STREAMED
)

// metadataTrailers is the gRPC metadata by which the gateway's configuration
// states that request_trailer_mode is SEND. No message tells it.
const (
	metadataTrailers = "x-hookauthz-trailers"
	trailersSent     = "send"
)

// A shape is what must be known of a request before its body can be held.
type shape struct {
	duplex bool // full duplex; else buffered
	ended  bool // the request has no body
}

// shapeOf looks at whether the filter's settings can hold r back until the
// verdict, whatever the sender does. The error is a denial.
func shapeOf(ctx context.Context, message *extprocpb.ProcessingRequest, r *authz.Request) (shape, error) {
	if message.GetObservabilityMode() {
		return shape{}, authz.Deny(authz.ReasonGatewayNotAttested, "observability_mode: the gateway doesn't wait for verdicts")
	}
	config := message.GetProtocolConfig()
	if config == nil {
		return shape{}, authz.Deny(authz.ReasonBodyNotForwarded, "the gateway doesn't tell its body mode")
	}
	s := shape{duplex: config.GetRequestBodyMode() == fullDuplex, ended: message.GetRequestHeaders().GetEndOfStream()}
	switch {
	case !s.duplex && config.GetRequestBodyMode() != buffered:
		return shape{}, authz.Deny(authz.ReasonBodyNotForwarded, "request_body_mode is neither BUFFERED nor FULL_DUPLEX_STREAMED")
	case config.GetResponseBodyMode() != extprocmodepb.ProcessingMode_NONE:
		return shape{}, authz.Deny(authz.ReasonGatewayNotAttested, "response_body_mode is not NONE")
	case s.ended:
	case r.Header.Has("upgrade") || r.Method == "CONNECT":
		return shape{}, authz.Deny(authz.ReasonBodyNotForwarded, "what follows an upgrade or CONNECT request has no end")
	case trailersAreSent(ctx):
	case s.duplex:
		// Trailers that are skipped let the request go, whatever we hold, and
		// Envoy takes such settings of a route. Nothing here can stop that; but
		// where no request with a body gets through, somebody looks.
		return shape{}, authz.Deny(authz.ReasonGatewayNotAttested,
			"FULL_DUPLEX_STREAMED wants request_trailer_mode SEND, stated by x-hookauthz-trailers in grpc_initial_metadata")
	case !announced(r):
		// Headers with trailers and no data: if trailers are skipped, Envoy asks
		// nothing more and the request goes upstream. A body that is announced
		// can't be missing.
		return shape{}, authz.Deny(authz.ReasonGatewayNotAttested,
			"no Content-Length: under BUFFERED that wants request_trailer_mode SEND, stated by x-hookauthz-trailers in grpc_initial_metadata")
	}
	return s, nil
}

// announced reports whether r has a Content-Length above 0.
func announced(r *authz.Request) bool { return lengthOf(r) > 0 }

// lengthOf returns the Content-Length, -1 if there is none that is plain.
func lengthOf(r *authz.Request) int64 {
	const maxDigits = 18
	value, presence := r.Header.Line("content-length")
	if presence != authz.One || len(value) > maxDigits {
		return -1
	}
	var n int64
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' {
			return -1
		}
		n = n*10 + int64(value[i]-'0')
	}
	return n
}

func trailersAreSent(ctx context.Context) bool {
	values := metadata.ValueFromIncomingContext(ctx, metadataTrailers)
	return len(values) == 1 && values[0] == trailersSent
}

package extauthz

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	// It registers the codec that other services on the same server use.
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/hookauthz/hookauthz/authz"
)

const codecName = "proto"

// A message is a call's request and response in wire format.
type message struct {
	// data is a fresh copy of the request. Strings of the request share its
	// memory, so it is never used for another.
	data []byte
	// taken is what was reserved of limit for data. refused says that nothing
	// was left to reserve and data was not kept.
	limit   *byteLimit
	taken   int64
	refused bool

	// reply is the response. It is not written again once it is sent: the
	// transport keeps it.
	reply []byte
}

// A codec passes a [message] through as it is and leaves all else to the codec
// that gRPC has for protobuf, so that other services can run on the same server.
type codec struct{ other encoding.CodecV2 }

func newCodec() codec { return codec{other: encoding.GetCodecV2(codecName)} }

// Name implements [encoding.CodecV2].
func (codec) Name() string { return codecName }

// Marshal implements [encoding.CodecV2].
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*message); ok {
		if len(m.reply) == 0 {
			// An empty response would allow. No path leads here; if one ever
			// does, it denies.
			m.reply = appendBug(nil, authz.Denied(authz.ReasonGuardTripped, "no response was made"), "")
		}
		return mem.BufferSlice{mem.SliceBuffer(m.reply)}, nil
	}
	out, err := c.other.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a message of another service: %w", err)
	}
	return out, nil
}

// Unmarshal implements [encoding.CodecV2]. It decodes nothing of a [message]:
// what can't be decoded must be answered by a denial, and an error here would
// become a gRPC error.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*message); ok {
		m.receive(data)
		return nil
	}
	err := c.other.Unmarshal(data, v)
	if err != nil {
		return fmt.Errorf("decode a message of another service: %w", err)
	}
	return nil
}

func (m *message) receive(data mem.BufferSlice) {
	n := data.Len()
	if !m.limit.take(int64(n)) {
		m.refused = true
		return
	}
	m.taken = int64(n)
	if len(data) == 1 {
		m.data = append([]byte(nil), data[0].ReadOnlyData()...)
		return
	}
	m.data = data.Materialize()
}

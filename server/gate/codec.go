package gate

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	// It registers the codec that other services on the same server use.
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

const codecName = "proto"

// A Frame is a message that its adapter decodes and encodes itself.
type Frame interface {
	// Receive takes the bytes of a message, which are valid during the call only.
	// What can't be decoded must be answered by a denial, so there is no error:
	// it would become a gRPC error.
	Receive(data mem.BufferSlice)
	// Reply returns the bytes of the answer. They are not written any more.
	Reply() []byte
}

// A Codec passes on each [Frame] as it is and leaves all else to the codec that
// gRPC has for protobuf, so that other services can run on the same server.
type Codec struct{ other encoding.CodecV2 }

// NewCodec returns the codec.
func NewCodec() Codec { return Codec{other: encoding.GetCodecV2(codecName)} }

// Name implements [encoding.CodecV2].
func (Codec) Name() string { return codecName }

// Marshal implements [encoding.CodecV2].
func (c Codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(Frame); ok {
		return mem.BufferSlice{mem.SliceBuffer(f.Reply())}, nil
	}
	out, err := c.other.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a message of another service: %w", err)
	}
	return out, nil
}

// Unmarshal implements [encoding.CodecV2].
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(Frame); ok {
		f.Receive(data)
		return nil
	}
	err := c.other.Unmarshal(data, v)
	if err != nil {
		return fmt.Errorf("decode a message of another service: %w", err)
	}
	return nil
}

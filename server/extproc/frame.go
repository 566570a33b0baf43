package extproc

import (
	"fmt"

	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/server/gate"
)

var (
	_ gate.Frame = (*question)(nil)
	_ gate.Frame = (*reply)(nil)
)

// A question is one message of the gateway. Its memory is counted until release.
type question struct {
	limit *gate.ByteLimit
	taken int64

	refused bool  // there was no memory left for it
	err     error // it can't be decoded
	message extprocpb.ProcessingRequest
}

// Receive implements [gate.Frame].
func (q *question) Receive(data mem.BufferSlice) {
	n := int64(data.Len())
	if !q.limit.Take(n) {
		q.refused = true
		return
	}
	q.taken = n
	whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer whole.Free()
	q.err = proto.Unmarshal(whole.ReadOnlyData(), &q.message)
}

// Reply implements [gate.Frame]. Questions are not sent.
func (*question) Reply() []byte { return nil }

// release gives the memory back. It may be called again.
func (q *question) release() {
	q.limit.Give(q.taken)
	q.taken = 0
}

// keep hands the memory over to the caller, who gives it back.
func (q *question) keep() int64 {
	taken := q.taken
	q.taken = 0
	return taken
}

// A reply is one message to the gateway.
type reply []byte

// newReply encodes message. Whatever can't be encoded is found here, where it can
// still become a denial.
func newReply(message *extprocpb.ProcessingResponse) (reply, error) {
	raw, err := proto.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encode a response: %v", err)
	}
	return raw, nil
}

// Receive implements [gate.Frame]. Replies are not received.
func (*reply) Receive(mem.BufferSlice) {}

// Reply implements [gate.Frame].
func (r *reply) Reply() []byte { return *r }

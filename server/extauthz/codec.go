package extauthz

import (
	"google.golang.org/grpc/mem"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
)

var _ gate.Frame = (*message)(nil)

// A message is a call's request and response in wire format.
type message struct {
	// data is a fresh copy of the request. Strings of the request share its
	// memory, so it is never used for another.
	data []byte
	// taken is what was reserved of limit for data. refused says that nothing
	// was left to reserve and data was not kept.
	limit   *gate.ByteLimit
	taken   int64
	refused bool

	// reply is the response. It is not written again once it is sent: the
	// transport keeps it.
	reply []byte
}

// Receive implements [gate.Frame]. It decodes nothing.
func (m *message) Receive(data mem.BufferSlice) {
	n := data.Len()
	if !m.limit.Take(int64(n)) {
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

// Reply implements [gate.Frame].
func (m *message) Reply() []byte {
	if len(m.reply) == 0 {
		// An empty response would allow. No path leads here; if one ever does, it
		// denies.
		m.reply = appendBug(nil, authz.Denied(authz.ReasonGuardTripped, "no response was made"), "")
	}
	return m.reply
}

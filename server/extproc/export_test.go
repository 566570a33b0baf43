package extproc

import (
	"google.golang.org/grpc"

	"github.com/hookauthz/hookauthz/server/gate"
)

// Serve runs one stream.
func Serve(s *Server, stream grpc.ServerStream) error { return s.serve(nil, stream) }

// WithoutQuery is the rule by which query parameters are removed.
func WithoutQuery(path string, names []string) (string, bool) { return withoutQuery(path, names) }

// SpoolMemory is the largest body that is kept in memory.
const SpoolMemory = spoolMemory

// A Spool keeps a body.
type Spool struct{ *spool }

// NewSpool returns a spool under limits of its own.
func NewSpool(dir string, most, memory, disk int64) (s Spool, usedMemory, usedDisk func() int64) {
	from := &spooler{dir: dir, memory: gate.NewByteLimit(memory), disk: gate.NewByteLimit(disk)}
	return Spool{from.new(most)}, from.memory.Used, from.disk.Used
}

// Write appends to the body.
func (s Spool) Write(chunk []byte) error { return s.write(chunk) }

// Fits reports whether n bytes more may be written.
func (s Spool) Fits(n int) bool { return s.fits(n) }

// Content returns the body.
func (s Spool) Content() ([]byte, error) { return s.content() }

// Close frees the spool.
func (s Spool) Close() { s.close() }

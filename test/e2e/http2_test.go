//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A frame is what follows the headers of a request over HTTP/2.
type frame struct {
	data []byte
	end  bool // END_STREAM
	// trailer, if its name is not empty, makes the frame trailers, which end
	// the stream.
	trailer [2]string
}

// frames cuts body into DATA frames as large as HTTP/2 permits without further
// agreement. The last ends the stream if end is set.
func frames(body []byte, end bool) []frame {
	const largest = 16384
	var all []frame
	for len(body) > 0 {
		n := min(len(body), largest)
		all = append(all, frame{data: body[:n]})
		body = body[n:]
	}
	if end {
		if len(all) == 0 {
			return []frame{{end: true}}
		}
		all[len(all)-1].end = true
	}
	return all
}

// sendFrames sends r over HTTP/2 with its body in just these frames, and without
// Content-Length unless r has one.
func (w *world) sendFrames(t *testing.T, r request, body []frame) reply {
	t.Helper()
	conn, err := w.dial(r.listener)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the reply is there, or will not come
	c := newFrameConn(t, conn)
	id := random()
	fields := [][2]string{{":method", r.verb()}, {":scheme", "http"}, {":path", r.path}, {":authority", r.authority()}, {strings.ToLower(idHeader), id}}
	for _, line := range r.header {
		fields = append(fields, [2]string{strings.ToLower(line[0]), line[1]})
	}
	c.headers(fields, len(body) == 0)
	go c.write(body)
	return c.reply(t, id)
}

// A frameConn is the client's side of one connection with one stream.
type frameConn struct {
	framer *http2.Framer

	mu      sync.Mutex // guards writes and what follows
	changed *sync.Cond
	stream  int64 // bytes that may be sent
	whole   int64 // of the connection
	closed  bool
}

const streamID = 1

func newFrameConn(t *testing.T, conn net.Conn) *frameConn {
	t.Helper()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatalf("HTTP/2 preface: %v", err)
	}
	const window = 65535
	c := &frameConn{framer: http2.NewFramer(conn, conn), stream: window, whole: window}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.changed = sync.NewCond(&c.mu)
	if err := c.framer.WriteSettings(); err != nil {
		t.Fatalf("HTTP/2 settings: %v", err)
	}
	return c
}

func (c *frameConn) headers(fields [][2]string, end bool) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // a buffer takes all
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: streamID, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end}) // the reply tells
}

// write sends the frames as the windows permit, until the other side has had
// enough.
func (c *frameConn) write(body []frame) {
	for _, f := range body {
		if f.trailer[0] != "" {
			c.headers([][2]string{f.trailer}, true)
			continue
		}
		n := int64(len(f.data))
		c.mu.Lock()
		for !c.closed && (c.stream < n || c.whole < n) {
			c.changed.Wait()
		}
		c.stream -= n
		c.whole -= n
		err := io.EOF
		if !c.closed {
			err = c.framer.WriteData(streamID, f.end, f.data)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// reply reads until the response is complete or the stream was reset. The status
// is 0 if that came first.
func (c *frameConn) reply(t *testing.T, id string) reply {
	t.Helper()
	defer c.update(func() { c.closed = true })
	r := reply{id: id, header: http.Header{}}
	for {
		next, err := c.framer.ReadFrame()
		if err != nil {
			if r.status == 0 {
				t.Fatalf("HTTP/2: no response: %v", err)
			}
			return r
		}
		switch f := next.(type) {
		case *http2.SettingsFrame:
			c.settings(f)
		case *http2.WindowUpdateFrame:
			c.update(func() {
				if f.StreamID == 0 {
					c.whole += int64(f.Increment)
				} else {
					c.stream += int64(f.Increment)
				}
			})
		case *http2.MetaHeadersFrame:
			r.status, _ = strconv.Atoi(f.PseudoValue("status"))
			for _, field := range f.RegularFields() {
				r.header.Add(field.Name, field.Value)
			}
		case *http2.DataFrame:
			r.body += string(f.Data())
		case *http2.RSTStreamFrame:
			return r
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				t.Fatalf("HTTP/2: connection ended: %v", f.ErrCode)
			}
		}
		if next.Header().StreamID == streamID && next.Header().Flags.Has(http2.FlagDataEndStream) && r.status != 0 {
			return r
		}
	}
}

func (c *frameConn) settings(f *http2.SettingsFrame) {
	if f.IsAck() {
		return
	}
	c.update(func() {
		const initial = 65535
		if window, ok := f.Value(http2.SettingInitialWindowSize); ok {
			c.stream += int64(window) - initial
		}
		_ = c.framer.WriteSettingsAck() // the reply tells
	})
}

func (c *frameConn) update(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	c.changed.Broadcast()
}

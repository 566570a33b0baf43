package extproc_test

import (
	"context"
	"testing"

	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/server/extproc"
)

// FuzzProcess looks for messages after which a request goes on that nobody
// verified: by an answer, or by a stream that ends well without one.
func FuzzProcess(f *testing.F) {
	seed := func(messages ...*extprocpb.ProcessingRequest) {
		var all []byte
		for _, m := range messages {
			raw, err := proto.Marshal(m)
			if err != nil {
				f.Fatal(err)
			}
			all = append(append(all, byte(len(raw)>>8), byte(len(raw))), raw...)
		}
		f.Add(all)
	}
	for _, m := range []mode{buffered, duplex, 0, 2} {
		seed(signed(m, "body"), bodyOf("body", true))
		seed(signed(m, "body"), bodyOf("bo", false), bodyOf("dy", false), trailersOf())
		seed(signed(m, "body"), bodyOf("body", true), bodyOf("", true))
		seed(headersOf(m, false), trailersOf())
		seed(headersOf(m, true))
	}
	seed()
	f.Add([]byte{0, 1, 0xff})
	l := newLab(f, nil)
	f.Fuzz(func(t *testing.T, all []byte) {
		var raw [][]byte
		for len(all) >= 2 {
			n := min(int(all[0])<<8|int(all[1]), len(all)-2)
			raw = append(raw, all[2:2+n])
			all = all[2+n:]
		}
		ctx, cancel := context.WithCancel(incoming(t.Context(), "x-hookauthz-policy", "github", "x-hookauthz-trailers", "send"))
		s := &stream{ctx: ctx, questions: make(chan []byte, len(raw))}
		for _, message := range raw {
			s.questions <- message
		}
		close(s.questions)
		err := extproc.Serve(l.server, s)
		cancel()
		l.server.Wait()
		events := l.take()
		if len(events) != 1 {
			t.Fatalf("%d decisions recorded, want 1", len(events))
		}
		r := assemble(t, s.replies)
		if events[0].Decision.Allowed() {
			if got := sign(string(events[0].Body)); len(events[0].Body) == 0 || got == "" {
				t.Error("allowed without a body")
			}
			return
		}
		if r.denial == nil && err == nil {
			t.Error("denied, and the stream ends well without an answer")
		}
		if r.denial != nil && r.denial.GetStatus().GetCode() < 400 {
			t.Errorf("denied with %v", r.denial.GetStatus())
		}
		if len(r.body) > 0 || r.ended || r.trailer != nil {
			t.Error("a part of the request went on")
		}
	})
}

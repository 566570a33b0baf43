package extproc_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/server/extproc"
	"github.com/hookauthz/hookauthz/server/observe"
)

// nowhere records nothing.
type nowhere struct{}

func (nowhere) Record(*observe.Event) {}

func BenchmarkProcess(b *testing.B) {
	for name, bytes := range map[string]int{"1KiB": 1 << 10, "1MiB": 1 << 20, "3MiB": 3 << 20} {
		for _, m := range []mode{buffered, duplex} {
			b.Run(name+" "+m.String(), func(b *testing.B) {
				l := newLab(b, func(c *extproc.Config) { c.Recorder = nowhere{} })
				body := strings.Repeat("x", bytes)
				sent := messages{signed(m, body)}
				part := len(body)
				if m == duplex {
					part = min(part, 16<<10)
				}
				for at := 0; at < len(body); at += part {
					sent = append(sent, bodyOf(body[at:at+part], at+part == len(body)))
				}
				raw := make([][]byte, len(sent))
				for i, m := range sent {
					var err error
					if raw[i], err = proto.Marshal(m); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(int64(bytes))
				b.ReportAllocs()
				for b.Loop() {
					ctx, cancel := context.WithCancel(incoming(b.Context(), "x-hookauthz-policy", "github"))
					s := &stream{ctx: ctx, questions: make(chan []byte, len(raw))}
					for _, m := range raw {
						s.questions <- m
					}
					if err := extproc.Serve(l.server, s); err != nil {
						b.Fatal(err)
					}
					cancel()
				}
				l.server.Wait()
			})
		}
	}
}

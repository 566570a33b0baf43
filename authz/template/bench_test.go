package template_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// common are the templates that nearly all senders use, with bodies of 1 KiB.
func common() []struct{ name, text string } {
	return []struct{ name, text string }{
		{"body only", "{body}"},
		{"ts.body", "{timestamp}.{body}"},
		{"slack", "v0:{timestamp}:{body}"},
		{"standard webhooks", "{header:webhook-id}.{timestamp}.{body}"},
		{"digest", "{header:x-request-id}\n{timestamp}\n{body|sha256|hex}"},
		{"url", "{method}{url}\n{body}"},
		{"query", "{query:id|lower}.{body}"},
	}
}

func commonInput() *template.Input {
	return &template.Input{
		Request: &authz.Request{
			Method: "POST", Path: "/hooks/x?id=A%2Fb&n=1",
			Header: headers("content-type", "application/json", "webhook-id", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "x-request-id", "f058ebd6"),
		},
		Body: bytes.Repeat([]byte(`{"a":1} `), 128), Timestamp: "1614265330",
	}
}

// nothing is a hash that costs nothing, so that the template's own cost shows.
type nothing struct{ hash.Hash }

func (nothing) Write(b []byte) (int, error) { return len(b), nil }

func BenchmarkTemplate(b *testing.B) {
	for _, tt := range common() {
		b.Run(tt.name, func(b *testing.B) {
			compiled := compile(b, tt.text, options(template.PlaceMessage))
			in := commonInput()
			var h hash.Hash = nothing{}
			b.ReportAllocs()
			for b.Loop() {
				if err := compiled.WriteTo(h, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("slack with its HMAC", func(b *testing.B) {
		compiled := compile(b, "v0:{timestamp}:{body}", options(template.PlaceMessage))
		in := commonInput()
		h := hmac.New(sha256.New, []byte("0123456789abcdef"))
		var sum [sha256.Size]byte
		b.ReportAllocs()
		for b.Loop() {
			h.Reset()
			if err := compiled.WriteTo(h, in); err != nil {
				b.Fatal(err)
			}
			h.Sum(sum[:0])
		}
	})
	b.Run("json", func(b *testing.B) {
		compiled := compile(b, "{json:/items/9/id}", options(template.PlaceMessage))
		in := commonInput()
		in.Body = []byte(`{"items":[` + strings.Repeat(`{"id":"abc","name":"some text","price":1.25},`, 20) + `{"id":"z"}]}`)
		var h hash.Hash = nothing{}
		b.ReportAllocs()
		for b.Loop() {
			if err := compiled.WriteTo(h, in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A request must not cost memory.
func TestNoAllocations(t *testing.T) {
	for _, tt := range common() {
		compiled := compile(t, tt.text, options(template.PlaceMessage))
		in := commonInput()
		h := hmac.New(sha256.New, []byte("0123456789abcdef"))
		dst := make([]byte, 0, 4096)
		// The least of many runs: a pool may be emptied at any time.
		got := 1.0
		for range 50 {
			got = min(got, testing.AllocsPerRun(1, func() {
				if err := compiled.WriteTo(h, in); err != nil {
					t.Fatal(err)
				}
				if _, err := compiled.Append(dst, in); err != nil {
					t.Fatal(err)
				}
			}))
		}
		if got > 0 {
			t.Errorf("%s: got %v allocations, want none", tt.name, got)
		}
	}
}

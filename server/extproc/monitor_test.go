package extproc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// A policy that only watches lets requests pass as they came, whatever it says of
// them.
func TestMonitored(t *testing.T) {
	l := newLab(t, nil)
	large := strings.Repeat("x", 300_000)
	half := large[:len(large)/2]
	for _, tt := range []struct {
		name string
		mode mode
		sent messages
		want authz.Reason
		body string
	}{
		{name: "right", mode: duplex, sent: messages{signed(duplex, "body"), bodyOf("body", true)}, want: authz.ReasonVerified, body: "body"},
		{name: "wrong", mode: duplex, sent: messages{signed(duplex, "body"), bodyOf("bodx", true)}, want: authz.ReasonSignatureMismatch, body: "bodx"},
		{name: "announced too large", mode: duplex, sent: messages{signed(duplex, large), bodyOf(half, false), bodyOf(half, true)}, want: authz.ReasonBodyTooLarge, body: large},
		{name: "too large", mode: duplex, sent: messages{headersOf(duplex, false), bodyOf("first", false), bodyOf(half, false), bodyOf(half, false), bodyOf("", true)}, want: authz.ReasonBodyTooLarge, body: "first" + large},
		{name: "too large, trailers", mode: duplex, sent: messages{headersOf(duplex, false), bodyOf(large, false), trailersOf()}, want: authz.ReasonBodyTooLarge, body: large},
		{name: "too large at its end", mode: duplex, sent: messages{headersOf(duplex, false), bodyOf("first", false), bodyOf(half, true)}, want: authz.ReasonBodyTooLarge, body: "first" + half},
		{name: "buffered, wrong", mode: buffered, sent: messages{signed(buffered, "body"), bodyOf("bodx", true)}, want: authz.ReasonSignatureMismatch},
		{name: "buffered, too large", mode: buffered, sent: messages{signed(buffered, large), bodyOf(large, true)}, want: authz.ReasonBodyTooLarge},
		{name: "buffered, trailers", mode: buffered, sent: messages{headersOf(buffered, false), trailersOf()}, want: authz.ReasonCredentialMissing},
		{name: "no body", mode: buffered, sent: messages{headersOf(buffered, true)}, want: authz.ReasonCredentialMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := l.run(t, named("watched"), tt.sent...)
			d := r.event.Decision
			if d.Reason() != tt.want || !d.IsMonitored() || r.event.Status != 200 || r.err != nil || r.denial != nil {
				t.Errorf("decision %v (%s), monitored %v, status %d, error %v", d.Reason(), d.Detail(), d.IsMonitored(), r.event.Status, r.err)
			}
			if string(r.body) != tt.body {
				t.Errorf("the upstream gets %d bytes, want %d", len(r.body), len(tt.body))
			}
			if tt.mode == duplex && r.ended == (r.trailer != nil) {
				t.Errorf("ended %v, trailers %v", r.ended, r.trailer)
			}
			if len(r.head.GetHeaderMutation().GetSetHeaders()) > 0 {
				t.Errorf("headers are set: %v", r.head.GetHeaderMutation())
			}
			if r.trailer == nil && !slices.Contains(r.head.GetHeaderMutation().GetRemoveHeaders(), "x-sender") {
				t.Error("x-sender stays")
			}
		})
	}
	r := l.run(t, named("watched-panics"), keyed(duplex))
	if !r.event.Decision.IsMonitored() || r.event.Decision.Reason() != authz.ReasonBug {
		t.Errorf("decision = %v", r.event.Decision.Reason())
	}
}

// A policy that does not look at bodies lets large ones pass too.
func TestLargeUnread(t *testing.T) {
	l := newLab(t, nil)
	large := strings.Repeat("x", 3<<20) // over --max-body, 1 MiB
	r := l.run(t, named("key"), headersOf(duplex, false, "x-api-key", apiKey), bodyOf(large[:2<<20], false), bodyOf(large[2<<20:], true))
	r.want(t, authz.ReasonVerified)
	if len(r.body) != len(large) || !r.ended || r.err != nil {
		t.Errorf("%d bytes, ended %v, error %v", len(r.body), r.ended, r.err)
	}
	// Let go, and then cut: the gateway must not take that for the end.
	r = l.run(t, named("key"), headersOf(duplex, false, "x-api-key", apiKey), bodyOf(large[:2<<20], false))
	r.want(t, authz.ReasonVerified)
	if r.err == nil || r.ended {
		t.Errorf("ended %v, error %v; want the stream to break", r.ended, r.err)
	}
}

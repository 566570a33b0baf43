package provider_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz/provider"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// window returns an entry of its own whose timestamp has this window.
func window(past, future time.Duration, unchecked string) *policypb.CatalogEntry {
	t := &policypb.Timestamp{Value: "{header:X-Time}", Unit: "seconds", Unchecked: unchecked}
	if past > 0 {
		t.Tolerance = durationpb.New(past)
	}
	if future > 0 {
		t.FutureTolerance = durationpb.New(future)
	}
	return &policypb.CatalogEntry{Name: "own", Mac: &policypb.Mac{Message: "{timestamp}.{body}", Timestamp: t}}
}

func TestExpand(t *testing.T) {
	const none = time.Duration(0)
	tests := []struct {
		name      string
		entry     *policypb.CatalogEntry
		tolerance time.Duration // none: the policy sets nothing
		kind      string        // "": an error
		past      time.Duration // none: nothing is written
		future    time.Duration
	}{
		{name: "api_key", entry: entry(t, "gitlab"), kind: "api_key"},
		{name: "api_key has no window to set", entry: entry(t, "gitlab"), tolerance: time.Minute},
		{name: "mac without a time", entry: entry(t, "github"), kind: "mac"},
		{name: "mac without a time has no window to set", entry: entry(t, "github"), tolerance: time.Minute},
		{name: "the entry's window", entry: entry(t, "slack"), kind: "mac", past: 300 * time.Second},
		{name: "narrower", entry: entry(t, "slack"), tolerance: 30 * time.Second, kind: "mac", past: 30 * time.Second},
		{name: "wider", entry: entry(t, "slack"), tolerance: 10 * time.Minute, kind: "mac", past: 10 * time.Minute},
		{name: "too wide", entry: entry(t, "slack"), tolerance: 10*time.Minute + time.Second},
		{name: "an entry over the limit", entry: window(30*time.Minute, none, ""), kind: "mac", past: 30 * time.Minute},
		{name: "as wide as an entry over the limit", entry: window(30*time.Minute, none, ""), tolerance: 30 * time.Minute, kind: "mac", past: 30 * time.Minute},
		{name: "wider than an entry over the limit", entry: window(30*time.Minute, none, ""), tolerance: 31 * time.Minute},
		{name: "entry without a window of its own", entry: window(none, none, ""), tolerance: time.Minute, kind: "mac", past: time.Minute},
		{name: "the entry's future", entry: window(time.Minute, time.Second, ""), kind: "mac", past: time.Minute, future: time.Second},
		{name: "both sides are replaced", entry: window(time.Minute, time.Second, ""), tolerance: 2 * time.Minute, kind: "mac", past: 2 * time.Minute},
		{name: "unchecked", entry: window(none, none, "accepted"), kind: "mac"},
		{name: "unchecked has no window to set", entry: window(none, none, "accepted"), tolerance: time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &policypb.Provider{Name: tt.entry.GetName(), Secrets: []string{"new", "old"}}
			if tt.tolerance != none {
				p.Tolerance = durationpb.New(tt.tolerance)
			}
			entryBefore, before := proto.CloneOf(tt.entry), proto.CloneOf(p)
			kind, settings, err := provider.Expand(tt.entry, p)
			if kind != tt.kind || (err != nil) != (tt.kind == "") || (settings == nil) != (tt.kind == "") {
				t.Fatalf("Expand() = %q, %v, %v, want %q", kind, settings, err, tt.kind)
			}
			if !proto.Equal(tt.entry, entryBefore) || !proto.Equal(p, before) {
				t.Errorf("Expand() changed what it was given: %v, %v", tt.entry, p)
			}
			switch s := settings.(type) {
			case *policypb.ApiKey:
				if !slices.Equal(s.GetSecrets(), p.GetSecrets()) {
					t.Errorf("secrets = %q, want %q", s.GetSecrets(), p.GetSecrets())
				}
				s.Header = "changed"
			case *policypb.Mac:
				if !slices.Equal(s.GetSecrets(), p.GetSecrets()) {
					t.Errorf("secrets = %q, want %q", s.GetSecrets(), p.GetSecrets())
				}
				past, future := s.GetTimestamp().GetTolerance().AsDuration(), s.GetTimestamp().GetFutureTolerance().AsDuration()
				if past != tt.past || future != tt.future {
					t.Errorf("window = %v and %v ahead, want %v and %v", past, future, tt.past, tt.future)
				}
				s.Message, s.Timestamp = "changed", nil
			}
			if !proto.Equal(tt.entry, entryBefore) {
				t.Errorf("settings are part of the entry: %v", tt.entry)
			}
		})
	}
}

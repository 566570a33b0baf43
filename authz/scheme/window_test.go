package scheme_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

func TestWindowCheck(t *testing.T) {
	received := time.Date(2021, time.February, 25, 15, 42, 10, 0, time.UTC)
	both := scheme.Window{Past: 300 * time.Second, Future: 300 * time.Second}
	tests := []struct {
		name   string
		window scheme.Window
		age    time.Duration
		want   authz.Reason
	}{
		{name: "now", window: both, want: authz.ReasonVerified},
		{name: "past edge", window: both, age: 300 * time.Second, want: authz.ReasonVerified},
		{name: "past the edge", window: both, age: 301 * time.Second, want: authz.ReasonTimestampStale},
		{name: "just past the edge", window: both, age: 300*time.Second + 1, want: authz.ReasonTimestampStale},
		{name: "future edge", window: both, age: -300 * time.Second, want: authz.ReasonVerified},
		{name: "over the future edge", window: both, age: -301 * time.Second, want: authz.ReasonTimestampFuture},
		{name: "far future", window: both, age: -1 << 62, want: authz.ReasonTimestampFuture},
		{name: "far past", window: both, age: 1 << 62, want: authz.ReasonTimestampStale},
		{name: "no future", window: scheme.Window{Past: time.Minute}, age: -1, want: authz.ReasonTimestampFuture},
		{name: "zero window", age: 1, want: authz.ReasonTimestampStale},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.window.Check(received.Add(-tt.age), received)
			if got := reasonOf(err); got != tt.want {
				t.Errorf("Check() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestNewWindow(t *testing.T) {
	d := func(v time.Duration) *time.Duration { return &v }
	tests := []struct {
		name              string
		tolerance, future *time.Duration
		want              scheme.Window
		problems          []string
	}{
		{name: "default", want: scheme.Window{Past: 300 * time.Second, Future: 300 * time.Second}},
		{name: "both sides", tolerance: d(time.Minute), want: scheme.Window{Past: time.Minute, Future: time.Minute}},
		{name: "future differs", tolerance: d(time.Minute), future: d(0), want: scheme.Window{Past: time.Minute}},
		{name: "future alone", future: d(time.Second), want: scheme.Window{Past: 300 * time.Second, Future: time.Second}},
		{name: "zero", tolerance: d(0), problems: []string{"tolerance setting"}},
		{name: "negative", tolerance: d(-1), future: d(-1), problems: []string{"tolerance setting", "future_tolerance setting"}},
		{name: "ten minutes", tolerance: d(10 * time.Minute), want: scheme.Window{Past: 10 * time.Minute, Future: 10 * time.Minute}},
		{name: "wide", tolerance: d(11 * time.Minute), future: d(time.Hour), problems: []string{"tolerance wide_window", "future_tolerance wide_window"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := scheme.NewWindow(tt.tolerance, tt.future)
			var found []string
			for _, p := range problems {
				found = append(found, p.Path+" "+p.Code)
			}
			if !slices.Equal(found, tt.problems) || (len(found) == 0 && got != tt.want) {
				t.Errorf("NewWindow() = %v, %q, want %v, %q", got, found, tt.want, tt.problems)
			}
		})
	}
}

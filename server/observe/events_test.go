package observe_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/server/observe"
)

func TestSecretEventsAreLogged(t *testing.T) {
	trouble := &secret.Error{Class: secret.ClassTransient, Cause: secret.CauseNetwork, Operation: secret.OperationRead}
	tests := []struct {
		name  string
		event secret.Event
		want  string // a part of the line, "" for no line at info
	}{
		{name: "an ordinary failure", event: secret.Event{Type: secret.EventRefreshFailed, Reference: "a", Cause: secret.CauseNetwork, Err: trouble}},
		{name: "an alarming failure", event: secret.Event{Type: secret.EventRefreshFailed, Reference: "a", Cause: secret.CauseTLS, Err: trouble}, want: "level=WARN"},
		{name: "the first read", event: secret.Event{Type: secret.EventStateChanged, Reference: "a", From: secret.StateLoading, To: secret.StateFresh}},
		{name: "missing from the start", event: secret.Event{Type: secret.EventStateChanged, Reference: "a", From: secret.StateLoading, To: secret.StateGone}},
		{name: "back", event: secret.Event{Type: secret.EventStateChanged, Reference: "a", From: secret.StateGone, To: secret.StateFresh}, want: "level=INFO"},
		{name: "stale", event: secret.Event{Type: secret.EventStateChanged, Reference: "a", From: secret.StateFresh, To: secret.StateStale}, want: "level=INFO"},
		{name: "gone", event: secret.Event{Type: secret.EventStateChanged, Reference: "a", From: secret.StateFresh, To: secret.StateGone}, want: "level=ERROR"},
		{name: "expired", event: secret.Event{Type: secret.EventStateChanged, Reference: "a", From: secret.StateStale, To: secret.StateExpired}, want: "from=stale to=expired secret=a"},
		{name: "rotated", event: secret.Event{Type: secret.EventRotated, Reference: "a", Before: 1, Version: 2}, want: "before=1 secret=a version=2"},
		{name: "regressed", event: secret.Event{Type: secret.EventVersionRegressed, Reference: "a", Before: 3, Version: 2}, want: "level=ERROR"},
		{name: "a request", event: secret.Event{Type: secret.EventRequest, Operation: secret.OperationRead, Duration: time.Millisecond}},
		{name: "logged in", event: secret.Event{Type: secret.EventLogin, Result: secret.ResultOK, TTL: time.Hour}, want: "logged in to Vault"},
		{name: "not logged in", event: secret.Event{Type: secret.EventLogin, Result: secret.ResultRefused, Err: errors.New("x")}, want: "level=ERROR msg=\"could not log in to Vault\""},
		{name: "a root token", event: secret.Event{Type: secret.EventLogin, Result: secret.ResultUnsuitable, Cause: secret.CauseRootToken}, want: "a root token wants --dev"},
		{name: "each secret while not logged in", event: secret.Event{Type: secret.EventRefreshFailed, Reference: "a", Class: secret.ClassCredential, Cause: secret.CauseRootToken, Err: trouble}},
		{name: "renewed", event: secret.Event{Type: secret.EventRenewal, Result: secret.ResultOK, TTL: time.Hour}},
		{name: "not renewed", event: secret.Event{Type: secret.EventRenewal, Result: secret.ResultError}, want: "the Vault token was not renewed"},
		{name: "not given back", event: secret.Event{Type: secret.EventRevocation, Result: secret.ResultError, Err: errors.New("x")}, want: "level=WARN"},
		{name: "a panic", event: secret.Event{Type: secret.EventPanic, Operation: "x"}, want: "level=ERROR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			observe.NewSecretEvents(observe.NewMetrics(0), slog.New(slog.NewTextHandler(&out, nil))).Observe(tt.event)
			if !strings.Contains(out.String(), tt.want) || tt.want == "" && out.Len() > 0 {
				t.Errorf("got %q, want %q", &out, tt.want)
			}
		})
	}
}

func TestSecretEventsAreCounted(t *testing.T) {
	m := observe.NewMetrics(0)
	o := observe.NewSecretEvents(m, slog.New(slog.DiscardHandler))
	o.Observe(secret.Event{Type: secret.EventRefreshFailed, Reference: "a"})
	o.Observe(secret.Event{Type: secret.EventVersionRegressed, Reference: "a"})
	o.Observe(secret.Event{Type: secret.EventPanic})
	o.Observe(secret.Event{Type: secret.EventLogin, Result: secret.ResultOK})
	want := `
# HELP hookauthz_panics_total Panics that were recovered; any is a bug.
# TYPE hookauthz_panics_total counter
hookauthz_panics_total 1
# HELP hookauthz_secret_refresh_errors_total Reads of a secret that failed for want of an answer.
# TYPE hookauthz_secret_refresh_errors_total counter
hookauthz_secret_refresh_errors_total{reference="a"} 1
# HELP hookauthz_secret_version_regressed_total Times that a secret's version number fell.
# TYPE hookauthz_secret_version_regressed_total counter
hookauthz_secret_version_regressed_total{reference="a"} 1
# HELP hookauthz_vault_token_ttl_seconds Time that the Vault token has left; 0 if unknown, or if it does not expire.
# TYPE hookauthz_vault_token_ttl_seconds gauge
hookauthz_vault_token_ttl_seconds 0
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "hookauthz_panics_total",
		"hookauthz_secret_refresh_errors_total", "hookauthz_secret_version_regressed_total", "hookauthz_vault_token_ttl_seconds"); err != nil {
		t.Error(err)
	}
	o.Observe(secret.Event{Type: secret.EventLogin, Result: secret.ResultOK, TTL: time.Hour})
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "hookauthz_vault_token_ttl_seconds" {
			if got := f.GetMetric()[0].GetGauge().GetValue(); got < 3500 || got > 3600 {
				t.Errorf("ttl = %v, want about 3600", got)
			}
		}
	}
}

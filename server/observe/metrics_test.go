package observe_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/token"
)

// touched returns metrics of which every series exists.
func touched(t *testing.T) (*observe.Metrics, *observe.Observer) {
	t.Helper()
	m := observe.NewMetrics(0)
	o := observe.New(m, nil)
	e := allowed(t)
	e.Decision = allow(t, authz.Identity{Secret: "stripe", Signed: e.Time})
	e.Replay = "new"
	o.Record(&e)
	e.Decision = authz.Monitored(e.Decision)
	o.Record(&e)
	m.Monitored(1)
	m.KeySetRefreshFailed("ci")
	m.WatchKeySets(func() []observe.Freshness {
		return []observe.Freshness{{Name: "ci", State: "fresh", Age: time.Minute}, {Name: "new", State: "loading", Age: -1}}
	})
	m.TokenRequest("token", "issued")
	m.VaultRequest("kv_read", time.Millisecond)
	m.SecretRefreshFailed("stripe")
	m.SecretVersionRegressed("stripe")
	m.Reloaded("sha256:0", noon)
	m.WatchInflight(func() int64 { return 0 }, func() int64 { return 0 })
	m.WatchSecrets(func() []observe.Freshness {
		return []observe.Freshness{{Name: "stripe", State: "fresh", Age: time.Second}, {Name: "gone", State: "gone", Age: -1}}
	})
	return m, o
}

// Dashboards and alerts hang on these names: a change breaks them.
func TestMetricsAreTheGoldenList(t *testing.T) {
	m, _ := touched(t)
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "hookauthz_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		fmt.Fprintf(&list, "%s{%s} %s: %s\n", f.GetName(), strings.Join(labels, ","), strings.ToLower(f.GetType().String()), f.GetHelp())
	}
	golden(t, "testdata/metrics.txt", list.String())

	problems, err := testutil.GatherAndLint(m.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestRecordCountsClaims(t *testing.T) {
	m := observe.NewMetrics(0)
	o := observe.New(m, nil)
	for _, word := range []string{"new", "new", "repeat", "replayed", "unavailable", "local", "", "another word"} {
		e := allowed(t)
		e.Replay = word
		o.Record(&e)
	}
	want := `
# HELP hookauthz_replay_total Claims that a request is no replay, by what became of them.
# TYPE hookauthz_replay_total counter
hookauthz_replay_total{policy="stripe",result="duplicate"} 1
hookauthz_replay_total{policy="stripe",result="error"} 1
hookauthz_replay_total{policy="stripe",result="local"} 1
hookauthz_replay_total{policy="stripe",result="new"} 2
hookauthz_replay_total{policy="stripe",result="repeat"} 1
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "hookauthz_replay_total"); err != nil {
		t.Error(err)
	}
}

func TestRecordCounts(t *testing.T) {
	m := observe.NewMetrics(0)
	o := observe.New(m, nil)
	previous := allowed(t)
	previous.Decision = allow(t, authz.Identity{Secret: "s", Previous: true})
	noPolicy := denied(t)
	noPolicy.Policy, noPolicy.Checks = "", nil
	noPolicy.Decision = authz.Denied(authz.ReasonRouteNotFound, "")
	invented := denied(t)
	invented.Policy, invented.Checks = "named-by-somebody", nil
	invented.Decision = authz.Denied(authz.ReasonPolicyNotFound, "")
	for _, e := range []observe.Event{allowed(t), allowed(t), previous, denied(t), noPolicy, invented} {
		o.Record(&e)
	}
	want := `
# HELP hookauthz_accepted_total Requests allowed, by the age of the secret's version that matched.
# TYPE hookauthz_accepted_total counter
hookauthz_accepted_total{policy="none",version="current"} 0
hookauthz_accepted_total{policy="none",version="previous"} 0
hookauthz_accepted_total{policy="other",version="current"} 0
hookauthz_accepted_total{policy="other",version="previous"} 0
hookauthz_accepted_total{policy="stripe",version="current"} 2
hookauthz_accepted_total{policy="stripe",version="previous"} 1
# HELP hookauthz_decisions_total Requests decided.
# TYPE hookauthz_decisions_total counter
hookauthz_decisions_total{decision="allow",kind="mac",mode="enforce",policy="stripe",reason="verified"} 3
hookauthz_decisions_total{decision="deny",kind="mac",mode="enforce",policy="stripe",reason="signature_mismatch"} 1
hookauthz_decisions_total{decision="deny",kind="none",mode="enforce",policy="none",reason="policy_not_found"} 1
hookauthz_decisions_total{decision="deny",kind="none",mode="enforce",policy="none",reason="route_not_found"} 1
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "hookauthz_decisions_total", "hookauthz_accepted_total"); err != nil {
		t.Error(err)
	}
}

func TestRecordMeasuresSkew(t *testing.T) {
	m := observe.NewMetrics(0)
	o := observe.New(m, nil)
	for _, off := range []time.Duration{-4 * time.Second, 40 * time.Second} {
		e := allowed(t)
		e.Decision = allow(t, authz.Identity{Secret: "stripe", Signed: e.Time.Add(off)})
		o.Record(&e)
	}
	unsigned := allowed(t)
	o.Record(&unsigned)
	want := `
# HELP hookauthz_timestamp_skew_seconds How far signed times were from the server's clock, either way, in requests allowed.
# TYPE hookauthz_timestamp_skew_seconds histogram
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="1"} 0
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="2"} 0
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="5"} 1
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="10"} 1
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="30"} 1
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="60"} 2
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="120"} 2
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="300"} 2
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="600"} 2
hookauthz_timestamp_skew_seconds_bucket{policy="stripe",le="+Inf"} 2
hookauthz_timestamp_skew_seconds_sum{policy="stripe"} 44
hookauthz_timestamp_skew_seconds_count{policy="stripe"} 2
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "hookauthz_timestamp_skew_seconds"); err != nil {
		t.Error(err)
	}
}

func TestPoliciesBeyondTheLimitShareSeries(t *testing.T) {
	m := observe.NewMetrics(2)
	o := observe.New(m, nil)
	for i := range 5 {
		e := denied(t)
		e.Policy = fmt.Sprintf("p%d", i)
		o.Record(&e)
	}
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "hookauthz_decisions_total" {
			continue
		}
		for _, metric := range f.GetMetric() {
			for _, l := range metric.GetLabel() {
				if l.GetName() == "policy" {
					got[l.GetValue()] += metric.GetCounter().GetValue()
				}
			}
		}
	}
	if len(got) != 3 || got["p0"] != 1 || got["p1"] != 1 || got["other"] != 3 {
		t.Errorf("got %v, want p0 and p1 once and other three times", got)
	}
}

func TestInflight(t *testing.T) {
	m := observe.NewMetrics(0)
	m.WatchInflight(func() int64 { return 1 }, func() int64 { return 50 })
	want := `
# HELP hookauthz_inflight_body_bytes Bytes of the checks being answered; nearly all of it are bodies.
# TYPE hookauthz_inflight_body_bytes gauge
hookauthz_inflight_body_bytes 50
# HELP hookauthz_inflight_checks Checks being answered.
# TYPE hookauthz_inflight_checks gauge
hookauthz_inflight_checks 1
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "hookauthz_inflight_body_bytes", "hookauthz_inflight_checks"); err != nil {
		t.Error(err)
	}
}

func TestReloadKeepsOneConfigInfo(t *testing.T) {
	m := observe.NewMetrics(0)
	m.Reloaded("sha256:old", noon)
	m.Reloaded("sha256:new", noon)
	m.ReloadFailed()
	want := `
# HELP hookauthz_config_info The policy file in use, by hash.
# TYPE hookauthz_config_info gauge
hookauthz_config_info{hash="sha256:new"} 1
# HELP hookauthz_config_last_reload_successful Whether the last attempt to load the policy file succeeded.
# TYPE hookauthz_config_last_reload_successful gauge
hookauthz_config_last_reload_successful 0
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "hookauthz_config_info", "hookauthz_config_last_reload_successful"); err != nil {
		t.Error(err)
	}
}

// A policy that only watches counts what it would have denied, from 0 on.
func TestMonitoredIsCountedApart(t *testing.T) {
	m := observe.NewMetrics(0)
	o := observe.New(m, nil)
	agreed, disagreed := allowed(t), denied(t)
	agreed.Decision, agreed.Policy = authz.Monitored(agreed.Decision), "quiet"
	disagreed.Decision = authz.Monitored(disagreed.Decision)
	for _, e := range []observe.Event{allowed(t), denied(t), agreed, disagreed, disagreed} {
		o.Record(&e)
	}
	m.Monitored(2)
	want := `
# HELP hookauthz_decisions_total Requests decided.
# TYPE hookauthz_decisions_total counter
hookauthz_decisions_total{decision="allow",kind="mac",mode="enforce",policy="stripe",reason="verified"} 1
hookauthz_decisions_total{decision="allow",kind="mac",mode="monitor",policy="quiet",reason="verified"} 1
hookauthz_decisions_total{decision="deny",kind="mac",mode="enforce",policy="stripe",reason="signature_mismatch"} 1
hookauthz_decisions_total{decision="deny",kind="mac",mode="monitor",policy="stripe",reason="signature_mismatch"} 2
# HELP hookauthz_monitor_disagreements_total Requests that passed because their policy only watched, and that it would have denied.
# TYPE hookauthz_monitor_disagreements_total counter
hookauthz_monitor_disagreements_total{policy="quiet"} 0
hookauthz_monitor_disagreements_total{policy="stripe"} 2
# HELP hookauthz_monitored_policies Policies that only watch.
# TYPE hookauthz_monitored_policies gauge
hookauthz_monitored_policies 2
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want),
		"hookauthz_decisions_total", "hookauthz_monitor_disagreements_total", "hookauthz_monitored_policies"); err != nil {
		t.Error(err)
	}
}

func TestKeySets(t *testing.T) {
	m := observe.NewMetrics(0)
	m.WatchKeySets(func() []observe.Freshness {
		return []observe.Freshness{{Name: "ci", State: "stale", Age: time.Hour}, {Name: "new", State: "loading", Age: -1}}
	})
	m.KeySetRefreshFailed("ci")
	want := `
# HELP hookauthz_keyset_age_seconds Time since the key set was last fetched.
# TYPE hookauthz_keyset_age_seconds gauge
hookauthz_keyset_age_seconds{keyset="ci"} 3600
# HELP hookauthz_keyset_refresh_errors_total Fetches of a key set that failed.
# TYPE hookauthz_keyset_refresh_errors_total counter
hookauthz_keyset_refresh_errors_total{keyset="ci"} 1
# HELP hookauthz_keyset_state 1 for the state that the key set is in.
# TYPE hookauthz_keyset_state gauge
hookauthz_keyset_state{keyset="ci",state="stale"} 1
hookauthz_keyset_state{keyset="new",state="loading"} 1
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want),
		"hookauthz_keyset_age_seconds", "hookauthz_keyset_state", "hookauthz_keyset_refresh_errors_total"); err != nil {
		t.Error(err)
	}
}

// What became of token requests is a closed set: nothing that a client wrote
// becomes a label, and every word of the endpoint is known.
func TestTokenRequestsAreAClosedSet(t *testing.T) {
	m := observe.NewMetrics(0)
	var _ token.Recorder = m
	m.TokenRequest("named-by-somebody", "named-by-somebody")
	for _, operation := range []string{token.OperationToken, token.OperationRevoke} {
		for _, result := range token.Results() {
			m.TokenRequest(operation, result)
		}
	}
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "hookauthz_token_requests_total" {
			continue
		}
		for _, metric := range f.GetMetric() {
			got[metric.GetLabel()[0].GetValue()+" "+metric.GetLabel()[1].GetValue()] = metric.GetCounter().GetValue()
		}
	}
	want := map[string]float64{"other other": 1}
	for _, result := range token.Results() {
		want["token "+result], want["revoke "+result] = 1, 1
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// panicking is a check with a bug.
type panicking struct{}

func (panicking) Verify(context.Context, *authz.Request) (authz.Identity, error) { panic("bug") }

func TestTroubleIsCounted(t *testing.T) {
	m := observe.NewMetrics(0)
	o := observe.New(m, nil)
	for _, decision := range []authz.Decision{
		authz.Denied(authz.ReasonOverloaded, ""),
		authz.Denied(authz.ReasonGuardTripped, ""),
		authz.Decide(t.Context(), &authz.Request{}, authz.Require("mac", "", panicking{}), nil),
		authz.Denied(authz.ReasonBug, "another bug"),
	} {
		e := denied(t)
		e.Decision = decision
		o.Record(&e)
	}
	m.Panicked()
	want := `
# HELP hookauthz_guard_tripped_total Answers that the last guard before the wire turned into a denial; any is a bug.
# TYPE hookauthz_guard_tripped_total counter
hookauthz_guard_tripped_total 1
# HELP hookauthz_panics_total Panics that were recovered; any is a bug.
# TYPE hookauthz_panics_total counter
hookauthz_panics_total 2
# HELP hookauthz_shed_total Requests denied because of overload.
# TYPE hookauthz_shed_total counter
hookauthz_shed_total 1
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want),
		"hookauthz_shed_total", "hookauthz_guard_tripped_total", "hookauthz_panics_total"); err != nil {
		t.Error(err)
	}
}

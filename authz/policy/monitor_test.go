package policy_test

import (
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
)

const watching = `secrets: {s: {env: {name: S}}}
policies:
  enforced: {require: {api_key: {header: X-Key, secrets: [s]}}, upstream: {headers: {X-Sender: "{principal}"}}}
  watched:
    mode: monitor
    hosts: [hooks.example.com]
    methods: [POST]
    require: {api_key: {header: X-Key, secrets: [s]}}
    upstream: {headers: {X-Team: "{principal}"}}
`

// A policy that only watches lets pass what it denies, under its own hosts.
func TestMonitor(t *testing.T) {
	wantFindings(t, watching, policy.Options{}, "warning policies.watched.mode: lets every request pass")
	table := compile(t, watching)
	if got := table.Monitored(); got != 1 {
		t.Errorf("Monitored() = %d, want 1", got)
	}
	other := authztest.Request("POST", "/", "", "X-Key", "wrong")
	other.Host = "other.example.com"
	tests := []struct {
		name   string
		policy string
		r      *authz.Request
		want   authz.Reason
		passes bool
	}{
		{name: "enforced", policy: "enforced", r: authztest.Request("POST", "/", "", "X-Key", "wrong"), want: authz.ReasonAPIKeyInvalid},
		{name: "wrong", policy: "watched", r: authztest.Request("POST", "/", "", "X-Key", "wrong"), want: authz.ReasonAPIKeyInvalid, passes: true},
		{name: "absent", policy: "watched", r: authztest.Request("POST", "/", ""), want: authz.ReasonCredentialMissing, passes: true},
		{name: "method", policy: "watched", r: authztest.Request("GET", "/", ""), want: authz.ReasonMethodNotAllowed, passes: true},
		{name: "right", policy: "watched", r: authztest.Request("POST", "/", "", "X-Key", goodKey), want: authz.ReasonVerified, passes: true},
		{name: "under another host", policy: "watched", r: other, want: authz.ReasonPolicyNotAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := table.Named(tt.policy).Decide(t.Context(), tt.r, nil)
			if d.Reason() != tt.want || d.Passes() != tt.passes || d.Allowed() != (tt.want == authz.ReasonVerified) {
				t.Errorf("Decide() = %v, passes %v, allowed %v; want %v, %v", d.Reason(), d.Passes(), d.Allowed(), tt.want, tt.passes)
			}
		})
	}
}

// The upstream gets credentials as they came, and no header by which any policy
// tells who sent a request.
func TestMonitorLeavesTheRequest(t *testing.T) {
	p := compile(t, watching).Named("watched")
	r := authztest.Request("POST", "/", "", "X-Key", goodKey)
	d := p.Decide(t.Context(), r, nil)
	headers, err := p.AppendHeaders(nil, d, r)
	if err != nil || len(headers) > 0 || len(p.RemoveQuery()) > 0 {
		t.Errorf("AppendHeaders() = %v, %v; RemoveQuery() = %v", headers, err, p.RemoveQuery())
	}
	if got := p.RemoveHeaders(); !slices.Equal(got, []string{"x-sender", "x-team"}) {
		t.Errorf("RemoveHeaders() = %q", got)
	}
	if !p.Monitored() {
		t.Error("Monitored() = false")
	}
}

//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// failure_mode_allow lets a request pass when asking fails. It is not for use; but
// where it is set, no denial of ours may look like a failure.
func TestFailOpenDenies(t *testing.T) {
	late := stripe(event, time.Now().Add(-time.Hour))
	tests := []struct {
		name    string
		request request
		status  int
		reason  authz.Reason
	}{
		{name: "missing", request: github(event).without(githubHeader), status: 401, reason: authz.ReasonCredentialMissing},
		{name: "malformed", request: github(event).with(githubHeader, "x"), status: 401, reason: authz.ReasonDuplicateHeader},
		{name: "invalid", request: tampered(github(event)), status: 401, reason: authz.ReasonSignatureMismatch},
		{name: "stale", request: late, status: 401, reason: authz.ReasonTimestampStale},
		{name: "method", request: request{method: "PUT", path: "/hooks/github", body: event}, status: 403, reason: authz.ReasonMethodNotAllowed},
		{name: "address", request: tower(event).to("/e2e/by-another-peer"), status: 403, reason: authz.ReasonIPNotAllowed},
		{name: "no route", request: tower(event).to("/routed/nowhere"), status: 403, reason: authz.ReasonRouteNotFound},
		{name: "not configured", request: tower(event).to("/e2e/no-secret"), status: 500, reason: authz.ReasonSecretMissing},
		{name: "over the policy's limit", request: github(large(2000)).to("/e2e/small"), status: 413, reason: authz.ReasonBodyTooLarge},
		{name: "at the gateway's limit", request: github(large(limit)), status: 413, reason: authz.ReasonBodyTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shared.denied(t, shared.send(t, tt.request.on("fail-open")), tt.status, tt.reason)
		})
	}

	t.Run("cut body", func(t *testing.T) {
		whole := large(limit + 5000)
		shared.never(t, shared.sendFrames(t, github(whole[:limit]).on("fail-open"), frames(whole, true)), 413)
	})
	t.Run("over the limit", func(t *testing.T) {
		shared.refused(t, shared.send(t, github(large(limit+1)).on("fail-open")), 413, "request_payload_too_large")
	})
	t.Run("over --max-body", func(t *testing.T) {
		r := github(large(limit + 1)).on("fail-open-large")
		shared.denied(t, shared.send(t, r), 413, authz.ReasonBodyTooLarge)
		shared.denied(t, shared.sendFrames(t, r, frames(r.body, true)), 413, authz.ReasonBodyTooLarge)
	})
}

// A gateway whose limit is far above what the policy file states of it sends
// messages that gRPC itself refuses. That is a failure and no denial, so it is
// one more reason to fail closed.
func TestGatewayLimitMisstated(t *testing.T) {
	shared.refused(t, shared.send(t, github(large(3*limit)).on("huge")), 503, "ext_authz_error")
}

// Mistakes in the gateway's own configuration are ours to answer, not the
// sender's, and never lead to another policy.
func TestGatewayMistakes(t *testing.T) {
	d := shared.denied(t, shared.send(t, github(event).on("misnamed")), 500, authz.ReasonPolicyNotFound)
	if d.Policy != "" {
		t.Errorf("policy %q, want none", d.Policy)
	}
	shared.denied(t, shared.send(t, github(event).on("misattested")), 500, authz.ReasonGatewayNotAttested)
}

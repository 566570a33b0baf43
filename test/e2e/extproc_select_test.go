//go:build e2e

package e2e

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// A route's metadata names its policy, and what it names wins over `routes`.
func TestProcRouteMetadata(t *testing.T) {
	w := processed()
	r := request{listener: "metadata", path: "/e2e/keyed", body: event}.with("X-Api-Key", w.key)
	_, d := w.allowed(t, w.send(t, r))
	if d.SelectedBy != "route_metadata" || d.Policy != "keyed" {
		t.Errorf("decision log: %+v, want keyed by route_metadata", d)
	}
	w.refusedBy(t, w.send(t, r.to("/e2e/misnamed")), 500, authz.ReasonPolicyNotFound)
	w.refusedBy(t, w.send(t, r.to("/e2e/odd")), 500, authz.ReasonPolicyNotFound)
	_, d = w.allowed(t, w.send(t, github(event).to("/routed/github").on("metadata")))
	if d.SelectedBy != "route" {
		t.Errorf("selected by %s, want route", d.SelectedBy)
	}
}

// The connection's certificate is an attribute of the request.
func TestProcCertificates(t *testing.T) {
	w := processed()
	to := func(c *certificate) request { return showing(c, "tls", "certified") }
	good := w.ours.issue(t, dns(partnerDNS))
	seen, _ := w.allowed(t, w.send(t, to(good)))
	if got := seen.header.Get("X-Webhook-Sender"); got != partnerDNS {
		t.Errorf("X-Webhook-Sender = %q, want %q", got, partnerDNS)
	}
	w.refusedBy(t, w.send(t, to(nil)), 401, authz.ReasonCredentialMissing)
	w.refusedBy(t, w.send(t, to(w.other.issue(t, dns(partnerDNS)))), 403, authz.ReasonCertificateUntrusted)
	w.refusedBy(t, w.send(t, to(w.ours.issue(t, dns("elsewhere.example")))), 403, authz.ReasonCertificateNotAllowed)
}

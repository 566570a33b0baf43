//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// Of one authority's certificates some only.
func TestPinnedCertificate(t *testing.T) {
	w := identity()
	name := dns(partnerDNS)
	key, _ := w.pinned.pair.PrivateKey.(*ecdsa.PrivateKey) // ours always are
	renewed, renamed := w.ours.issueFor(t, key, name), w.ours.issueFor(t, key, dns("other.example"))
	another := w.ours.issue(t, name)
	issued, _ := shared.bao.issue(t, "pki", "clients")
	below := w.intermediate.issue(t, name).with(t, w.intermediate)
	for _, tt := range []struct {
		name, policy string
		certificate  *certificate
		listener     string       // "" is asking
		principal    string       // of whom it lets in
		reason       authz.Reason // of whom it does not
	}{
		{name: "fingerprint", policy: "pin-fingerprint", certificate: w.pinned, principal: "sha256:" + w.pinned.fingerprint()},
		{name: "another fingerprint", policy: "pin-fingerprint", certificate: another, reason: authz.ReasonCertificateNotAllowed},
		{name: "another fingerprint of the same key", policy: "pin-fingerprint", certificate: renewed, reason: authz.ReasonCertificateNotAllowed},

		{name: "key", policy: "pin-key", certificate: w.pinned, principal: "sha256:" + w.pinned.fingerprint()},
		{name: "key, renewed", policy: "pin-key", certificate: renewed, principal: "sha256:" + renewed.fingerprint()},
		{name: "another key", policy: "pin-key", certificate: another, reason: authz.ReasonCertificateNotAllowed},
		{name: "key and name", policy: "pin-key-name", certificate: renewed, principal: partnerDNS},
		{name: "key and another name", policy: "pin-key-name", certificate: renamed, reason: authz.ReasonCertificateNotAllowed},
		{name: "name and another key", policy: "pin-key-name", certificate: another, reason: authz.ReasonCertificateNotAllowed},
		{name: "key of another authority", policy: "pin-key", certificate: w.other.issueFor(t, key, name), reason: authz.ReasonCertificateUntrusted},

		{name: "issuer", policy: "pin-issuer", certificate: another, principal: partnerDNS},
		{name: "another anchor", policy: "pin-issuer", certificate: issued, reason: authz.ReasonCertificateNotAllowed},
		{name: "issuer and another name", policy: "pin-issuer", certificate: renamed, reason: authz.ReasonCertificateNotAllowed},
		{name: "issuer below the anchor", policy: "pin-issuer-xfcc", listener: setting, certificate: below, principal: partnerDNS},
		{name: "the anchor itself", policy: "pin-issuer-xfcc", listener: setting, certificate: another, reason: authz.ReasonCertificateNotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.listener == "" {
				tt.listener = asking
			}
			got := w.send(t, showing(tt.certificate, tt.listener, tt.policy))
			if tt.principal == "" {
				w.denied(t, got, 403, tt.reason)
				return
			}
			if _, d := w.allowed(t, got); d.Principal != tt.principal {
				t.Errorf("principal %q, want %q", d.Principal, tt.principal)
			}
		})
	}
}

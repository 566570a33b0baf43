//go:build e2e

package e2e

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// What a client writes into the header that tells of certificates counts nowhere.
func TestForgedForwardedCertificate(t *testing.T) {
	w := identity()
	good := w.ours.issue(t, dns(partnerDNS), uri(partnerSPIFFE))
	bad := w.other.issue(t, dns(partnerDNS))
	text := "Hash=" + good.fingerprint() + ";Cert=\"" + escapePEM(good.leaf) + "\";URI=" + partnerSPIFFE + ";DNS=" + partnerDNS
	for _, listener := range []string{"", asking, setting, passing} {
		t.Run("listener "+listener, func(t *testing.T) {
			for _, policy := range []string{"cert-dns", "cert-xfcc", "cert-xfcc-spiffe"} {
				for name, c := range map[string]*certificate{"none": nil, "bad": bad} {
					r := showing(c, listener, policy).with(xfccHeader, text)
					if listener == "" {
						r.tls = nil
					}
					got := w.send(t, r)
					w.unseen(t, got)
					if got.status != 401 && got.status != 403 && got.status != 500 {
						t.Errorf("%s, certificate %s: status %d", policy, name, got.status)
					}
				}
			}
			if listener == "" {
				return
			}
			seen, _ := w.allowed(t, w.send(t, showing(good, listener, "cert-dns").with(xfccHeader, "Subject=\"CN=boss\"")))
			if got := seen.header.Get(xfccHeader); listener == asking && got != "" || strings.Contains(got, "boss") && listener != passing {
				t.Errorf("%s upstream = %q", xfccHeader, got)
			}
		})
	}
	// Without the gateway's word that it drops what clients write, the header is not read.
	w.denied(t, w.send(t, showing(good, passing, "cert-xfcc").with(xfccHeader, text)), 500, authz.ReasonGatewayNotAttested)
	w.denied(t, w.send(t, showing(good, asking, "cert-xfcc")), 500, authz.ReasonGatewayNotAttested)
}

// The header as the gateway writes it.
func TestForwardedCertificate(t *testing.T) {
	w := identity()
	name := dns(partnerDNS)
	for _, tt := range []struct {
		name        string
		certificate *certificate
		policy      string // "" is cert-xfcc
		status      int
		reason      authz.Reason
	}{
		{name: "right", certificate: w.ours.issue(t, name), status: 200},
		{name: "right, with many names", certificate: w.ours.issue(t, dns("a.example", partnerDNS, "b.example"), uri("https://a.example/x?y=1")), status: 200},
		{name: "right SPIFFE id", policy: "cert-xfcc-spiffe", certificate: w.ours.issue(t, uri(partnerSPIFFE)), status: 200},
		{name: "of an intermediate that the client shows", certificate: w.intermediate.issue(t, name).with(t, w.intermediate), status: 200},
		{name: "of an intermediate that is not told", certificate: w.intermediate.issue(t, name), status: 403, reason: authz.ReasonCertificateUntrusted},
		{name: "of another issuer, which the client shows", certificate: w.other.issue(t, name).with(t, w.other), status: 403, reason: authz.ReasonCertificateUntrusted},
		{name: "expired", certificate: w.ours.issue(t, name, expires(time.Now().Add(-time.Minute))), status: 403, reason: authz.ReasonCertificateExpired},
		{name: "for servers only", certificate: w.ours.issue(t, name, usage(x509.ExtKeyUsageServerAuth)), status: 403, reason: authz.ReasonCertificateUntrusted},
		{name: "of another name", certificate: w.ours.issue(t, dns("other.example")), status: 403, reason: authz.ReasonCertificateNotAllowed},
		{name: "a subject that looks like the header", certificate: w.ours.issue(t, commonName(`x";DNS=`+partnerDNS+`;Subject="`)), status: 403, reason: authz.ReasonCertificateNotAllowed},
		{name: "none", status: 401, reason: authz.ReasonCredentialMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.policy == "" {
				tt.policy = "cert-xfcc"
			}
			got := w.send(t, showing(tt.certificate, setting, tt.policy))
			if tt.status == 200 {
				w.allowed(t, got)
				return
			}
			w.denied(t, got, tt.status, tt.reason)
		})
	}
	// Names that would read as more fields, or more certificates, of the header, for
	// Envoy does not quote them: nobody gets in with one, and the partner himself
	// had better show his on the connection.
	for _, text := range []string{
		"https://other.example/x;y",
		"https://other.example/x,y",
		"spiffe://other.example/x;URI=" + partnerSPIFFE,
		"spiffe://other.example/x;DNS=" + partnerDNS,
		"https://other.example/x,URI=" + partnerSPIFFE,
		"https://other.example/x;Cert=y,By=z;URI=" + partnerSPIFFE,
	} {
		c := w.ours.issue(t, uri(text), dns(pick(strings.HasSuffix(text, "y"), partnerDNS, "other.example")))
		for _, policy := range []string{"cert-xfcc", "cert-xfcc-spiffe"} {
			got := w.send(t, showing(c, setting, policy))
			w.unseen(t, got)
			if got.status != 401 && got.status != 403 {
				t.Errorf("URI %q, %s: status %d", text, policy, got.status)
			}
		}
		w.denied(t, w.send(t, showing(c, asking, "cert-spiffe")), 403, authz.ReasonCertificateNotAllowed)
	}
}

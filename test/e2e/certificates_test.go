//go:build e2e

package e2e

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Names of the listeners that speak TLS.
const (
	verifying = "tls-verifying" // Envoy demands a certificate of ours and verifies it
	asking    = "tls-asking"    // Envoy takes whatever certificate is shown, or none
	setting   = "tls-setting"   // the same, and Envoy writes X-Forwarded-Client-Cert
	passing   = "tls-passing"   // the same, and what clients write there gets through
	bare      = "tls-bare"      // Envoy does not tell of certificates at all
)

const xfccHeader = "X-Forwarded-Client-Cert"

// listeners are those of the identity world that speak TLS.
func (i *identityWorld) listeners(s scope) []variant {
	s.Helper()
	server := i.ours.issue(s, dns("hooks.example.com"))
	verified := tree{"trusted_ca": tree{"filename": i.ours.file}}
	untrusted := tree{"trusted_ca": tree{"filename": i.ours.file}, "trust_chain_verification": "ACCEPT_UNTRUSTED"}
	return []variant{
		{name: verifying, change: func(l listener) { l.secure(server, verified, true) }},
		{name: asking, change: func(l listener) { l.secure(server, untrusted, false) }},
		{name: setting, change: func(l listener) {
			l.secure(server, untrusted, false)
			l.http()["forward_client_cert_details"] = "SANITIZE_SET"
			l.http()["set_current_client_cert_details"] = tree{"subject": true, "cert": true, "chain": true, "dns": true, "uri": true}
			for _, policy := range readsHeader() {
				settings := named(policy)
				treeAt(settings, "context_extensions")["hookauthz.xfcc"] = "sanitize_set"
				l.add("path", "/e2e/"+policy, settings)
			}
		}},
		{name: passing, change: func(l listener) {
			l.secure(server, untrusted, false)
			l.http()["forward_client_cert_details"] = "ALWAYS_FORWARD_ONLY"
		}},
		{name: bare, change: func(l listener) {
			l.secure(server, untrusted, false)
			delete(l.filter(), "include_peer_certificate")
		}},
	}
}

// secure makes l speak TLS, with a certificate of its own and a validation context
// for those of clients.
func (l listener) secure(server *certificate, validation tree, required bool) {
	treeAt(tree(l), "filter_chains.0")["transport_socket"] = tree{"name": "envoy.transport_sockets.tls", "typed_config": tree{
		"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
		"common_tls_context": tree{
			"tls_certificates":   []any{tree{"certificate_chain": tree{"filename": server.cert}, "private_key": tree{"filename": server.key}}},
			"validation_context": validation,
		},
		"require_client_certificate": required,
	}}
	l.filter()["include_peer_certificate"] = true
}

// showing is a request of a route /e2e/POLICY over TLS, with c as the client's
// certificate; nil for none.
func showing(c *certificate, listener, policy string) request {
	return request{listener: listener, path: "/e2e/" + policy, body: event, tls: c.client()}
}

const (
	partnerDNS    = "partner.example"
	partnerURI    = "https://partner.example/hooks"
	partnerSPIFFE = "spiffe://partner.example/sender"
)

// Certificates that hold, on both kinds of listeners.
func TestClientCertificate(t *testing.T) {
	w := identity()
	named := w.ours.issue(t, dns(partnerDNS, "other.example"), uri(partnerURI))
	spiffe := w.ours.issue(t, uri(partnerSPIFFE))
	issued, _ := shared.bao.issue(t, "pki", "clients")
	for _, tt := range []struct {
		name, policy, principal string
		certificate             *certificate
		only                    string // listener; "" for both
	}{
		{name: "DNS name", policy: "cert-dns", certificate: named, principal: partnerDNS},
		{name: "URI", policy: "cert-uri", certificate: named, principal: partnerURI},
		{name: "SPIFFE id", policy: "cert-spiffe", certificate: spiffe, principal: partnerSPIFFE},
		{name: "any name", policy: "cert-any", certificate: spiffe, principal: "sha256:" + spiffe.fingerprint()},
		{name: "anchor in Vault's KV", policy: "cert-kv", certificate: named, principal: partnerDNS},
		{name: "anchor in Vault's PKI", policy: "cert-pki", certificate: issued, principal: partnerDNS, only: asking},
		{name: "two anchors, the one", policy: "cert-both", certificate: issued, principal: partnerDNS, only: asking},
		{name: "two anchors, the other", policy: "cert-both", certificate: named, principal: partnerDNS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, listener := range []string{verifying, asking} {
				if tt.only != "" && tt.only != listener {
					continue
				}
				seen, d := w.allowed(t, w.send(t, showing(tt.certificate, listener, tt.policy)))
				if d.Principal != tt.principal || d.Policy != tt.policy {
					t.Errorf("%s: principal %q of policy %q, want %q of %q", listener, d.Principal, d.Policy, tt.principal, tt.policy)
				}
				if got := seen.header.Get("X-Webhook-Sender"); tt.policy == "cert-dns" && got != tt.principal {
					t.Errorf("%s: X-Webhook-Sender = %q, want %q", listener, got, tt.principal)
				}
			}
		})
	}
}

// Certificates that do not hold. Where Envoy verifies them, most end the
// connection; where it does not, it is ours to tell.
func TestClientCertificateRefused(t *testing.T) {
	w := identity()
	now := time.Now()
	name := dns(partnerDNS)
	impostor := newAuthority(t, nil)
	impostor.cert.Subject = w.ours.cert.Subject // by name it is ours
	client := x509.ExtKeyUsageClientAuth
	issued, _ := shared.bao.issue(t, "pki", "clients")
	stranger, _ := shared.bao.issue(t, "pki", "strangers")
	for _, tt := range []struct {
		name        string
		certificate *certificate
		policy      string // "" is cert-dns
		passesEnvoy bool
		status      int // 0 is 403
		reason      authz.Reason
	}{
		{name: "none", status: 401, reason: authz.ReasonCredentialMissing},
		{name: "of another issuer", certificate: w.other.issue(t, name), reason: authz.ReasonCertificateUntrusted},
		{name: "of an issuer that has our issuer's name", certificate: impostor.issue(t, name), reason: authz.ReasonCertificateUntrusted},
		{name: "of a certificate that is no authority", certificate: byLeaf(t, w.ours, name), reason: authz.ReasonCertificateUntrusted},
		{name: "of an intermediate that is not told", certificate: w.intermediate.issue(t, name), reason: authz.ReasonCertificateUntrusted},
		{name: "of an intermediate that the client shows", certificate: w.intermediate.issue(t, name).with(t, w.intermediate), passesEnvoy: true, reason: authz.ReasonCertificateUntrusted},
		{name: "expired", certificate: w.ours.issue(t, name, expires(now.Add(-time.Minute))), reason: authz.ReasonCertificateExpired},
		{name: "not valid yet", certificate: w.ours.issue(t, name, begins(now.Add(10*time.Minute))), reason: authz.ReasonCertificateExpired},
		{name: "for servers only", certificate: w.ours.issue(t, name, usage(x509.ExtKeyUsageServerAuth)), reason: authz.ReasonCertificateUntrusted},
		{name: "for nothing in particular", certificate: w.ours.issue(t, name, usage()), passesEnvoy: true, reason: authz.ReasonCertificateUntrusted},
		{name: "of another name", certificate: w.ours.issue(t, dns("other.example"), usage(client)), passesEnvoy: true, reason: authz.ReasonCertificateNotAllowed},
		{name: "with the name as common name only", certificate: w.ours.issue(t, commonName(partnerDNS)), passesEnvoy: true, reason: authz.ReasonCertificateNotAllowed},
		{name: "of a name below", certificate: w.ours.issue(t, dns("a."+partnerDNS)), passesEnvoy: true, reason: authz.ReasonCertificateNotAllowed},
		{name: "with a wildcard", certificate: w.ours.issue(t, dns("*.example")), passesEnvoy: true, reason: authz.ReasonCertificateNotAllowed},
		{name: "of a SPIFFE id below", policy: "cert-spiffe", certificate: w.ours.issue(t, uri(partnerSPIFFE+"/x")), passesEnvoy: true, reason: authz.ReasonCertificateNotAllowed},
		{name: "of two SPIFFE ids", policy: "cert-spiffe", certificate: w.ours.issue(t, uri(partnerSPIFFE, "spiffe://partner.example/boss")), passesEnvoy: true, reason: authz.ReasonCertificateNotAllowed},
		{name: "of Vault, for the anchors in a file", certificate: issued, reason: authz.ReasonCertificateUntrusted},
		{name: "of ours, for the anchors in Vault", policy: "cert-pki", certificate: w.ours.issue(t, name), passesEnvoy: true, reason: authz.ReasonCertificateUntrusted},
		{name: "of another issuer of the same engine", policy: "cert-pki", certificate: stranger, reason: authz.ReasonCertificateUntrusted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.policy == "" {
				tt.policy = "cert-dns"
			}
			if tt.status == 0 {
				tt.status = 403
			}
			w.denied(t, w.send(t, showing(tt.certificate, asking, tt.policy)), tt.status, tt.reason)
			strict := showing(tt.certificate, verifying, tt.policy)
			if tt.passesEnvoy {
				w.denied(t, w.send(t, strict), tt.status, tt.reason)
				return
			}
			if got, err := w.try(strict); err == nil {
				t.Errorf("Envoy took the connection: status %d", got.status)
			}
		})
	}
	// Over plain text there is no certificate, and who is not told of one knows none.
	good := w.ours.issue(t, name)
	w.denied(t, w.send(t, request{path: "/e2e/cert-dns", body: event}), 401, authz.ReasonCredentialMissing)
	w.denied(t, w.send(t, showing(good, bare, "cert-dns")), 401, authz.ReasonCredentialMissing)
}

// byLeaf returns a certificate that a mere client of a signed.
func byLeaf(s scope, a *authority, wishes ...wish) *certificate {
	s.Helper()
	leaf := &authority{key: newKey(s)}
	cert := template("leaf")
	cert.DNSNames = []string{partnerDNS}
	cert.KeyUsage = x509.KeyUsageDigitalSignature
	der := a.sign(s, cert, leaf.key)
	var err error
	if leaf.cert, err = x509.ParseCertificate(der); err != nil {
		s.Fatalf("%v", err)
	}
	return leaf.issue(s, wishes...)
}

func commonName(name string) wish {
	return func(c *x509.Certificate) { c.Subject.CommonName = name }
}

// A continued session spares the gateway its look at the certificate, not us.
func TestResumedSession(t *testing.T) {
	t.Parallel()
	w := identity()
	for _, listener := range []string{verifying, asking} {
		t.Run(listener, func(t *testing.T) {
			end := time.Now().Add(6 * time.Second)
			c := w.ours.issue(t, dns(partnerDNS), expires(end))
			r := showing(c, listener, "cert-dns")
			first := w.send(t, r)
			w.allowed(t, first)
			second := w.send(t, r)
			w.allowed(t, second)
			if first.resumed || !second.resumed {
				t.Fatalf("sessions continued: %v, then %v; want the second", first.resumed, second.resumed)
			}
			time.Sleep(time.Until(end.Add(1500 * time.Millisecond))) // certificates count whole seconds
			third := w.send(t, r)
			if !third.resumed {
				t.Fatal("the third connection continued no session: it shows nothing")
			}
			w.denied(t, third, 403, authz.ReasonCertificateExpired)
			if _, err := w.try(showing(c, verifying, "cert-dns")); err == nil {
				t.Error("Envoy took an expired certificate anew")
			}
		})
	}
}

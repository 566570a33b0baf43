//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A certificate that Vault's PKI engine revokes is refused once the list was read
// again.
func TestRevokedCertificate(t *testing.T) {
	t.Parallel()
	w := identity()
	for _, policy := range []string{"cert-revocable", "cert-revocable-soft"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			bad, serial := shared.bao.issue(t, "pki", "clients")
			good, _ := shared.bao.issue(t, "pki", "clients")
			w.allowed(t, w.send(t, showing(bad, asking, policy)))
			shared.bao.revoke(t, "pki", serial)
			w.denied(t, w.turns(t, 15*time.Second, showing(bad, asking, policy), 200, 403), 403, authz.ReasonCertificateRevoked)
			w.allowed(t, w.send(t, showing(good, asking, policy)))
			// Who does not ask for the list does not learn it.
			w.allowed(t, w.send(t, showing(bad, asking, "cert-pki")))
		})
	}
}

// Lists that are out of date, missing, or somebody else's.
func TestRevocationLists(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t, nil), newAuthority(t, nil)
	good, bad := ours.issue(t, dns(partnerDNS)), ours.issue(t, dns(partnerDNS))
	later := time.Now().Add(time.Hour)
	anchors, list := writeFile(t, "ca.crt", ours.pem), writeFile(t, "list.crl", ours.revoke(t, 1, later, bad))
	folder := fill(t, map[string]string{"ANCHORS": anchors, "LIST": list}, "revocation.yaml")
	i := &identityWorld{ours: ours}
	w := newWorld(t, setup{config: folder, policies: policyNames(t, folder), listeners: i.listeners(t)})
	hard, soft := "revocable", "revocable-soft"
	ask := func(c *certificate, policy string) reply { return w.send(t, showing(c, asking, policy)) }

	w.allowed(t, ask(good, hard))
	w.allowed(t, ask(good, soft))
	w.denied(t, ask(bad, hard), 403, authz.ReasonCertificateRevoked)
	w.denied(t, ask(bad, soft), 403, authz.ReasonCertificateRevoked)

	// A new list takes effect.
	replaceFile(t, list, ours.revoke(t, 2, later, bad, good))
	w.denied(t, w.turns(t, 10*time.Second, showing(good, asking, hard), 200, 403), 403, authz.ReasonCertificateRevoked)

	// One that is older than the one we hold takes nothing back.
	replaceFile(t, list, ours.revoke(t, 1, later, bad))
	time.Sleep(2 * time.Second)
	w.denied(t, ask(good, hard), 403, authz.ReasonCertificateRevoked)
	w.denied(t, ask(bad, soft), 403, authz.ReasonCertificateRevoked)

	// Nor does one of another issuer.
	replaceFile(t, list, other.revoke(t, 9, later))
	time.Sleep(2 * time.Second)
	for _, c := range []*certificate{good, bad} {
		for _, policy := range []string{hard, soft} {
			got := ask(c, policy)
			w.unseen(t, got)
			if got.status != 403 && got.status != 503 {
				t.Errorf("%s: status %d after somebody else's list", policy, got.status)
			}
		}
	}

	// What is out of date: hard says 503, soft goes by it.
	replaceFile(t, list, ours.revoke(t, 10, time.Now().Add(-time.Minute), bad))
	w.denied(t, w.turns(t, 10*time.Second, showing(good, asking, hard), 403, 503), 503, authz.ReasonCRLUnavailable)
	w.turns(t, 5*time.Second, showing(good, asking, soft), 403, 200)
	w.denied(t, ask(bad, soft), 403, authz.ReasonCertificateRevoked)

	// And back.
	replaceFile(t, list, ours.revoke(t, 11, later, bad))
	w.turns(t, 10*time.Second, showing(good, asking, hard), 503, 200)
	w.denied(t, ask(bad, hard), 403, authz.ReasonCertificateRevoked)
}

// An authority is replaced as the runbook has it: trust both, let senders change
// over, drop the old one. Nothing is refused meanwhile.
func TestAnchorRotation(t *testing.T) {
	t.Parallel()
	old, fresh := newAuthority(t, nil), newAuthority(t, nil)
	before, after := old.issue(t, dns(partnerDNS)), fresh.issue(t, dns(partnerDNS))
	anchors := writeFile(t, "ca.crt", old.pem)
	folder := fill(t, map[string]string{"ANCHORS": anchors}, "anchors.yaml")
	b := startBao(t)
	b.put(t, "anchors", map[string]string{"pem": old.pem})
	i := &identityWorld{ours: old}
	w := newWorld(t, setup{bao: b, config: folder, policies: policyNames(t, folder), listeners: i.listeners(t)})
	for _, policy := range []string{"in-file", "in-vault"} {
		w.allowed(t, w.send(t, showing(before, asking, policy)))
		w.denied(t, w.send(t, showing(after, asking, policy)), 403, authz.ReasonCertificateUntrusted)
	}
	senders := w.startLoad(t, func() request { return showing(before, asking, "in-file") })
	replaceFile(t, anchors, old.pem+fresh.pem)
	w.turns(t, 10*time.Second, showing(after, asking, "in-file"), 403, 200)
	w.allowed(t, w.send(t, showing(before, asking, "in-file")))
	senders.allPassed(t)
	replaceFile(t, anchors, fresh.pem)
	w.denied(t, w.turns(t, 10*time.Second, showing(before, asking, "in-file"), 200, 403), 403, authz.ReasonCertificateUntrusted)
	w.allowed(t, w.send(t, showing(after, asking, "in-file")))

	// In Vault the version before stays good for previous_for: one write is enough.
	senders = w.startLoad(t, func() request { return showing(before, asking, "in-vault") })
	b.put(t, "anchors", map[string]string{"pem": fresh.pem})
	w.turns(t, 10*time.Second, showing(after, asking, "in-vault"), 403, 200)
	w.allowed(t, w.send(t, showing(before, asking, "in-vault")))
	senders.allPassed(t)
	w.denied(t, w.turns(t, 15*time.Second, showing(before, asking, "in-vault"), 200, 403), 403, authz.ReasonCertificateUntrusted)
	w.allowed(t, w.send(t, showing(after, asking, "in-vault")))
}

// A list of Vault's PKI engine that runs out, and a Vault that goes away: what is
// known serves on for a while, and hard does not guess.
func TestPKIOutage(t *testing.T) {
	t.Parallel()
	b := startBao(t)
	b.mountPKI(t, "pki", "clients", "strangers")
	c, _ := b.issue(t, "pki", "clients")
	i := &identityWorld{ours: newAuthority(t, nil)}
	folder := fill(t, map[string]string{"ANCHORS": i.ours.file}, "certificates.yaml")
	b.put(t, "anchors", map[string]string{"pem": i.ours.pem})
	w := newWorld(t, setup{
		bao: b, config: folder, policies: policyNames(t, folder), listeners: append(i.listeners(t), failOpen), flags: []string{"--max-stale=8s"},
	})
	hard, soft := showing(c, asking, "cert-revocable"), showing(c, asking, "cert-revocable-soft")
	w.allowed(t, w.send(t, hard))
	w.allowed(t, w.send(t, soft))

	rotate := func(expiry string) {
		b.call(t, "POST", "pki/config/crl", map[string]any{"expiry": expiry})
		b.call(t, "GET", "pki/crl/rotate", nil)
	}
	rotate("3s")
	w.denied(t, w.turns(t, 20*time.Second, hard, 200, 503), 503, authz.ReasonCRLUnavailable)
	w.allowed(t, w.send(t, soft))
	rotate("72h")
	w.turns(t, 20*time.Second, hard, 503, 200)

	b.kill()
	for range 10 {
		w.allowed(t, w.send(t, hard))
	}
	w.denied(t, w.turns(t, 20*time.Second, hard, 200, 503), 503, authz.ReasonSecretUnavailable)
	w.denied(t, w.turns(t, 10*time.Second, soft, 200, 503), 503, authz.ReasonSecretUnavailable)
	stranger := i.ours.issue(t, dns(partnerDNS))
	w.denied(t, w.send(t, showing(stranger, asking, "cert-revocable")), 503, authz.ReasonSecretUnavailable)
	w.allowed(t, w.send(t, showing(stranger, asking, "cert-dns"))) // of a file
}

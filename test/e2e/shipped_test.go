//go:build e2e

package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Both programs find nothing wrong with the files that users start from.
func TestShippedFiles(t *testing.T) {
	for _, command := range [][]string{
		{program(t, "HOOKAUTHZ_ENVOY", "make tools"), "--mode", "validate", "-c", shippedEnvoy},
		{program(t, "HOOKAUTHZ_BIN", "make build"), "check", shippedPolicy},
		{program(t, "HOOKAUTHZ_BIN", "make build"), "check", shippedTLSPolicy},
	} {
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "warning") || strings.Contains(string(out), "deprecated") {
			t.Errorf("%q: %v\n%s", command, err, out)
		}
	}
}

// Whatever route a sender tries, without a credential nothing gets through.
func TestEveryShippedRouteIsClosed(t *testing.T) {
	routes := listAt(readEnvoy(t, shippedEnvoy), "static_resources.listeners.0.filter_chains.0.filters.0.typed_config.route_config.virtual_hosts.0.routes")
	checked := 0
	for _, route := range routes {
		match := treeAt(route, "match")
		path, _ := match["path"].(string)
		if prefix, ok := match["prefix"].(string); ok {
			path = prefix + "github"
		}
		if path == "/healthz" {
			continue
		}
		checked++
		for _, method := range []string{"POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD"} {
			got := shared.send(t, request{method: method, path: path, body: []byte{}})
			shared.unseen(t, got)
			if got.status < http.StatusBadRequest || got.header.Get("X-Hookauthz-Decision-Id") == "" {
				t.Errorf("%s %s: status %d, want a denial by hookauthz", method, path, got.status)
			}
		}
	}
	if checked < 10 {
		t.Errorf("%d routes checked, want 10 at least", checked)
	}
}

// The routes that are not asked about are those that say so.
func TestUnaskedRoutes(t *testing.T) {
	got := shared.send(t, request{method: "GET", path: "/healthz"})
	if _, ok := shared.upstream.seen(got.id); got.status != http.StatusOK || !ok {
		t.Errorf("/healthz: status %d, want 200 by the upstream", got.status)
	}
	shared.refused(t, shared.send(t, request{path: "/elsewhere", body: event}), 404, "route_not_found")
}

// The files for senders with certificates do what they say; only their paths and
// ports are replaced. Envoy validates them when it starts.
func TestShippedClientCertificates(t *testing.T) {
	t.Parallel()
	b := startBao(t)
	bank, stranger := newAuthority(t, nil), newAuthority(t, nil)
	b.put(t, "bank-ca", map[string]string{"pem": bank.pem})
	b.put(t, "partner", map[string]string{"password": key("crm")})
	b.mountPKI(t, "pki", "partners")
	partner, serial := b.issue(t, "pki", "partners")
	partners, _ := b.call(t, "GET", "pki/issuer/partners/json", nil)["certificate"].(string)
	server, senders := bank.issue(t, dns("hooks.example.com")), writeFile(t, "senders.crt", bank.pem+partners)
	policy, err := filepath.Abs(shippedTLSPolicy)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{
		bao: b, envoy: shippedTLSEnvoy, config: policy, policies: []string{},
		ingress: func(l listener) {
			context := treeAt(tree(l), "filter_chains.0.transport_socket.typed_config.common_tls_context")
			own := treeAt(context, "tls_certificates.0")
			own["certificate_chain"], own["private_key"] = tree{"filename": server.cert}, tree{"filename": server.key}
			treeAt(context, "validation_context")["trusted_ca"] = tree{"filename": senders}
		},
	})
	to := func(path string, c *certificate) request { return request{path: path, body: event, tls: c.client()} }
	good := bank.issue(t, dns("webhooks.bank.example"))
	seen, _ := w.allowed(t, w.send(t, to("/hooks/bank", good)))
	if got := seen.header.Get("X-Webhook-Sender"); got != "webhooks.bank.example" {
		t.Errorf("X-Webhook-Sender = %q", got)
	}
	w.denied(t, w.send(t, to("/hooks/bank", bank.issue(t, dns("www.bank.example")))), 403, authz.ReasonCertificateNotAllowed)
	w.denied(t, w.send(t, to("/hooks/bank", partner)), 403, authz.ReasonCertificateUntrusted)
	for name, c := range map[string]*certificate{"none": nil, "a stranger's": stranger.issue(t, dns("webhooks.bank.example"))} {
		if got, err := w.try(to("/hooks/bank", c)); err == nil {
			t.Errorf("certificate %s: status %d, want no connection", name, got.status)
		}
	}

	password := crm("partner", key("crm")).value("Authorization")
	both := to("/hooks/partner", partner).with("Authorization", password)
	w.allowed(t, w.send(t, both))
	w.denied(t, w.send(t, both.without("Authorization")), 401, authz.ReasonCredentialMissing)
	w.denied(t, w.send(t, to("/hooks/partner", good).with("Authorization", password)), 403, authz.ReasonCertificateUntrusted)
	b.revoke(t, "pki", serial)
	w.denied(t, w.turns(t, 15*time.Second, both, 200, 403), 403, authz.ReasonCertificateRevoked)
}

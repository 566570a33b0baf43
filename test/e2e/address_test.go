//go:build e2e

package e2e

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// Addresses count as the gateway saw them. X-Forwarded-For is read from the right,
// where Envoy and the stated number of proxies wrote.
func TestSourceAddress(t *testing.T) {
	const xff = "X-Forwarded-For"
	tests := []struct {
		name   string
		path   string
		header []string // lines of X-Forwarded-For
		client string   // "": denied
	}{
		{name: "peer", path: "/e2e/by-peer", client: senderAddress},
		{name: "peer, whatever the header says", path: "/e2e/by-peer", header: []string{"192.0.2.1"}, client: senderAddress},
		{name: "another peer", path: "/e2e/by-another-peer"},
		{name: "another peer, forged", path: "/e2e/by-another-peer", header: []string{"192.0.2.1"}},
		{name: "another peer, forged twice", path: "/e2e/by-another-peer", header: []string{"192.0.2.1", "192.0.2.1, 192.0.2.1"}},

		{name: "forwarded, no proxy", path: "/e2e/by-forwarded", client: senderAddress},
		{name: "forwarded, no proxy, forged", path: "/e2e/by-forwarded", header: []string{"192.0.2.1"}, client: senderAddress},
		{name: "forwarded, no proxy, rubbish", path: "/e2e/by-forwarded", header: []string{"unknown, ,"}, client: senderAddress},

		{name: "one proxy", path: "/e2e/by-hop", header: []string{"203.0.113.9"}, client: "203.0.113.9"},
		{name: "one proxy, what the sender wrote before", path: "/e2e/by-hop", header: []string{"192.0.2.1, nonsense, 203.0.113.9"}, client: "203.0.113.9"},
		{name: "one proxy, two lines", path: "/e2e/by-hop", header: []string{"192.0.2.1", "203.0.113.9"}, client: "203.0.113.9"},
		{name: "one proxy, IPv4 in IPv6", path: "/e2e/by-hop", header: []string{"::ffff:203.0.113.9"}, client: "203.0.113.9"},
		{name: "one proxy, forged", path: "/e2e/by-hop", header: []string{"203.0.113.9, 192.0.2.1"}},
		{name: "one proxy, unreadable", path: "/e2e/by-hop", header: []string{"203.0.113.9, unknown"}},
		{name: "one proxy, with a port", path: "/e2e/by-hop", header: []string{"203.0.113.9:443"}},
		{name: "one proxy, none there", path: "/e2e/by-hop"},
		{name: "one proxy, empty entry", path: "/e2e/by-hop", header: []string{"203.0.113.9,"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tower(event).to(tt.path)
			for _, line := range tt.header {
				r = r.with(xff, line)
			}
			got := shared.send(t, r)
			if tt.client == "" {
				if d := shared.denied(t, got, 403, authz.ReasonIPNotAllowed); d.SourceIP != senderAddress {
					t.Errorf("source_ip in the log = %q, want the peer's", d.SourceIP)
				}
				return
			}
			if _, d := shared.allowed(t, got); d.ClientIP != tt.client || d.SourceIP != senderAddress {
				t.Errorf("decision log: client_ip %q, source_ip %q; want %q, %q", d.ClientIP, d.SourceIP, tt.client, senderAddress)
			}
		})
	}
	// An address alone opens nothing.
	shared.denied(t, shared.send(t, request{path: "/e2e/by-peer", body: event}), 401, authz.ReasonCredentialMissing)
}

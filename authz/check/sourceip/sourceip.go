// Package sourceip is the check of kind source_ip: the request comes from a
// listed address. By itself that authenticates nobody.
package sourceip

import (
	"context"
	"net/netip"

	"github.com/hookauthz/hookauthz/authz"
)

// A Check passes requests from its addresses.
type Check struct {
	allow     []addressRange // sorted, disjoint
	forwarded bool
	hops      uint32
}

var _ authz.Check = (*Check)(nil)

// Verify implements [authz.Check]. It returns no principal. A client whose
// address can't be told is not in the list: the connection has none, or
// X-Forwarded-For has too few entries or unreadable ones. Where the gateway is
// not stated to append to that header, anybody may have written it, and the
// answer is [authz.ReasonGatewayNotAttested].
func (c *Check) Verify(_ context.Context, r *authz.Request) (authz.Identity, error) {
	if !c.forwarded {
		return c.judge(r.Peer.Unmap(), r.Peer.IsValid(), "the connection has no IP address")
	}
	if !r.Gateway.XFFAppended {
		return authz.Identity{}, authz.Deny(authz.ReasonGatewayNotAttested, "forwarded_for needs gateway.xff to be stated")
	}
	client, ok := authz.ForwardedFor(r, c.hops)
	return c.judge(client, ok, "X-Forwarded-For does not tell the client's address")
}

func (c *Check) judge(client netip.Addr, known bool, unknown string) (authz.Identity, error) {
	switch {
	case !known:
		return authz.Identity{}, authz.Deny(authz.ReasonIPNotAllowed, unknown)
	case client.Zone() != "" || !find(c.allow, client):
		return authz.Identity{}, authz.Deny(authz.ReasonIPNotAllowed, "the address is not in the list")
	}
	return authz.Identity{}, nil
}

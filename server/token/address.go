package token

import (
	"net/http"
	"net/netip"

	"github.com/hookauthz/hookauthz/authz"
)

// addressOf returns where r comes from, never IPv4-mapped. Behind trusted proxies
// that is what they wrote into X-Forwarded-For; what can't be read there leaves
// the connection's own address, which all such requests share.
func addressOf(r *http.Request, trustedHops *uint32) netip.Addr {
	if trustedHops != nil {
		forwarded := authz.Request{Gateway: authz.Gateway{XFFAppended: true}}
		for _, line := range r.Header.Values("X-Forwarded-For") {
			forwarded.Header.Fields = append(forwarded.Header.Fields, authz.Field{Name: "x-forwarded-for", Value: line})
		}
		if addr, ok := authz.ForwardedFor(&forwarded, *trustedHops); ok {
			return addr
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}

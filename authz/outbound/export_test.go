package outbound

import "net/netip"

// Reach returns how far an address is, for tests of the table.
func Reach(addr netip.Addr) string {
	return [...]string{reachNever: "never", reachLoopback: "loopback", reachPrivate: "private", reachPublic: "public"}[reachOf(addr)]
}

// Permits reports whether a client in production would connect to addr.
func Permits(addr netip.Addr, private bool) bool { return gate{private: private}.permits(addr) }

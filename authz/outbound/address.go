package outbound

import (
	"context"
	"net/netip"
	"syscall"
)

// A reach says how far an address is.
type reach uint8

const (
	reachNever    reach = iota // the link, a multicast group, no single machine, or not known
	reachLoopback              // this machine
	reachPrivate               // a network that the internet does not route to
	reachPublic
)

// A gate decides which addresses may be connected to.
type gate struct{ private, loopback bool }

// control is [net.Dialer.ControlContext]: it is called with each address that a
// name resolved to, before the connection is made to it.
func (g gate) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !g.permits(target.Addr()) {
		return errAddress
	}
	return nil
}

func (g gate) permits(addr netip.Addr) bool {
	switch reachOf(addr) {
	case reachPublic:
		return true
	case reachPrivate:
		return g.private
	case reachLoopback:
		return g.loopback
	case reachNever:
	}
	return false
}

// A block is a range of addresses and how far they are.
type block struct {
	prefix netip.Prefix
	reach  reach
}

// blocks returns the ranges that are not public, the first that matches counts.
//
// Source: the registries of special-purpose addresses,
// https://www.iana.org/assignments/iana-ipv4-special-registry and
// https://www.iana.org/assignments/iana-ipv6-special-registry. Those before the
// registries' are where clouds hand out the credentials of their machines, as do
// nearly all at the link-local 169.254.169.254: Alibaba, Oracle, Azure, and Amazon
// and Google by version 6.
func blocks() []block {
	table := []struct {
		prefix string
		reach  reach
	}{
		{"100.100.100.200/32", reachNever},
		{"192.0.0.192/32", reachNever},
		{"168.63.129.16/32", reachNever},
		{"fd00:ec2::/32", reachNever},
		{"fd20:ce::254/128", reachNever},

		{"0.0.0.0/8", reachNever},
		{"127.0.0.0/8", reachLoopback},
		{"169.254.0.0/16", reachNever},
		{"224.0.0.0/3", reachNever}, // multicast, reserved, broadcast
		{"10.0.0.0/8", reachPrivate},
		{"100.64.0.0/10", reachPrivate}, // behind a carrier's translation
		{"172.16.0.0/12", reachPrivate},
		{"192.168.0.0/16", reachPrivate},
		{"192.0.0.0/24", reachPrivate},
		{"192.0.2.0/24", reachPrivate}, // documentation, as the next but one and its next
		{"198.18.0.0/15", reachPrivate},
		{"198.51.100.0/24", reachPrivate},
		{"203.0.113.0/24", reachPrivate},
		{"0.0.0.0/0", reachPublic},

		{"::1/128", reachLoopback},
		{"fc00::/7", reachPrivate},
		{"64:ff9b:1::/48", reachPrivate},
		{"2001:db8::/32", reachPrivate},
		{"3fff::/20", reachPrivate},
		{"2001::/23", reachNever}, // tunnels and other protocols
		{"2000::/3", reachPublic},
	}
	all := make([]block, len(table))
	for i, row := range table {
		all[i] = block{netip.MustParsePrefix(row.prefix), row.reach}
	}
	return all
}

// reachOf returns how far addr is. Of an address that carries another of
// version 4, as translators and tunnels use them, that one counts.
func reachOf(addr netip.Addr) reach {
	if addr.Zone() != "" {
		return reachNever
	}
	addr = inner(addr.Unmap())
	for _, b := range blocks() {
		if b.prefix.Contains(addr) {
			return b.reach
		}
	}
	return reachNever
}

// inner returns the address of version 4 inside one of 64:ff9b::/96 (RFC 6052)
// or 2002::/16 (RFC 3056), and any other address itself.
func inner(addr netip.Addr) netip.Addr {
	b := addr.As16()
	switch {
	case !addr.Is6():
		return addr
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case netip.MustParsePrefix("2002::/16").Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

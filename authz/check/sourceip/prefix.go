package sourceip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// parsePrefix reads an address or a prefix, or says what is wrong with it.
// IPv4-mapped IPv6 becomes IPv4, as the addresses of requests do.
func parsePrefix(text string) (prefix netip.Prefix, message string) {
	address, _, isPrefix := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return netip.Prefix{}, "want an address such as 203.0.113.7 or 2001:db8::1, or a prefix such as 203.0.113.0/24"
	case addr.Zone() != "":
		return netip.Prefix{}, "an address with a zone means nothing on another machine"
	case !isPrefix:
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), ""
	}
	prefix, err = netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Sprintf("want a prefix length of 0 to %d after the slash", addr.BitLen())
	}
	if addr.Is4In6() {
		if prefix.Bits() < 96 {
			return netip.Prefix{}, "the prefix cuts through the IPv4-mapped addresses: list IPv4 and IPv6 prefixes apart"
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	if masked := prefix.Masked(); masked != prefix {
		return netip.Prefix{}, fmt.Sprintf("the address has bits beyond the prefix: write %s for all of it, or %s for the address alone", masked, prefix.Addr())
	}
	return prefix, ""
}

// An addressRange is all addresses of one family from first to last.
type addressRange struct{ first, last netip.Addr }

func rangeOf(prefix netip.Prefix) addressRange {
	last := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return addressRange{first: prefix.Addr(), last: end}
}

// unite sorts ranges and drops those inside another. Prefixes either lie one in
// the other or don't touch, so what is left is disjoint.
func unite(ranges []addressRange) []addressRange {
	slices.SortFunc(ranges, func(a, b addressRange) int {
		if order := a.first.Compare(b.first); order != 0 {
			return order
		}
		return b.last.Compare(a.last) // the widest first
	})
	var united []addressRange
	for _, r := range ranges {
		if n := len(united); n > 0 && holds(united[n-1], r.first) {
			continue
		}
		united = append(united, r)
	}
	return united
}

// holds compares within one family: IPv4 sorts before IPv6.
func holds(r addressRange, addr netip.Addr) bool {
	return r.first.BitLen() == addr.BitLen() && r.first.Compare(addr) <= 0 && addr.Compare(r.last) <= 0
}

// find reports whether one of ranges, as unite returns them, holds addr.
func find(ranges []addressRange, addr netip.Addr) bool {
	after, _ := slices.BinarySearchFunc(ranges, addr, func(r addressRange, addr netip.Addr) int {
		if r.first.Compare(addr) <= 0 {
			return -1
		}
		return 1
	})
	return after > 0 && holds(ranges[after-1], addr)
}

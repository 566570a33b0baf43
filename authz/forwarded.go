package authz

import (
	"net/netip"
	"slices"
	"strings"
)

// Limits of X-Forwarded-For, all its lines together. Its left part is the
// sender's to write.
const (
	maxForwardedBytes   = 8 << 10
	maxForwardedEntries = 64
	// maxAddressLen is the longest text of an address: an IPv6 address that
	// ends in an IPv4 one.
	maxAddressLen = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
)

// ForwardedFor returns the address of the client behind trustedHops trusted
// proxies: entry trustedHops+1 from the right of X-Forwarded-For, whose lines
// are read in order as one list. With 0 it is the last entry, the gateway's own
// peer. The address is never IPv4-mapped.
//
// It returns false unless [Gateway.XFFAppended] is stated, there are enough
// entries, and that entry and all to its right, which trusted proxies wrote, are
// plain addresses: no port, brackets, zone or leading zeros. What stands further
// left is the sender's and is not looked at. Over 64 entries or 8 KiB give
// false too.
func ForwardedFor(r *Request, trustedHops uint32) (netip.Addr, bool) {
	if !r.Gateway.XFFAppended || trustedHops >= maxForwardedEntries || !forwardedBounded(&r.Header) {
		return netip.Addr{}, false
	}
	left := trustedHops
	for _, field := range slices.Backward(r.Header.Fields) {
		if field.Name != forwardedName {
			continue
		}
		line, more := field.Value, true
		for more {
			var entry string
			line, entry, more = cutLast(line)
			addr, ok := forwardedEntry(entry)
			if !ok {
				return netip.Addr{}, false
			}
			if left == 0 {
				return addr, true
			}
			left--
		}
	}
	return netip.Addr{}, false
}

const forwardedName = "x-forwarded-for"

func forwardedBounded(h *Header) bool {
	size, entries := 0, 0
	for i := range h.Fields {
		if h.Fields[i].Name == forwardedName {
			size += len(h.Fields[i].Value) + 1
			if size > maxForwardedBytes+1 { // the last line has no comma
				return false
			}
			entries += strings.Count(h.Fields[i].Value, ",") + 1
		}
	}
	return entries <= maxForwardedEntries
}

// cutLast returns what stands before and after the last comma of line, and
// whether there is one.
func cutLast(line string) (before, last string, more bool) {
	i := strings.LastIndexByte(line, ',')
	if i < 0 {
		return "", line, false
	}
	return line[:i], line[i+1:], true
}

// forwardedEntry reads one entry. Zones are refused before they are parsed,
// since netip keeps each that it sees.
func forwardedEntry(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	if len(entry) > maxAddressLen || strings.Contains(entry, "%") {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(entry)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

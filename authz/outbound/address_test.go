package outbound_test

import (
	"net/netip"
	"testing"

	"github.com/hookauthz/hookauthz/authz/outbound"
)

func TestReach(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"8.8.8.8", "public"},
		{"1.1.1.1", "public"},
		{"100.63.255.255", "public"},
		{"100.128.0.0", "public"},
		{"172.15.255.255", "public"},
		{"172.32.0.0", "public"},
		{"2606:4700:4700::1111", "public"},
		{"10.0.0.1", "private"},
		{"172.16.0.1", "private"},
		{"172.31.255.255", "private"},
		{"192.168.1.1", "private"},
		{"100.64.0.1", "private"},
		{"192.0.2.1", "private"},
		{"198.19.0.1", "private"},
		{"fd00::1", "private"},
		{"2001:db8::1", "private"},
		{"127.0.0.1", "loopback"},
		{"127.255.255.254", "loopback"},
		{"::1", "loopback"},
		{"0.0.0.0", "never"},
		{"0.1.2.3", "never"},
		{"::", "never"},
		{"169.254.169.254", "never"},
		{"fe80::1", "never"},
		{"fe80::1%eth0", "never"},
		{"8.8.8.8%eth0", ""},
		{"224.0.0.1", "never"},
		{"240.0.0.1", "never"},
		{"255.255.255.255", "never"},
		{"ff02::1", "never"},
		{"fd00:ec2::254", "never"},
		{"100.100.100.200", "never"},
		{"fec0::1", "never"},
		// Where clouds hand out credentials, besides the link.
		{"168.63.129.16", "never"},
		{"192.0.0.192", "never"},
		{"fd00:ec2::23", "never"},
		{"fd20:ce::254", "never"},
		{"64:ff9b::a83f:8110", "never"},
		{"100::1", "never"},
		{"2001::1", "never"},
		// The same addresses inside others.
		{"::ffff:8.8.8.8", "public"},
		{"::ffff:127.0.0.1", "loopback"},
		{"::ffff:169.254.169.254", "never"},
		{"::ffff:10.0.0.1", "private"},
		{"::127.0.0.1", "never"},
		{"64:ff9b::7f00:1", "loopback"},
		{"64:ff9b::a9fe:a9fe", "never"},
		{"64:ff9b::808:808", "public"},
		{"64:ff9b:1::1", "private"},
		{"2002:7f00:1::", "loopback"},
		{"2002:a00:1::1", "private"},
		{"2002:a9fe:a9fe::", "never"},
	}
	for _, tt := range tests {
		addr, err := netip.ParseAddr(tt.addr)
		if err != nil {
			if tt.want != "" {
				t.Errorf("ParseAddr(%s) = %v", tt.addr, err)
			}
			continue
		}
		if got := outbound.Reach(addr); got != tt.want {
			t.Errorf("reach of %s = %s, want %s", tt.addr, got, tt.want)
		}
	}
}

// FuzzPermits looks for an address that is let through although it is not on the
// internet by the standard library's own word, in whatever other it is wrapped.
func FuzzPermits(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, false)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, true)
	f.Fuzz(func(t *testing.T, raw []byte, private bool) {
		addr, ok := netip.AddrFromSlice(raw)
		if !ok || !outbound.Permits(addr, private) {
			return
		}
		plain := addr.Unmap()
		if plain.IsLoopback() || plain.IsLinkLocalUnicast() || plain.IsMulticast() || plain.IsUnspecified() || !plain.IsGlobalUnicast() {
			t.Errorf("%v is permitted", addr)
		}
		if plain.IsPrivate() && !private {
			t.Errorf("%v is permitted without leave for private networks", addr)
		}
		if !outbound.Permits(plain, private) {
			t.Errorf("%v is permitted, but not as %v", addr, plain)
		}
	})
}

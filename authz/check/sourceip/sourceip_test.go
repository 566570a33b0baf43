package sourceip_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/sourceip"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func newCheck(tb testing.TB, s *policypb.SourceIp) authz.Check {
	tb.Helper()
	part, problems := sourceip.Kind().Build(s, authztest.Env(nil))
	if len(problems) > 0 {
		tb.Fatalf("Build: %v", problems)
	}
	return part.Check
}

func from(peer string) *authz.Request {
	r := authztest.Request("POST", "/h", "")
	r.Peer = netip.Addr{}
	if peer != "" {
		r.Peer = netip.MustParseAddr(peer)
	}
	return r
}

func TestPeer(t *testing.T) {
	allow := []string{"203.0.113.0/24", "198.51.100.7", "2001:db8::/32", "::ffff:192.0.2.0/120", "::ffff:192.0.3.9", "10.0.0.0/8", "10.1.0.0/16"}
	tests := []struct {
		peer string
		want bool
	}{
		{peer: "203.0.113.0", want: true},
		{peer: "203.0.113.255", want: true},
		{peer: "203.0.112.255"},
		{peer: "203.0.114.0"},
		{peer: "::ffff:203.0.113.9", want: true}, // as an adapter must not send it
		{peer: "198.51.100.7", want: true},
		{peer: "198.51.100.6"},
		{peer: "198.51.100.8"},
		{peer: "2001:db8::", want: true},
		{peer: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", want: true},
		{peer: "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"},
		{peer: "2001:db9::"},
		{peer: "2001:db8::1%eth0"},
		{peer: "192.0.2.255", want: true},
		{peer: "192.0.3.9", want: true},
		{peer: "192.0.3.0"},
		{peer: "10.1.2.3", want: true},
		{peer: "10.200.0.1", want: true}, // after a prefix inside this one
		{peer: "11.0.0.0"},
		{peer: "0.0.0.0"},
		{peer: "255.255.255.255"},
		{peer: "::"},
		{peer: "::cb00:7107"}, // 203.0.113.7 in the deprecated compatible form
		{peer: ""},
	}
	check := newCheck(t, &policypb.SourceIp{Allow: allow})
	for _, tt := range tests {
		t.Run(tt.peer, func(t *testing.T) {
			reason := authz.ReasonIPNotAllowed
			if tt.want {
				reason = authz.ReasonVerified
			}
			r := from(tt.peer)
			// The sender's word does not count.
			authztest.AddHeader(r, "x-forwarded-for", "203.0.113.1")
			r.Gateway.XFFAppended = true
			identity, err := check.Verify(t.Context(), r)
			authztest.WantReason(t, err, reason)
			if identity != (authz.Identity{}) {
				t.Errorf("identity = %+v, want none", identity)
			}
		})
	}
}

func TestForwarded(t *testing.T) {
	const peer, good, bad = "198.51.100.1", "203.0.113.7", "192.0.2.66"
	tests := []struct {
		name     string
		hops     uint32
		header   []string
		attested bool
		want     authz.Reason
	}{
		{name: "no hop", header: []string{good}, attested: true, want: authz.ReasonVerified},
		{name: "no hop, forged", header: []string{good + ", " + bad}, attested: true, want: authz.ReasonIPNotAllowed},
		{name: "one hop", hops: 1, header: []string{good + ", " + peer}, attested: true, want: authz.ReasonVerified},
		{name: "one hop, forged before", hops: 1, header: []string{good + ", " + bad + ", " + peer}, attested: true, want: authz.ReasonIPNotAllowed},
		{name: "one hop, forged in a line of its own", hops: 1, header: []string{good, bad + ", " + peer}, attested: true, want: authz.ReasonIPNotAllowed},
		{name: "mapped", hops: 1, header: []string{"::ffff:" + good + ", " + peer}, attested: true, want: authz.ReasonVerified},
		{name: "too few", hops: 1, header: []string{good}, attested: true, want: authz.ReasonIPNotAllowed},
		{name: "none: the peer does not stand in", header: nil, attested: true, want: authz.ReasonIPNotAllowed},
		{name: "unreadable", header: []string{good + ":443"}, attested: true, want: authz.ReasonIPNotAllowed},
		{name: "not attested", header: []string{good}, want: authz.ReasonGatewayNotAttested},
		{name: "not attested, nothing there", want: authz.ReasonGatewayNotAttested},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := newCheck(t, &policypb.SourceIp{Allow: []string{"203.0.113.0/24"}, ForwardedFor: &policypb.ForwardedFor{TrustedHops: tt.hops}})
			r := from("203.0.113.1") // the peer is in the list and must not help
			r.Gateway.XFFAppended = tt.attested
			for _, line := range tt.header {
				authztest.AddHeader(r, "X-Forwarded-For", line)
			}
			_, err := check.Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

func TestBuild(t *testing.T) {
	tests := []struct {
		allow string
		hint  string // part of the message; empty: taken
	}{
		{allow: "203.0.113.7"},
		{allow: "203.0.113.0/24"},
		{allow: "::1"},
		{allow: "2001:DB8::/32"},
		{allow: "2001:0db8::/32"},
		{allow: "::ffff:203.0.113.0/120"},
		{allow: "203.0.113.7/32"},
		{allow: "203.0.113.7/24", hint: "203.0.113.0/24"},
		{allow: "2001:db8::1/32", hint: "2001:db8::/32"},
		{allow: "::ffff:203.0.113.7/120", hint: "203.0.113.0/24"},
		{allow: "::ffff:0:0/90", hint: "apart"},
		{allow: "203.0.113.0/33", hint: "0 to 32"},
		{allow: "203.0.113.0/", hint: "0 to 32"},
		{allow: "203.0.113.0/-1", hint: "0 to 32"},
		{allow: "203.0.113.0/08", hint: "0 to 32"},
		{allow: "203.0.113.0/255.255.255.0", hint: "0 to 32"},
		{allow: "2001:db8::/129", hint: "0 to 128"},
		{allow: "203.000.113.7", hint: "such as"},
		{allow: "203.0.113.07", hint: "such as"},
		{allow: "203.0.113", hint: "such as"},
		{allow: " 203.0.113.7", hint: "such as"},
		{allow: "203.0.113.7:80", hint: "such as"},
		{allow: "[::1]", hint: "such as"},
		{allow: "localhost", hint: "such as"},
		{allow: "", hint: "such as"},
		{allow: "fe80::1%eth0", hint: "zone"},
		{allow: "fe80::%eth0/10", hint: "zone"},
	}
	for _, tt := range tests {
		t.Run(tt.allow, func(t *testing.T) {
			part, problems := sourceip.Kind().Build(&policypb.SourceIp{Allow: []string{"192.0.2.1", tt.allow}}, authztest.Env(nil))
			if tt.hint == "" {
				if len(problems) > 0 || part.Check == nil || part.Authenticates || part.TrustedHops != nil {
					t.Errorf("Build() = %+v, %v, want a check", part, problems)
				}
				return
			}
			if part.Check != nil || len(problems) != 1 || problems[0].Path != "allow[1]" || !strings.Contains(problems[0].Message, tt.hint) {
				t.Errorf("Build() = %+v, %v, want a problem at allow[1] with %q", part, problems, tt.hint)
			}
		})
	}
}

func TestBuildOther(t *testing.T) {
	if _, problems := sourceip.Kind().Build(&policypb.SourceIp{}, nil); len(problems) != 1 || problems[0].Path != "allow" {
		t.Errorf("Build(no list) = %v, want a problem at allow", problems)
	}
	for _, everything := range []string{"0.0.0.0/0", "::/0", "::ffff:0:0/96"} {
		part, problems := sourceip.Kind().Build(&policypb.SourceIp{Allow: []string{everything}}, nil)
		if part.Check == nil || len(problems) != 1 || !problems[0].Warning || problems[0].Path != "allow[0]" {
			t.Errorf("Build(%s) = %v, %v, want a warning at allow[0]", everything, part.Check, problems)
		}
	}
	s := &policypb.SourceIp{Allow: []string{"::1"}, ForwardedFor: &policypb.ForwardedFor{TrustedHops: 17}}
	if _, problems := sourceip.Kind().Build(s, nil); len(problems) != 1 || problems[0].Path != "forwarded_for.trusted_hops" {
		t.Errorf("Build(17 hops) = %v, want a problem at forwarded_for.trusted_hops", problems)
	}
	s.ForwardedFor.TrustedHops = 16
	if _, problems := sourceip.Kind().Build(s, nil); len(problems) > 0 {
		t.Errorf("Build(16 hops) = %v", problems)
	}
	s.ForwardedFor.TrustedHops = 2
	if part, problems := sourceip.Kind().Build(s, nil); len(problems) > 0 || part.TrustedHops == nil || *part.TrustedHops != 2 {
		t.Errorf("Build(2 hops) = %+v, %v", part, problems)
	}
}

// FuzzPrefixes compares with netip's own Contains over many prefixes.
func FuzzPrefixes(f *testing.F) {
	f.Add([]byte{10, 0, 0, 0, 8, 10, 1, 0, 0, 16, 10, 2, 0, 0, 15}, uint32(0x0a020304))
	f.Add([]byte{0, 0, 0, 0, 0}, uint32(0xffffffff))
	f.Fuzz(func(t *testing.T, data []byte, peer uint32) {
		var allow []string
		var prefixes []netip.Prefix
		for ; len(data) >= 5 && len(allow) < 64; data = data[5:] {
			prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte(data[:4])), int(data[4])%33).Masked()
			prefixes = append(prefixes, prefix)
			allow = append(allow, prefix.String())
		}
		if len(allow) == 0 {
			return
		}
		part, _ := sourceip.Kind().Build(&policypb.SourceIp{Allow: allow}, nil)
		if part.Check == nil {
			t.Fatalf("Build(%v): no check", allow)
		}
		addr := netip.AddrFrom4([4]byte{byte(peer >> 24), byte(peer >> 16), byte(peer >> 8), byte(peer)})
		inside := false
		for _, prefix := range prefixes {
			inside = inside || prefix.Contains(addr)
		}
		r := from("")
		r.Peer = addr
		if _, err := part.Check.Verify(t.Context(), r); (err == nil) != inside {
			t.Errorf("%v in %v: error = %v, want inside %v", addr, allow, err, inside)
		}
	})
}

func TestConform(t *testing.T) {
	list := []string{"203.0.113.0/24"}
	tests := []struct {
		name     string
		settings *policypb.SourceIp
		request  func(address string) *authz.Request
	}{
		{name: "peer", settings: &policypb.SourceIp{Allow: list}, request: from},
		{
			name: "forwarded", settings: &policypb.SourceIp{Allow: list, ForwardedFor: &policypb.ForwardedFor{TrustedHops: 1}},
			request: func(address string) *authz.Request {
				r := authztest.Request("POST", "/h", "", "x-forwarded-for", address+", 198.51.100.1")
				r.Gateway.XFFAppended = true
				return r
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			authztest.Conform(t, authztest.Subject{
				Kind: sourceip.Kind(), Settings: tt.settings, Place: true,
				Present: func(string) *authz.Request { return tt.request("203.0.113.7") },
				Bare:    func() *authz.Request { return tt.request("192.0.2.1") },
			})
		})
	}
}

func BenchmarkSourceIP(b *testing.B) {
	for _, count := range []int{1, 1024} {
		var allow []string
		for i := range count {
			allow = append(allow, fmt.Sprintf("10.%d.%d.0/25", i/256, i%256))
		}
		check := newCheck(b, &policypb.SourceIp{Allow: allow})
		r := from("10.0.0.77")
		ctx := b.Context()
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

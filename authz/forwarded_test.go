package authz_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

func forwarded(lines ...string) *authz.Request {
	r := &authz.Request{Gateway: authz.Gateway{XFFAppended: true}}
	for _, line := range lines {
		r.Header.Fields = append(r.Header.Fields,
			authz.Field{Name: "x-forwarded-for", Value: line}, authz.Field{Name: "x-other", Value: "9.9.9.9"})
	}
	return r
}

func TestForwardedFor(t *testing.T) {
	many := func(n int) string { return strings.Repeat("1.1.1.1,", n-1) + "2.2.2.2" }
	tests := []struct {
		name  string
		lines []string
		hops  uint32
		want  string // empty: none
	}{
		{name: "the gateway's peer", lines: []string{"1.1.1.1, 2.2.2.2"}, want: "2.2.2.2"},
		{name: "one hop", lines: []string{"1.1.1.1, 2.2.2.2"}, hops: 1, want: "1.1.1.1"},
		{name: "forged on the left", lines: []string{"6.6.6.6, 1.1.1.1, 2.2.2.2"}, hops: 1, want: "1.1.1.1"},
		{name: "garbage on the left is not looked at", lines: []string{"unknown, _x, , 1.1.1.1, 2.2.2.2"}, hops: 1, want: "1.1.1.1"},
		{name: "too few", lines: []string{"2.2.2.2"}, hops: 1},
		{name: "none", hops: 0},
		{name: "empty", lines: []string{""}},
		{name: "lines in order", lines: []string{"1.1.1.1", "2.2.2.2"}, want: "2.2.2.2"},
		{name: "lines in order, one hop", lines: []string{"6.6.6.6, 1.1.1.1", "2.2.2.2"}, hops: 1, want: "1.1.1.1"},
		{name: "an empty line is an entry", lines: []string{"1.1.1.1", "", "2.2.2.2"}, hops: 1},
		{name: "no blanks", lines: []string{"1.1.1.1,2.2.2.2"}, hops: 1, want: "1.1.1.1"},
		{name: "blanks and tabs", lines: []string{"\t 1.1.1.1 \t,\t2.2.2.2 "}, hops: 1, want: "1.1.1.1"},
		{name: "line feed is no blank", lines: []string{"1.1.1.1\n"}},
		{name: "IPv6", lines: []string{"2001:db8::1"}, want: "2001:db8::1"},
		{name: "empty at the start", lines: []string{",1.1.1.1"}, want: "1.1.1.1"},
		{name: "empty at the start, one hop", lines: []string{",1.1.1.1"}, hops: 1},
		{name: "longest address", lines: []string{"2001:0db8:0000:0000:0000:0000:255.255.255.255"}, want: "2001:db8::ffff:ffff"},
		{name: "mapped", lines: []string{"::ffff:192.0.2.1"}, want: "192.0.2.1"},
		{name: "mapped, in hex", lines: []string{"::ffff:c000:201"}, want: "192.0.2.1"},
		{name: "port", lines: []string{"1.1.1.1:80"}},
		{name: "brackets", lines: []string{"[2001:db8::1]"}},
		{name: "zone", lines: []string{"fe80::1%eth0"}},
		{name: "leading zero", lines: []string{"01.1.1.1"}},
		{name: "three parts", lines: []string{"1.1.1"}},
		{name: "number", lines: []string{"16843009"}},
		{name: "prefix", lines: []string{"1.1.1.1/32"}},
		{name: "quoted", lines: []string{`"1.1.1.1"`}},
		{name: "empty at the end", lines: []string{"1.1.1.1,"}},
		{name: "unreadable to the right of the client", lines: []string{"1.1.1.1, unknown"}, hops: 1},
		{name: "64 entries", lines: []string{many(64)}, hops: 1, want: "1.1.1.1"},
		{name: "64 entries, the first", lines: []string{many(64)}, hops: 63, want: "1.1.1.1"},
		{name: "65 entries", lines: []string{many(65)}},
		{name: "65 entries in two lines", lines: []string{many(32), many(33)}},
		{name: "8 KiB", lines: []string{strings.Repeat(" ", 8<<10-7) + "1.1.1.1"}, want: "1.1.1.1"},
		{name: "over 8 KiB", lines: []string{strings.Repeat(" ", 8<<10-6) + "1.1.1.1"}},
		{name: "over 8 KiB in two lines", lines: []string{strings.Repeat("x", 8<<10-7), "1.1.1.1"}},
		{name: "hops beyond all", lines: []string{"1.1.1.1"}, hops: 1<<32 - 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := forwarded(tt.lines...)
			got, ok := authz.ForwardedFor(r, tt.hops)
			if ok != (tt.want != "") || ok && got != netip.MustParseAddr(tt.want) || !ok && got.IsValid() {
				t.Errorf("ForwardedFor() = %v, %v, want %q", got, ok, tt.want)
			}
			r.Gateway.XFFAppended = false
			if got, ok := authz.ForwardedFor(r, tt.hops); ok || got.IsValid() {
				t.Errorf("not attested: ForwardedFor() = %v, %v, want none", got, ok)
			}
		})
	}
}

// naiveForwardedFor reads the whole list and then looks.
func naiveForwardedFor(lines []string, hops uint32) (netip.Addr, bool) {
	list := strings.Join(lines, ",")
	entries := strings.Split(list, ",")
	if len(lines) == 0 || len(list) > 8<<10 || len(entries) > 64 || int64(hops) >= int64(len(entries)) {
		return netip.Addr{}, false
	}
	var client netip.Addr
	for _, entry := range entries[len(entries)-1-int(hops):] {
		addr, err := netip.ParseAddr(strings.Trim(entry, " \t"))
		if err != nil || addr.Zone() != "" {
			return netip.Addr{}, false
		}
		if !client.IsValid() {
			client = addr.Unmap()
		}
	}
	return client, true
}

// FuzzForwardedFor compares with a naive reader.
func FuzzForwardedFor(f *testing.F) {
	f.Add("1.1.1.1, 2.2.2.2", "3.3.3.3", 2, uint32(1))
	f.Add("::ffff:1.2.3.4,", "", 1, uint32(0))
	f.Add("fe80::1%eth0,[::1]:80", " 010.0.0.1", 2, uint32(2))
	f.Fuzz(func(t *testing.T, first, second string, count int, hops uint32) {
		lines := []string{first, second}[:min(max(count, 0), 2)]
		got, ok := authz.ForwardedFor(forwarded(lines...), hops)
		want, wantOK := naiveForwardedFor(lines, hops)
		if got != want || ok != wantOK {
			t.Errorf("ForwardedFor(%q, %d) = %v, %v, want %v, %v", lines, hops, got, ok, want, wantOK)
		}
	})
}

func BenchmarkForwardedFor(b *testing.B) {
	r := forwarded("203.0.113.7, 2001:db8::1, 192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := authz.ForwardedFor(r, 2); !ok {
			b.Fatal("none")
		}
	}
}

package policy

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestPathFlaw(t *testing.T) {
	plain := []string{"/", "/a", "/a/b", "/a/b/", "/a%20b", "/a%C3%A4", "/a.b/..c/c..", "/...", "/~x", "/a:b@c", "/a+b,c=d&e!$'()*"}
	for _, p := range plain {
		if flaw := pathFlaw(p); flaw != "" {
			t.Errorf("pathFlaw(%q) = %q, want none", p, flaw)
		}
	}
	ambiguous := []string{
		"", "a", "*", "//", "//a", "/a//b", "/a//", "/.", "/..", "/./a", "/a/.", "/a/..", "/a/../b", "/%2e/a", "/%2E%2e/a", "/a%2fb", "/a%2Fb",
		"/a%5cb", "/a\\b", "/a;b", "/a/..;/b", "/a%3bb", "/a#b", "/a%23b", "/a%00b", "/a%0ab", "/a%7fb", "/a b", "/a\tb", "/a\x00b",
		"/\xc3\xa4", "/a\x7f", "/%41", "/a%2db", "/a%7Eb", "/%252e", "/%c0%ae%c0%ae/a", "/%e0%80%af", "/a%ff", "/%c3", "/%ed%a0%80", "/%", "/%2", "/%zz", "/a?b",
	}
	for _, p := range ambiguous {
		if pathFlaw(p) == "" {
			t.Errorf("pathFlaw(%q) = none, want a flaw", p)
		}
	}
}

// FuzzPathFlaw holds that a path without a flaw means one thing: cleaning,
// decoding, re-encoding and parsing it as a URL all leave it where it is.
func FuzzPathFlaw(f *testing.F) {
	for _, seed := range []string{"/", "/a/b", "/a%20b/c", "//a", "/a/../b", "/%2e", "/a;b", "/a%2fb", "/hooks/stripe/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if pathFlaw(p) != "" {
			return
		}
		if cleaned := path.Clean(p); cleaned != strings.TrimSuffix(p, "/") && cleaned != p {
			t.Errorf("%q is cleaned to %q", p, cleaned)
		}
		parsed, err := url.Parse("http://h.test" + p)
		if err != nil || parsed.Host != "h.test" || parsed.RawQuery != "" || parsed.Fragment != "" {
			t.Fatalf("%q parses to %v, %v", p, parsed, err)
		}
		decoded, err := url.PathUnescape(p)
		if err != nil {
			t.Fatalf("%q does not decode: %v", p, err)
		}
		if strings.Count(decoded, "/") != strings.Count(p, "/") {
			t.Errorf("%q decodes to other segments: %q", p, decoded)
		}
		for segment := range strings.SplitSeq(decoded, "/") {
			if segment == "." || segment == ".." || strings.ContainsAny(segment, "\\;#%\x00") {
				t.Errorf("%q hides the segment %q", p, segment)
			}
		}
	})
}

func TestPlainHost(t *testing.T) {
	tests := []struct{ in, want string }{
		{"hooks.example.com", "hooks.example.com"},
		{"HOOKS.Example.COM", "hooks.example.com"},
		{"hooks.example.com.", "hooks.example.com"},
		{"hooks.example.com:8443", "hooks.example.com"},
		{"hooks.example.com.:1", "hooks.example.com"},
		{"my_host-1", "my_host-1"},
		{"10.0.0.1:80", "10.0.0.1"},
		{"[::1]", "[::1]"},
		{"[2001:DB8::1]:443", "[2001:db8::1]"},
		{"", ""},
	}
	for _, tt := range tests {
		if got, err := plainHost(tt.in); err != nil || got != tt.want {
			t.Errorf("plainHost(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	bad := []string{
		"a..b", ".a", "a..", ".", ":", ":80", "a:", "a:x", "a:123456", "a:1:2", "a b", "a,b", "a@b", "a/b", "a%41", "ä.example", "::1", "[::1", "[::1]x",
		"[::1]:", "[fe80::1%eth0]", "[10.0.0.1]", "a~b", "*.example.com", strings.Repeat("a", 300),
	}
	for _, host := range bad {
		if got, err := plainHost(host); err == nil {
			t.Errorf("plainHost(%q) = %q, want an error", host, got)
		}
	}
}

// FuzzPlainHost holds that a plain host is plain already: folding it again
// changes nothing, and no separator survives.
func FuzzPlainHost(f *testing.F) {
	for _, seed := range []string{"hooks.example.com:443", "A.b.", "[::1]:80", "a@b", "a..b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		plain, err := plainHost(host)
		if err != nil {
			return
		}
		again, err := plainHost(plain)
		if err != nil || again != plain {
			t.Errorf("plainHost(%q) = %q, which folds to %q, %v", host, plain, again, err)
		}
		if strings.ContainsAny(plain, "@/\\ ,;%?#*") {
			t.Errorf("plainHost(%q) = %q holds a separator", host, plain)
		}
	})
}

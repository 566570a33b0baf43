package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// key is long enough for a key, and never looked at here.
const declared = `
secrets: {key: {env: {name: KEY}}}
`

// somePolicies declares policies that differ only by name.
func somePolicies(names ...string) string {
	var b strings.Builder
	b.WriteString(declared + "policies:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "  %s: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}\n", name)
	}
	return b.String()
}

// load compiles text and fails the test on a mistake.
func load(tb testing.TB, text string) *policy.Table {
	tb.Helper()
	file, findings := policy.Read([]document.File{{Name: "test.yaml", Data: []byte(text)}}, policy.Options{})
	if file == nil {
		tb.Fatalf("the policy file has mistakes: %+v", findings)
	}
	return file.Table(policy.Sources{Secret: func(string) authz.Secrets { return nil }})
}

const routed = `
routes:
  - match: {hosts: [hooks.example.com], path: /github, methods: [POST]}
    policy: exact
  - match: {hosts: [hooks.example.com], path: /github, methods: [GET]}
    policy: get
  - match: {hosts: [hooks.example.com, "*.example.com"], path_prefix: /partners/}
    policy: prefix
  - match: {hosts: [hooks.example.com], path_prefix: /partners/acme}
    policy: longer
  - match: {hosts: ["*.eu.example.com"], path: /eu}
    policy: suffix
  - match: {path: "/hooks/{tenant}/github"}
    policy: pattern
  - match: {path: "/hooks/{tenant}/{kind}/x"}
    policy: deep
  - match: {path: /any}
    policy: any
`

func TestRoute(t *testing.T) {
	table := load(t, somePolicies("exact", "get", "prefix", "longer", "suffix", "pattern", "deep", "any")+routed)
	tests := []struct {
		name, host, path, method string
		want                     string
		reason                   authz.Reason
	}{
		{name: "exact", host: "hooks.example.com", path: "/github", method: "POST", want: "exact"},
		{name: "query is not the path", host: "hooks.example.com", path: "/github?/any", method: "POST", want: "exact"},
		{name: "second question mark", host: "hooks.example.com", path: "/github?a?b//", method: "POST", want: "exact"},
		{name: "method", host: "hooks.example.com", path: "/github", method: "GET", want: "get"},
		{name: "no such method", host: "hooks.example.com", path: "/github", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "method case", host: "hooks.example.com", path: "/github", method: "post", reason: authz.ReasonRouteNotFound},
		{name: "host case, port, dot", host: "HOOKS.example.com.:8443", path: "/github", method: "POST", want: "exact"},
		{name: "prefix by segments", host: "hooks.example.com", path: "/partners/x/y", method: "PUT", want: "prefix"},
		{name: "prefix itself", host: "hooks.example.com", path: "/partners", method: "PUT", want: "prefix"},
		{name: "not within a segment", host: "hooks.example.com", path: "/partnersx", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "longest prefix", host: "hooks.example.com", path: "/partners/acme/1", method: "PUT", want: "longer"},
		{name: "longest prefix, whole segment", host: "hooks.example.com", path: "/partners/acmex", method: "PUT", want: "prefix"},
		{name: "one label", host: "a.example.com", path: "/partners/x", method: "PUT", want: "prefix"},
		{name: "two labels", host: "a.b.example.com", path: "/partners/x", method: "PUT", want: "prefix"},
		{name: "suffix needs a label", host: "example.com", path: "/partners/x", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "longest suffix", host: "a.eu.example.com", path: "/eu", method: "PUT", want: "suffix"},
		{name: "no way back to a shorter suffix", host: "a.eu.example.com", path: "/partners/x", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "no way back to any host", host: "hooks.example.com", path: "/any", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "any host", host: "other.test", path: "/any", method: "PUT", want: "any"},
		{name: "no host", host: "", path: "/any", method: "PUT", want: "any"},
		{name: "pattern", host: "other.test", path: "/hooks/acme/github", method: "PUT", want: "pattern"},
		{name: "deeper pattern", host: "other.test", path: "/hooks/acme/github/x", method: "PUT", want: "deep"},
		{name: "pattern is whole", host: "other.test", path: "/hooks/acme/github/", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "path case", host: "other.test", path: "/Any", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "trailing slash", host: "other.test", path: "/any/", method: "PUT", reason: authz.ReasonRouteNotFound},
		{name: "two slashes", host: "other.test", path: "//any", method: "PUT", reason: authz.ReasonPathAmbiguous},
		{name: "dot segment", host: "other.test", path: "/x/../any", method: "PUT", reason: authz.ReasonPathAmbiguous},
		{name: "parameter", host: "other.test", path: "/any;x", method: "PUT", reason: authz.ReasonPathAmbiguous},
		{name: "absolute form", host: "other.test", path: "http://other.test/any", method: "PUT", reason: authz.ReasonPathAmbiguous},
		{name: "empty", host: "other.test", path: "", method: "PUT", reason: authz.ReasonPathAmbiguous},
		{name: "userinfo in host", host: "a@other.test", path: "/any", method: "PUT", reason: authz.ReasonHostAmbiguous},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := table.Route(&authz.Request{Host: tt.host, Path: tt.path, Method: tt.method})
			if tt.want != "" {
				if err != nil || got.Name() != tt.want {
					t.Fatalf("Route() = %v, %v, want policy %q", got, err, tt.want)
				}
				return
			}
			var denial *authz.Denial
			if !errors.As(err, &denial) || denial.Reason() != tt.reason || got != nil {
				t.Errorf("Route() = %v, %v, want reason %v", got, err, tt.reason)
			}
		})
	}
}

func TestRouteCaptures(t *testing.T) {
	table := load(t, somePolicies("exact", "get", "prefix", "longer", "suffix", "pattern", "deep", "any")+routed)
	_, captures, err := table.Route(&authz.Request{Path: "/hooks/acme/git%20hub/x", Method: "POST"})
	want := []authz.Field{{Name: "tenant", Value: "acme"}, {Name: "kind", Value: "git%20hub"}}
	if err != nil || fmt.Sprint(captures) != fmt.Sprint(want) {
		t.Errorf("Route() captures %v, %v, want %v", captures, err, want)
	}
}

// BenchmarkRoute shows that a lookup costs the same for one route and for a
// hundred thousand.
func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			var text strings.Builder
			text.WriteString(somePolicies("only") + "routes:\n")
			for i := range n {
				fmt.Fprintf(&text, "  - {match: {hosts: [h%d.example.com], path: /hooks/%d}, policy: only}\n", i, i)
			}
			table := load(b, text.String())
			r := &authz.Request{Host: fmt.Sprintf("h%d.example.com:443", n/2), Path: fmt.Sprintf("/hooks/%d?x=1", n/2), Method: "POST"}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := table.Route(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

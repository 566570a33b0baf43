package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// naiveFind is routing as the documentation tells it, without any index.
func naiveFind(routes []*policypb.Match, host, path, method string) int {
	level := func(m *policypb.Match) int { // how specifically m's hosts match
		best := -1
		if len(m.GetHosts()) == 0 {
			best = 0
		}
		for _, pattern := range m.GetHosts() {
			if pattern == host {
				return 1 << 20
			}
			if suffix, ok := strings.CutPrefix(pattern, "*"); ok && strings.HasSuffix(host, suffix) && len(host) > len(suffix) {
				best = max(best, len(suffix))
			}
		}
		return best
	}
	place := func(m *policypb.Match) int { // how specifically m's path matches
		if m.GetPath() != "" && !strings.Contains(m.GetPath(), "{") {
			if m.GetPath() == path {
				return 1 << 20
			}
			return -1
		}
		if m.GetPath() != "" {
			want, got := strings.Split(m.GetPath(), "/"), strings.Split(path, "/")
			for i := range want {
				if len(want) != len(got) || want[i] != got[i] && (!strings.HasPrefix(want[i], "{") || got[i] == "") {
					return -1
				}
			}
			return 1 << 19
		}
		prefix := strings.TrimSuffix(m.GetPathPrefix(), "/")
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return len(prefix)
		}
		return -1
	}
	keep := func(from []int, score func(*policypb.Match) int) []int {
		best, kept := -1, []int(nil)
		for _, i := range from {
			switch s := score(routes[i]); {
			case s > best:
				best, kept = s, []int{i}
			case s == best && s >= 0:
				kept = append(kept, i)
			}
		}
		return kept
	}
	all := make([]int, len(routes))
	for i := range all {
		all[i] = i
	}
	rest := keep(keep(all, level), place)
	byMethod := keep(rest, func(m *policypb.Match) int {
		if slices.Contains(m.GetMethods(), method) {
			return 1
		}
		return len(m.GetMethods()) * -1
	})
	if len(byMethod) == 0 {
		return -1
	}
	return byMethod[0]
}

// FuzzRoute compares the router with naiveFind over tables made from the input.
func FuzzRoute(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, "a.b.test", "/a/b", "GET")
	f.Add([]byte{7, 3, 1, 9, 2, 2, 2, 2, 5, 5, 5, 1, 1, 1}, "b.test", "/a/x/c", "POST")
	hosts := [][]string{nil, {"b.test"}, {"*.test"}, {"*.b.test", "c.test"}, {"a.b.test"}}
	matches := []*policypb.Match{
		{Path: "/a"},
		{Path: "/a/b"},
		{Path: "/a/b/c"},
		{Path: "/a/{x}"},
		{Path: "/{x}/b"},
		{Path: "/{x}/{y}/c"},
		{Path: "/a/{x}/c"},
		{PathPrefix: "/"},
		{PathPrefix: "/a"},
		{PathPrefix: "/a/b/"},
		{PathPrefix: "/a/b/c/d"},
	}
	methods := [][]string{nil, {"GET"}, {"POST", "PUT"}}
	f.Fuzz(func(t *testing.T, recipe []byte, host, path, method string) {
		if pathFlaw(path) != "" {
			return
		}
		host, err := plainHost(host)
		if err != nil {
			return
		}
		var table router
		var routes []*policypb.Match
		for ; len(recipe) >= 3 && len(routes) < 24; recipe = recipe[3:] {
			shape := matches[int(recipe[1])%len(matches)]
			match := &policypb.Match{
				Hosts: hosts[int(recipe[0])%len(hosts)], Path: shape.GetPath(), PathPrefix: shape.GetPathPrefix(),
				Methods: methods[int(recipe[2])%len(methods)],
			}
			trial := table.clone(t, routes)
			if _, flaw, _ := trial.add(len(routes), match, &Policy{name: fmt.Sprint(len(routes))}); flaw != "" {
				continue // two equal or overlapping matches: a mistake in the file
			}
			table = trial
			routes = append(routes, match)
		}
		want := naiveFind(routes, host, path, method)
		got := -1
		if found, _, ok := table.find(host, path, method); ok {
			got = found.index
		}
		if got != want {
			t.Errorf("find(%q, %q, %q) = route %d, want %d of %v", host, path, method, got, want, routes)
		}
	})
}

// clone builds the table of routes anew: a refused route may leave a table half
// changed.
func (t *router) clone(tb testing.TB, routes []*policypb.Match) router {
	tb.Helper()
	var fresh router
	for i, match := range routes {
		if _, flaw, _ := fresh.add(i, match, &Policy{name: fmt.Sprint(i)}); flaw != "" {
			tb.Fatalf("route %d was accepted before and is now refused: %s", i, flaw)
		}
	}
	return fresh
}

package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// routes compiles the routes.
func (c *compiler) routes() {
	captured := map[string][]string{} // by policy, what some route captures
	for i, route := range c.file.config.GetRoutes() {
		path := fmt.Sprintf("routes[%d]", i)
		if !c.file.document.Sound(path) {
			continue
		}
		policy := c.table.byName[route.GetPolicy()]
		if policy == nil {
			c.undeclared(path+".policy", "policy", route.GetPolicy(), sortedKeys(c.file.config.GetPolicies()))
			policy = &Policy{name: route.GetPolicy()} // its match may have mistakes too
		}
		c.route(i, path+".match", route.GetMatch(), policy)
		for segment := range strings.SplitSeq(route.GetMatch().GetPath(), "/") {
			if name, isCapture, _ := captureOf(segment); isCapture {
				captured[policy.name] = append(captured[policy.name], name)
			}
		}
	}
	if !c.file.document.Sound("routes") {
		return
	}
	for _, name := range sortedKeys(c.captures) {
		for _, capture := range slices.Compact(slices.Sorted(slices.Values(c.captures[name]))) {
			if !slices.Contains(captured[name], capture) {
				c.mistake("policies."+name, "capture",
					fmt.Sprintf("reads {match:%s}, and no route to it has a segment {%s}", capture, capture))
			}
		}
	}
	c.borrowed()
}

func (c *compiler) route(index int, path string, match *policypb.Match, policy *Policy) {
	sound := true
	for i, host := range match.GetHosts() {
		if flaw := hostFlaw(host); flaw != "" {
			c.mistake(fmt.Sprintf("%s.hosts[%d]", path, i), "host", flaw)
			sound = false
		}
	}
	if !sound {
		return
	}
	field, flaw, clash := c.table.routes.add(index, match, policy)
	if flaw == "" {
		return
	}
	at := c.file.document.At(join(path, field), 0)
	if clash >= 0 {
		other := c.file.document.At(fmt.Sprintf("routes[%d].match", clash), 0)
		at.Related = append(at.Related, document.Place{File: other.File, Line: other.Line, Column: other.Column})
		flaw = fmt.Sprintf("%s routes[%d]: which one wins must not depend on the order", flaw, clash)
	}
	c.add(at, "route", flaw, false)
}

// borrowed warns if the host decides which policy a path gets: for the very same
// path, or for one and a prefix of it. A sender can write any Host header, so such
// routes are safe only behind a gateway whose virtual hosts accept the same
// hosts for the same routes.
func (c *compiler) borrowed() {
	routes := c.file.config.GetRoutes()
	byPath := map[string]int{}     // the first route of a path
	prefixes := map[string][]int{} // the first routes of a prefix that differ in hosts or policy
	for i, route := range routes {
		match := route.GetMatch()
		if _, ok := byPath[pathKey(match)]; !ok {
			byPath[pathKey(match)] = i
		}
		if key := prefixKey(match.GetPathPrefix()); match.GetPath() == "" && len(prefixes[key]) < maxCompared &&
			!slices.ContainsFunc(prefixes[key], func(there int) bool { return alike(routes[there], route) }) {
			prefixes[key] = append(prefixes[key], i)
		}
	}
	warned := map[string]bool{}
	for i, route := range routes {
		match := route.GetMatch()
		key := pathKey(match)
		there := byPath[key]
		if other := routes[there]; other.GetPolicy() != route.GetPolicy() && !warned[key] && !slices.Equal(other.GetMatch().GetHosts(), match.GetHosts()) {
			warned[key] = true
			c.warn(fmt.Sprintf("routes[%d].match", i), "host_selects_policy",
				fmt.Sprintf("the path of routes[%d] has another policy under another host, and %s", there, hostIsTheSenders))
			continue
		}
		prefix := prefixKey(match.GetPath() + match.GetPathPrefix())
		for strings.Contains(prefix, "/") {
			prefix = prefix[:strings.LastIndexByte(prefix, '/')]
			if there, ok := c.elsewhere(route, prefixes[prefix]); ok && !warned[prefix] {
				warned[prefix] = true
				c.warn(fmt.Sprintf("routes[%d].match", i), "host_selects_policy",
					fmt.Sprintf("this path is under the prefix of routes[%d], which has another policy and another host, and %s", there, hostIsTheSenders))
				break
			}
		}
	}
}

const (
	hostIsTheSenders = "the Host header is the sender's: safe only if the gateway's virtual hosts tell these hosts apart"
	// maxCompared bounds how many routes of one prefix are looked at.
	maxCompared = 16
)

func pathKey(match *policypb.Match) string {
	return match.GetPath() + "\x00" + prefixKey(match.GetPathPrefix())
}

// prefixKey is a prefix as it is kept: without its last slash.
func prefixKey(prefix string) string { return strings.TrimSuffix(prefix, "/") }

func alike(a, b *policypb.Route) bool {
	return a.GetPolicy() == b.GetPolicy() && slices.Equal(a.GetMatch().GetHosts(), b.GetMatch().GetHosts())
}

// elsewhere returns the first of routes, which are of prefixes of route's path,
// that has another policy and that a Host header chooses which does not choose
// route.
func (c *compiler) elsewhere(route *policypb.Route, routes []int) (int, bool) {
	hosts := route.GetMatch().GetHosts()
	for _, i := range routes {
		other := c.file.config.GetRoutes()[i]
		others := other.GetMatch().GetHosts()
		if other.GetPolicy() != route.GetPolicy() && (len(others) == 0 && len(hosts) > 0 ||
			slices.ContainsFunc(others, func(host string) bool { return !slices.Contains(hosts, host) })) {
			return i, true
		}
	}
	return 0, false
}

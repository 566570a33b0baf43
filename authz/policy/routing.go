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
			continue
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
		flaw += fmt.Sprintf(" as routes[%d]: which one wins must not depend on the order", clash)
	}
	c.add(at, "route", flaw, false)
}

// borrowed warns where one path has different policies under different hosts.
// The Host header is the sender's, so such routes are safe only behind a gateway
// whose virtual hosts accept the same hosts for the same routes.
func (c *compiler) borrowed() {
	first := map[string]int{}
	warned := map[string]bool{}
	for i, route := range c.file.config.GetRoutes() {
		match := route.GetMatch()
		key := match.GetPath() + "\x00" + match.GetPathPrefix()
		there, ok := first[key]
		if !ok {
			first[key] = i
			continue
		}
		other := c.file.config.GetRoutes()[there]
		if other.GetPolicy() == route.GetPolicy() || warned[key] || slices.Equal(other.GetMatch().GetHosts(), match.GetHosts()) {
			continue
		}
		warned[key] = true
		c.warn(fmt.Sprintf("routes[%d].match", i), "host_selects_policy",
			fmt.Sprintf("the path of routes[%d] has another policy under another host, and the Host header is the sender's: safe only if the gateway's virtual hosts tell these hosts apart", there))
	}
}

package policy

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// A router finds the route of a request. Its lookups cost the same for one
// route and for a hundred thousand: a few map reads, bounded by the number of
// labels in the host and of segments in the longest configured prefix.
type router struct {
	hosts hostSet[*pathTable]
	any   *pathTable
}

// A target is where a route leads.
type target struct {
	policy *Policy
	// index is the route's place in the file.
	index int
}

// A pathTable holds the paths under one host pattern.
type pathTable struct {
	exact    map[string]*methodTable
	patterns patternNode
	prefix   map[string]*methodTable // "" is the root
	depth    int                     // segments of the longest prefix
}

// A methodTable holds the methods of one path.
type methodTable struct {
	byMethod map[string]target
	any      target
}

// find returns the route of host, path and method, with its captures. The most
// specific host decides, then the most specific path under it, then the method.
// There is no way back: a step without a match ends it, so that adding a route
// for a host can never make another route's policy apply there.
func (t *router) find(host, path, method string) (target, []authz.Field, bool) {
	paths, ok := t.hosts.find(host)
	if !ok {
		paths = t.any
	}
	if paths == nil {
		return target{}, nil, false
	}
	methods, captures := paths.find(path)
	if methods == nil {
		return target{}, nil, false
	}
	found, ok := methods.byMethod[method]
	if !ok {
		found = methods.any
	}
	return found, captures, found.policy != nil
}

func (t *pathTable) find(path string) (*methodTable, []authz.Field) {
	if methods, ok := t.exact[path]; ok {
		return methods, nil
	}
	if !t.patterns.empty() {
		if methods, captures := t.patterns.find(path); methods != nil {
			return methods, captures
		}
	}
	return t.findPrefix(path), nil
}

// findPrefix returns the longest prefix of whole segments.
func (t *pathTable) findPrefix(path string) *methodTable {
	longest := t.prefix[""]
	end := 0
	for range t.depth {
		if end >= len(path) {
			break
		}
		next := strings.IndexByte(path[end+1:], '/')
		if next < 0 {
			end = len(path)
		} else {
			end += 1 + next
		}
		if methods, ok := t.prefix[path[:end]]; ok {
			longest = methods
		}
	}
	return longest
}

// A patternNode is a node of the tree of path patterns, one level a segment.
type patternNode struct {
	literal map[string]*patternNode
	capture *patternNode
	methods *methodTable
	names   []string // of the captures on the way here, at the end of a pattern
}

func (n *patternNode) empty() bool { return len(n.literal) == 0 && n.capture == nil }

// find returns what path leads to. Patterns that overlap are a mistake in the
// file, so there is at most one.
func (n *patternNode) find(path string) (*methodTable, []authz.Field) {
	end := n.walk(path[1:], nil)
	if end.node == nil {
		return nil, nil
	}
	captures := make([]authz.Field, len(end.values))
	for i, value := range end.values {
		captures[i] = authz.Field{Name: end.node.names[i], Value: value}
	}
	return end.node.methods, captures
}

type patternEnd struct {
	node   *patternNode
	values []string
}

func (n *patternNode) walk(rest string, values []string) patternEnd {
	segment, after, more := strings.Cut(rest, "/")
	if child := n.literal[segment]; child != nil {
		if end := child.step(after, more, values); end.node != nil {
			return end
		}
	}
	if n.capture != nil && segment != "" {
		return n.capture.step(after, more, append(values, segment))
	}
	return patternEnd{}
}

func (n *patternNode) step(after string, more bool, values []string) patternEnd {
	if more {
		return n.walk(after, values)
	}
	if n.methods == nil {
		return patternEnd{}
	}
	return patternEnd{node: n, values: values}
}

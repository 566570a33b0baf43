package policy

import (
	"slices"
	"strings"

	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const (
	maxPatternSegments = 32
	captureNames       = "a name in braces is a whole segment of lower-case letters, digits and _, such as {tenant}"
)

// add puts one route into the router. It returns the field at fault and what is
// wrong with it, and the index of the route it clashes with, -1 if none.
func (t *router) add(index int, match *policypb.Match, policy *Policy) (field, flaw string, clash int) {
	tables := []*pathTable{}
	if len(match.GetHosts()) == 0 {
		if t.any == nil {
			t.any = &pathTable{}
		}
		tables = append(tables, t.any)
	}
	for _, host := range match.GetHosts() {
		slots, key := t.hosts.slot(host)
		if slots[key] == nil {
			slots[key] = &pathTable{}
		}
		tables = append(tables, slots[key])
	}
	for _, table := range tables {
		methods, field, flaw, clash := table.slot(match)
		if flaw != "" {
			return field, flaw, clash
		}
		if clash := methods.add(match.GetMethods(), target{policy: policy, index: index}); clash >= 0 {
			return "", "matches the same requests as", clash
		}
	}
	return "", "", -1
}

// slot returns the method table of the match's path, made if need be.
func (t *pathTable) slot(match *policypb.Match) (methods *methodTable, field, flaw string, clash int) {
	switch path := match.GetPath(); {
	case path == "":
		prefix := strings.TrimSuffix(match.GetPathPrefix(), "/")
		if flaw := pathFlaw(prefix + "/"); flaw != "" || strings.ContainsAny(prefix, "{}*") {
			return nil, "path_prefix", orElse(flaw, "braces and stars have no meaning in a prefix"), -1
		}
		t.depth = max(t.depth, strings.Count(prefix, "/"))
		return grow(&t.prefix, prefix), "", "", -1
	case strings.Contains(path, "*"):
		return nil, "path", "a star has no meaning in a path: use path_prefix, or a {name} for one segment", -1
	case strings.ContainsAny(path, "{}"):
		methods, flaw, clash := t.patterns.slot(path)
		return methods, "path", flaw, clash
	default:
		if flaw := pathFlaw(path); flaw != "" {
			return nil, "path", flaw, -1
		}
		return grow(&t.exact, path), "", "", -1
	}
}

func grow(tables *map[string]*methodTable, key string) *methodTable {
	if *tables == nil {
		*tables = map[string]*methodTable{}
	}
	if (*tables)[key] == nil {
		(*tables)[key] = newMethodTable()
	}
	return (*tables)[key]
}

func newMethodTable() *methodTable { return &methodTable{any: target{index: -1}} }

// add returns the index of a route that has one of methods already, -1 if none.
func (m *methodTable) add(methods []string, to target) int {
	if len(methods) == 0 {
		if m.any.policy != nil {
			return m.any.index
		}
		m.any = to
		return -1
	}
	for _, method := range methods {
		if there, ok := m.byMethod[method]; ok {
			return there.index
		}
		if m.byMethod == nil {
			m.byMethod = map[string]target{}
		}
		m.byMethod[method] = to
	}
	return -1
}

// first returns the index of a route of m.
func (m *methodTable) first() int {
	for _, to := range m.byMethod {
		return to.index
	}
	return m.any.index
}

// slot returns the method table of a pattern, or what is wrong with it, or the
// index of a route whose pattern overlaps it.
func (n *patternNode) slot(path string) (*methodTable, string, int) {
	if flaw := pathFlaw(strings.NewReplacer("{", "", "}", "").Replace(path)); flaw != "" {
		return nil, flaw, -1
	}
	segments := strings.Split(path[1:], "/")
	if len(segments) > maxPatternSegments {
		return nil, "has too many segments", -1
	}
	var names []string
	for _, segment := range segments {
		name, isCapture, ok := captureOf(segment)
		if !ok {
			return nil, captureNames, -1
		}
		if isCapture {
			names = append(names, name)
		}
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, "captures one name twice", -1
		}
	}
	if other := n.overlap(segments, names); other != nil {
		return nil, "overlaps the pattern of", other.first()
	}
	end := n
	for _, segment := range segments {
		end = end.child(segment)
	}
	if end.methods == nil {
		end.methods, end.names = newMethodTable(), names
	}
	return end.methods, "", -1
}

// captureOf returns the name of a segment that is a capture. ok is false if the
// segment has braces and is none.
func captureOf(segment string) (name string, isCapture, ok bool) {
	if !strings.ContainsAny(segment, "{}") {
		return "", false, true
	}
	if len(segment) < 3 || segment[0] != '{' || segment[len(segment)-1] != '}' {
		return "", false, false
	}
	name = segment[1 : len(segment)-1]
	for i := range len(name) {
		if c := name[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "", false, false
		}
	}
	return name, true, true
}

func (n *patternNode) child(segment string) *patternNode {
	if strings.HasPrefix(segment, "{") {
		if n.capture == nil {
			n.capture = &patternNode{}
		}
		return n.capture
	}
	if n.literal == nil {
		n.literal = map[string]*patternNode{}
	}
	if n.literal[segment] == nil {
		n.literal[segment] = &patternNode{}
	}
	return n.literal[segment]
}

// overlap returns the methods of another pattern that some path matches as well
// as segments. The very same pattern is no overlap: methods may tell them apart.
func (n *patternNode) overlap(segments, names []string) *methodTable {
	return n.clash(segments, names, true)
}

func (n *patternNode) clash(segments, names []string, same bool) *methodTable {
	if len(segments) == 0 {
		if n.methods == nil || same && slices.Equal(n.names, names) {
			return nil
		}
		return n.methods
	}
	segment, rest := segments[0], segments[1:]
	isCapture := strings.HasPrefix(segment, "{")
	if n.capture != nil && segment != "" { // a capture never matches an empty segment
		if other := n.capture.clash(rest, names, same && isCapture); other != nil {
			return other
		}
	}
	if !isCapture {
		if child := n.literal[segment]; child != nil {
			return child.clash(rest, names, same)
		}
		return nil
	}
	for literal, child := range n.literal {
		if literal == "" {
			continue
		}
		if other := child.clash(rest, names, false); other != nil {
			return other
		}
	}
	return nil
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

package document

import (
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A report collects what is wrong, and remembers where, so that one mistake
// is not reported a second time by what it leads to.
type report struct {
	found []Finding
	nodes []place // of found

	broken  map[string]struct{} // fields without a value to judge
	above   map[string]struct{} // what holds them
	unsound map[string]struct{} // fields with a mistake in or below them
	grouped map[string]struct{} // messages whose oneofs are judged
	hidden  map[*yaml.Node]struct{}
}

func newReport() *report {
	return &report{
		broken: map[string]struct{}{}, above: map[string]struct{}{}, unsound: map[string]struct{}{},
		grouped: map[string]struct{}{}, hidden: map[*yaml.Node]struct{}{},
	}
}

// A mistake is what [report.add] wants to know.
type mistake struct {
	at            place
	steps         []step
	code, message string
	related       []Place
}

func (r *report) add(m mistake) {
	r.found = append(r.found, Finding{Path: format(m.steps), Code: m.code, Message: m.message, Related: m.related})
	r.nodes = append(r.nodes, m.at)
	for i := range len(m.steps) + 1 {
		r.unsound[marker(m.steps[:i])] = struct{}{}
	}
}

// fault reports what is wrong with a file as a whole.
func (r *report) fault(src *source, f *fault) {
	r.add(mistake{
		at:   place{src: src, node: &yaml.Node{Line: f.line, Column: f.column}},
		code: f.code, message: f.message,
	})
}

// breaks says that a field has no value to judge.
func (r *report) breaks(steps []step) {
	r.broken[marker(steps)] = struct{}{}
	for i := range steps {
		r.above[marker(steps[:i])] = struct{}{}
	}
}

// judged reports whether a rule that a field breaks is the consequence of
// something that is reported already.
func (r *report) judged(steps []step) bool {
	if _, ok := r.above[marker(steps)]; ok {
		return true
	}
	for i := range len(steps) + 1 {
		if _, ok := r.broken[marker(steps[:i])]; ok {
			return true
		}
	}
	return false
}

// twice reports a key that stands a second time.
func (r *report) twice(first, second place, steps []step, what string) {
	r.add(mistake{
		at: place{src: second.src, node: second.at()}, steps: steps, code: codeDuplicate,
		message: what + " stands twice", related: []Place{where(first.src, first.at())},
	})
}

// where converts the position of a node into one that lies in the file.
func where(src *source, node *yaml.Node) Place {
	line, column := src.within(node.Line, node.Column)
	return Place{File: src.name, Line: line, Column: column}
}

// members are the fields that a message has in the file.
type members struct {
	at      place
	keys    map[protoreflect.Name]place
	unknown bool // it also has a field that is not known
}

// groups reports fields that exclude each other, and alternatives of which none
// is there.
func (r *report) groups(info *messageInfo, given *members, steps []step) {
	for _, g := range info.groups {
		var there []place
		for _, name := range g.names {
			if p, ok := given.keys[name]; ok {
				there = append(there, p)
			}
		}
		slices.SortStableFunc(there, func(a, b place) int {
			first, second := where(a.src, a.node), where(b.src, b.node)
			return cmp.Or(cmp.Compare(first.File, second.File), cmp.Compare(first.Line, second.Line), cmp.Compare(first.Column, second.Column))
		})
		switch {
		case len(there) > 1:
			r.exclusive(there, steps)
		case len(there) == 0 && g.required && !given.unknown:
			r.add(mistake{
				at: place{src: given.at.src, node: given.at.at()}, steps: steps, code: codeRequired,
				message: "exactly one of " + list(texts(g.names), "or") + " is required",
			})
		case len(there) == 0 && !g.required:
			continue
		}
		r.grouped[marker(steps)] = struct{}{}
	}
}

func (r *report) exclusive(there []place, steps []step) {
	var names []string
	var others []Place
	for i, p := range there {
		names = append(names, fmt.Sprintf("%q", p.node.Value))
		if i != 1 {
			others = append(others, where(p.src, p.node))
		}
	}
	r.add(mistake{
		at: there[1], steps: steps, code: codeExclusive, related: others,
		message: list(names, "and") + " exclude each other: keep one",
	})
}

func texts(names []protoreflect.Name) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = string(name)
	}
	return out
}

// findings returns what was found, sorted, each once, with positions, and with
// source lines as far as [Render] shows them.
func (r *report) findings() []Finding {
	order := make([]int, len(r.found))
	for i := range r.found {
		p := where(r.nodes[i].src, r.nodes[i].node)
		r.found[i].File, r.found[i].Line, r.found[i].Column = p.File, p.Line, p.Column
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareFindings(&r.found[a], &r.found[b]) })
	var sorted []Finding
	for _, i := range order {
		f, at := r.found[i], r.nodes[i]
		if n := len(sorted); n > 0 && compareFindings(&sorted[n-1], &f) == 0 {
			continue
		}
		f.Width = 1
		if len(sorted) < MaxShown {
			f.Width = at.src.width(at.node)
			f.Text = at.src.excerpt(f.Line, r.hidden)
		}
		sorted = append(sorted, f)
	}
	return sorted
}

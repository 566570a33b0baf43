package document

import (
	"sort"
	"sync"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A File is one policy file. Read keeps Data; it must not change any more.
type File struct {
	Name string // told in findings
	Data []byte
}

// A Document knows where each field of a message stands. It is safe for
// concurrent use. It holds the files' trees: drop it when all is checked.
type Document struct {
	top    map[protoreflect.Name]*topField
	first  *source
	report *report

	mu      sync.Mutex
	indexes map[*yaml.Node]map[string]int // of large maps, by key
}

// Read reads files as one into an empty message, generated from a schema with
// protovalidate rules. Maps at the top are united and lists appended, in the
// order of files; anything else may stand in one file only, and so may each key
// of a map.
//
// It returns all mistakes of all files, sorted. Unless there is none, the
// message is incomplete and must not be used; the Document then still serves to
// look for further mistakes in what is [Document.Sound]. The Document is nil if
// a file could not be parsed at all.
func Read(files []File, into proto.Message) (*Document, []Finding) {
	root := into.ProtoReflect()
	w := &walker{schema: newSchema(root.Descriptor()), report: newReport(), top: map[protoreflect.Name]*topField{}}
	w.given = members{keys: map[protoreflect.Name]place{}}
	if len(files) == 0 {
		return nil, []Finding{{Code: codeSize, Message: "there is no policy file"}}
	}
	whole := true
	var first *source
	for _, file := range files {
		src := newSource(file)
		if flaw := src.parse(); flaw != nil {
			w.report.fault(src, flaw)
			whole = false
			continue
		}
		if first == nil {
			first = src
		}
		w.file(src, root)
	}
	if first == nil {
		return nil, w.report.findings()
	}
	d := &Document{top: w.top, first: first, report: w.report, indexes: map[*yaml.Node]map[string]int{}}
	if whole {
		w.given.at = place{src: first, node: first.root}
		w.report.groups(w.schema.message(root.Descriptor()), &w.given, nil)
	}
	j := &judge{document: d, schema: w.schema, report: w.report, whole: whole}
	j.validate(into)
	w.hideStrangers()
	if !whole {
		d = nil
	}
	return d, w.report.findings()
}

// hideStrangers hides references to what is not declared, since a secret may
// have been pasted there.
func (w *walker) hideStrangers() {
	for _, ref := range w.references {
		top := w.top[ref.field]
		if top != nil {
			if _, ok := top.keys[ref.at.node.Value]; ok {
				continue
			}
		}
		w.report.hidden[ref.at.node] = struct{}{}
	}
}

// At returns a Finding with the position of the value at path, or of the
// nearest field that holds it if it is not in the file; column is a byte offset
// in the value's text, 0 for its start. The caller fills in Code and Message.
func (d *Document) At(path string, column int) Finding {
	p, exact := d.find(parsePath(path))
	if !exact || p.node.Kind != yaml.ScalarNode {
		return d.finding(path, p.src, p.at())
	}
	f := d.finding(path, p.src, p.node)
	if shift, ok := p.src.shift(p.node, column); ok {
		f.Column += shift
		f.Width = 1
	}
	return f
}

// AtKey is [Document.At] for the name of the field or map entry at path.
func (d *Document) AtKey(path string) Finding {
	p, _ := d.find(parsePath(path))
	return d.finding(path, p.src, p.at())
}

// Sound reports whether there is no mistake in the field at path or below it.
func (d *Document) Sound(path string) bool {
	steps := parsePath(path)
	if _, ok := d.report.unsound[marker(steps)]; ok {
		return false
	}
	return !d.report.judged(steps)
}

func (d *Document) finding(path string, src *source, node *yaml.Node) Finding {
	p := where(src, node)
	return Finding{
		File: p.File, Line: p.Line, Column: p.Column, Path: path,
		Width: src.width(node), Text: src.excerpt(p.Line, d.report.hidden),
	}
}

// find returns the place of a field and true, or that of the nearest field that
// holds it.
func (d *Document) find(steps []step) (place, bool) {
	nearest := place{src: d.first, node: d.first.root}
	if len(steps) == 0 {
		return nearest, true
	}
	top := d.top[protoreflect.Name(steps[0].name)]
	if top == nil || len(top.parts) == 0 {
		return nearest, false
	}
	nearest = top.parts[0].place
	steps = steps[1:]
	if len(steps) == 0 {
		return nearest, true
	}
	if entry, ok := top.keys[steps[0].name]; ok && steps[0].index < 0 {
		nearest, steps = entry, steps[1:]
	} else if steps[0].index >= 0 {
		nearest, steps[0].index = top.item(steps[0].index)
	}
	for _, s := range steps {
		next, ok := d.child(nearest, s)
		if !ok {
			return nearest, false
		}
		nearest = next
	}
	return nearest, true
}

// item returns the part that holds an item of the merged list, and the item's
// index in it.
func (t *topField) item(index int) (place, int) {
	i := sort.Search(len(t.parts), func(i int) bool { return t.parts[i].first > index }) - 1
	return t.parts[max(i, 0)].place, index - t.parts[max(i, 0)].first
}

// child returns what stands at one step below p.
func (d *Document) child(p place, s step) (place, bool) {
	switch {
	case p.node.Kind == yaml.SequenceNode && s.index >= 0 && s.index < len(p.node.Content):
		return place{src: p.src, node: p.node.Content[s.index]}, true
	case p.node.Kind == yaml.MappingNode && s.index < 0:
		if i, ok := d.key(p.node, s.name); ok {
			return place{src: p.src, key: p.node.Content[i], node: p.node.Content[i+1]}, true
		}
	}
	return place{}, false
}

// smallMap is how many nodes of a map are searched one by one.
const smallMap = 32

// key returns where in the content of a map a key stands.
func (d *Document) key(node *yaml.Node, name string) (int, bool) {
	if len(node.Content) <= smallMap {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				return i, true
			}
		}
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	index, ok := d.indexes[node]
	if !ok {
		index = make(map[string]int, len(node.Content)/2)
		for i := len(node.Content) - 2; i >= 0; i -= 2 {
			index[node.Content[i].Value] = i
		}
		d.indexes[node] = index
	}
	i, ok := index[name]
	return i, ok
}

package document

import (
	"fmt"
	"maps"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A walker decodes trees into a message and checks them on the way. Of what has
// a mistake as much is decoded as possible, so that the rest can be checked.
type walker struct {
	schema *schema
	src    *source
	path   []step
	nodes  int
	report *report

	// top holds what stands at the top of all files.
	top   map[protoreflect.Name]*topField
	given members // at the top
	// references are texts that should be keys of a map at the top.
	references []reference
}

// A topField is a field of the root message, perhaps with one value a file.
type topField struct {
	parts []part
	keys  map[string]place // of a map, across files
}

// A part is the value of a topField in one file; first is the index of its
// first item in the merged list.
type part struct {
	place
	first int
}

// A place is a value in a file and, in a map, its key.
type place struct {
	src       *source
	key, node *yaml.Node
}

// at is where the place is shown: at its key, if it has one.
func (p place) at() *yaml.Node {
	if p.key != nil {
		return p.key
	}
	return p.node
}

type reference struct {
	at    place
	field protoreflect.Name
}

func (w *walker) push(s step) { w.path = append(w.path, s) }
func (w *walker) pop()        { w.path = w.path[:len(w.path)-1] }

// mistake reports node, a part of the field at the current path.
func (w *walker) mistake(node *yaml.Node, code, message string) {
	w.report.add(mistake{at: place{src: w.src, node: node}, steps: w.path, code: code, message: message})
}

// broken reports node and says that the field at the current path has no value
// to judge.
func (w *walker) broken(node *yaml.Node, code, message string) {
	w.mistake(node, code, message)
	w.report.breaks(w.path)
}

// file walks the tree of one file into the root message.
func (w *walker) file(src *source, root protoreflect.Message) {
	w.src = src
	w.message(src.root, nil, root, true)
}

// enter counts a node and reports whether it may be looked at: it has no
// feature that policy files do without and is not nested too deeply.
func (w *walker) enter(node, key *yaml.Node) bool {
	w.nodes++
	if node.Anchor != "" {
		w.mistake(node, codeYAML, "anchors are not allowed: remove it (text that begins with & needs quotes)")
	}
	switch {
	case w.nodes > MaxNodes:
		if w.nodes == MaxNodes+1 {
			w.broken(node, codeSize, fmt.Sprintf("over %d values in all", MaxNodes))
		}
		return false
	case node.Kind == yaml.AliasNode:
		w.broken(node, codeYAML, "aliases are not allowed: write the value out")
	case node.Style&yaml.TaggedStyle != 0 || node.Tag == "!":
		w.broken(node, codeYAML, "tags are not allowed: "+untag)
	case isNull(node):
		at := node
		if node.Value == "" && key != nil {
			at = key
		}
		w.broken(at, codeEmpty, "there is no value: write one or remove the field")
	case len(w.path) > MaxDepth:
		w.broken(node, codeDepth, fmt.Sprintf("nested over %d deep", MaxDepth))
	default:
		return true
	}
	w.skip(node)
	return false
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// skip passes over a tree of which nothing may be shown.
func (w *walker) skip(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode || node.Kind == yaml.AliasNode {
		w.src.scalars = append(w.src.scalars, token{node, never})
	}
	for _, child := range node.Content {
		w.skip(child)
	}
}

// message decodes a map into message.
func (w *walker) message(node, key *yaml.Node, message protoreflect.Message, top bool) {
	if !w.enter(node, key) {
		return
	}
	info := w.schema.message(message.Descriptor())
	if node.Kind != yaml.MappingNode {
		w.wrongKind(node, "a map with "+list(info.names, "and")+" belongs here")
		return
	}
	given := members{at: place{src: w.src, key: key, node: node}, keys: make(map[protoreflect.Name]place, len(node.Content)/2)}
	for i := 0; i+1 < len(node.Content); i += 2 {
		w.entry(info, &given, message, node.Content[i], node.Content[i+1], top)
	}
	if !top {
		w.report.groups(info, &given, w.path)
		return
	}
	w.given.unknown = w.given.unknown || given.unknown
	maps.Copy(w.given.keys, given.keys)
}

// entry decodes one field of a message.
func (w *walker) entry(info *messageInfo, given *members, message protoreflect.Message, key, value *yaml.Node, top bool) {
	if !w.keyText(key) {
		given.unknown = true
		w.skip(value)
		return
	}
	field := message.Descriptor().Fields().ByName(protoreflect.Name(key.Value))
	if field == nil {
		w.unknown(info, message.Descriptor(), given, key, value)
		return
	}
	w.src.scalars = append(w.src.scalars, token{key, always})
	if first, ok := given.keys[field.Name()]; ok {
		w.push(named(key.Value))
		w.report.twice(first, place{src: w.src, node: key}, w.path, fmt.Sprintf("%q", key.Value))
		w.pop()
		w.skip(value)
		return
	}
	given.keys[field.Name()] = place{src: w.src, node: key}

	// A second member of a oneof would push out the first: it is decoded for
	// its mistakes only.
	if one := field.ContainingOneof(); one != nil && !one.IsSynthetic() && message.WhichOneof(one) != nil {
		message = message.New()
	}
	w.push(named(key.Value))
	if top {
		w.topField(field, message, key, value)
	} else {
		w.field(field, message, key, value, nil)
	}
	w.pop()
}

// topField decodes a field of the root message, of which other files may have
// more.
func (w *walker) topField(field protoreflect.FieldDescriptor, message protoreflect.Message, key, value *yaml.Node) {
	here := part{place: place{src: w.src, key: key, node: value}}
	seen := w.top[field.Name()]
	switch {
	case seen == nil:
		seen = &topField{keys: map[string]place{}}
		w.top[field.Name()] = seen
	case !field.IsMap() && !field.IsList():
		w.report.twice(seen.parts[0].place, here.place, w.path, fmt.Sprintf("%q", key.Value))
		w.skip(value)
		return
	}
	if field.IsList() {
		here.first = message.Get(field).List().Len()
	}
	seen.parts = append(seen.parts, here)
	w.field(field, message, key, value, seen)
}

// field decodes a value into a field of message. top is not nil for fields of
// the root.
func (w *walker) field(field protoreflect.FieldDescriptor, message protoreflect.Message, key, value *yaml.Node, top *topField) {
	switch {
	case field.IsMap():
		w.mapping(field, message, key, value, top)
	case field.IsList():
		w.list(field, message, key, value, top)
	case isMessage(field):
		w.message(value, key, message.Mutable(field).Message(), false)
	default:
		if v, ok := w.scalar(field, value, key); ok {
			w.zero(field, v, value)
			message.Set(field, v)
		}
	}
}

// wrongKind reports a value of the wrong shape. It may be a secret in the place
// of a reference, so nothing of it is shown.
func (w *walker) wrongKind(node *yaml.Node, message string) {
	w.broken(node, codeType, message)
	w.skip(node)
}

package document

import (
	"fmt"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// list decodes the items of a list. top is not nil for fields of the root.
func (w *walker) list(field protoreflect.FieldDescriptor, message protoreflect.Message, key, node *yaml.Node, top *topField) {
	if !w.enter(node, key) {
		return
	}
	if node.Kind != yaml.SequenceNode {
		w.wrongKind(node, "a list belongs here: write it in [ ], or each item on a line after \"- \"")
		return
	}
	if len(node.Content) == 0 && top == nil {
		w.broken(node, codeEmpty, "the list is empty: write an item or remove the field")
	}
	items := message.Mutable(field).List()
	for _, item := range node.Content {
		w.push(step{index: items.Len()})
		v := items.NewElement()
		if isMessage(field) {
			w.message(item, nil, v.Message(), false)
		} else if decoded, ok := w.scalar(field, item, nil); ok {
			v = decoded
		}
		items.Append(v) // even if it is broken, so that the others keep their index
		w.pop()
	}
}

// mapping decodes the entries of a map, whose keys stand once in all files.
func (w *walker) mapping(field protoreflect.FieldDescriptor, message protoreflect.Message, key, node *yaml.Node, top *topField) {
	if !w.enter(node, key) {
		return
	}
	if node.Kind != yaml.MappingNode {
		w.wrongKind(node, "a map belongs here, with names as its keys")
		return
	}
	seen := make(map[string]place, len(node.Content)/2)
	if top != nil {
		seen = top.keys
	}
	entries := message.Mutable(field).Map()
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if !w.keyText(name) {
			w.skip(value)
			continue
		}
		s := named(name.Value)
		s.hidden = !w.schema.keyFits(field, name.Value)
		w.src.scalars = append(w.src.scalars, token{name, visible(!s.hidden)})
		w.push(s)
		if first, ok := seen[name.Value]; ok {
			what := fmt.Sprintf("%q", name.Value)
			if s.hidden {
				what = "this name"
			}
			w.report.twice(first, place{src: w.src, node: name}, w.path, what)
			w.skip(value)
		} else {
			seen[name.Value] = place{src: w.src, key: name, node: value}
			w.mapEntry(field, entries, name, value)
		}
		w.pop()
	}
}

func (w *walker) mapEntry(field protoreflect.FieldDescriptor, entries protoreflect.Map, name, value *yaml.Node) {
	key := protoreflect.ValueOfString(name.Value).MapKey()
	v := entries.NewValue()
	if isMessage(field.MapValue()) {
		w.message(value, name, v.Message(), false)
	} else if decoded, ok := w.scalar(field.MapValue(), value, name); ok {
		v = decoded
	}
	entries.Set(key, v)
}

// keyText reports whether a key is plain text that may be looked up, and
// reports the mistake if not.
func (w *walker) keyText(key *yaml.Node) bool {
	w.nodes++
	problem, code := "", codeYAML
	switch {
	case key.Kind == yaml.AliasNode:
		problem = "aliases are not allowed: write the name out"
	case key.Anchor != "":
		problem = "anchors are not allowed: remove it"
	case key.Tag == "!!merge":
		problem = "merge keys are not allowed: write the fields out"
	case key.Style&yaml.TaggedStyle != 0 || key.Tag == "!":
		problem = "tags are not allowed: " + untag
	case key.Kind != yaml.ScalarNode:
		problem, code = "a name belongs here, not a list or a map", codeType
	default:
		if looks := resembles(key); looks != "" {
			problem, code = "a name that YAML takes for "+looks+" needs quotes", codeUnquoted
		}
	}
	if problem == "" {
		return true
	}
	w.mistake(key, code, problem)
	w.skip(key)
	return false
}

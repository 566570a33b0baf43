package document

import (
	"errors"
	"fmt"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A judge holds a decoded message against the rules of its schema.
type judge struct {
	document *Document
	schema   *schema
	report   *report
	whole    bool // no file is left out
}

func (j *judge) validate(message proto.Message) {
	err := protovalidate.Validate(message)
	if err == nil {
		return
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		j.report.add(mistake{
			at:   place{src: j.document.first, node: j.document.first.root},
			code: codeSchema, message: "the schema's rules can't be used: " + err.Error(),
		})
		return
	}
	for _, v := range invalid.Violations {
		j.violation(v)
	}
}

// A verdict is a broken rule, and where.
type verdict struct {
	*protovalidate.Violation
	steps []step
	field protoreflect.FieldDescriptor // nil for a message
	rules *validate.FieldRules         // of the value: of an item, for a list's item
	id    string
	place place
	found bool // the field is in the file

	harmless bool // the value may be shown
}

func (j *judge) violation(violation *protovalidate.Violation) {
	v := &verdict{Violation: violation, steps: fieldSteps(violation.Proto.GetField()), id: violation.Proto.GetRuleId()}
	j.describe(v)
	oneof := v.id == "message.oneof"
	if v.field == nil && v.id == "required" && len(v.steps) > 0 {
		oneof = true
		v.steps = v.steps[:len(v.steps)-1] // the last step names it
	}
	if _, ok := j.report.grouped[marker(v.steps)]; ok && oneof {
		return
	}
	if j.report.judged(v.steps) || !j.whole && len(v.steps) < 2 {
		return
	}
	v.place, v.found = j.document.find(append([]step(nil), v.steps...))
	if v.id == "repeated.unique" && v.found && j.repeats(v) {
		return
	}
	code, message := v.words()
	j.report.add(mistake{at: place{src: v.place.src, node: v.position()}, steps: v.steps, code: code, message: message})
	if v.found && !v.harmless {
		j.report.hidden[v.place.node] = struct{}{}
	}
}

// position is the value for a rule about a value, the name for a rule about
// what is missing, about names, or about lists and maps as a whole.
func (v *verdict) position() *yaml.Node {
	if v.found && v.place.node.Kind == yaml.ScalarNode && !v.Proto.GetForKey() {
		return v.place.node
	}
	return v.place.at()
}

// describe walks the schema along v.steps. It finds the field and its rules, and
// hides the names that the schema does not permit.
func (j *judge) describe(v *verdict) {
	desc := j.schema.root
	for i := 0; i < len(v.steps); i++ {
		v.field = nil
		if desc == nil {
			return
		}
		v.field = desc.Fields().ByName(protoreflect.Name(v.steps[i].name))
		if v.field == nil {
			return
		}
		v.rules = j.schema.of(v.field)
		desc = v.field.Message()
		if i+1 == len(v.steps) {
			return
		}
		switch {
		case v.field.IsMap():
			i++
			v.steps[i].hidden = !j.schema.keyFits(v.field, v.steps[i].name)
			desc = v.field.MapValue().Message()
			if v.rules = v.rules.GetMap().GetValues(); v.Proto.GetForKey() {
				v.rules = j.schema.of(v.field).GetMap().GetKeys()
			}
		case v.field.IsList():
			i++
			v.rules = v.rules.GetRepeated().GetItems()
		}
	}
}

// repeats reports each item of a list that stands twice, and whether it found
// one.
func (j *judge) repeats(v *verdict) bool {
	seen := map[string]*yaml.Node{}
	found := false
	for i, item := range v.place.node.Content {
		if item.Kind != yaml.ScalarNode {
			continue
		}
		first, ok := seen[item.Value]
		if !ok {
			seen[item.Value] = item
			continue
		}
		found = true
		j.report.add(mistake{
			at: place{src: v.place.src, node: item}, steps: append(slices.Clip(v.steps), step{index: i}),
			code: codeDuplicate, message: "stands twice in the list", related: []Place{where(v.place.src, first)},
		})
	}
	return found
}

// zero reports a field that is written with the value that means "left out":
// a rule that permits it does so only for fields that are left out.
func (w *walker) zero(field protoreflect.FieldDescriptor, v protoreflect.Value, node *yaml.Node) {
	if field.HasPresence() || !v.Equal(field.Default()) {
		return
	}
	rules := w.schema.of(field)
	skipped := rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE
	alternative := inGroup(w.schema.message(field.ContainingMessage()).groups, field.Name())
	switch {
	case field.Kind() == protoreflect.StringKind && rules.GetRequired():
		w.broken(node, codeEmpty, "must not be empty")
	case field.Kind() == protoreflect.StringKind && (skipped || alternative):
		w.broken(node, codeEmpty, "must not be empty: write a value or remove the field")
	case field.Kind() == protoreflect.Uint32Kind && skipped:
		w.broken(node, codeRange, "must be "+limits(rules.GetUint32().ProtoReflect()))
	}
}

// unknown reports a field that the schema does not have.
func (w *walker) unknown(info *messageInfo, desc protoreflect.MessageDescriptor, given *members, key, value *yaml.Node) {
	given.unknown = true
	message := "unknown field"
	shown := repeatable(key.Value, info.names)
	if shown {
		message = fmt.Sprintf("unknown field %q", key.Value)
	}
	near, ok := Closest(snake(key.Value), info.names)
	under := holder(desc, key.Value)
	switch {
	case ok && shown:
		message += fmt.Sprintf(", did you mean %q?", near)
		w.meant(given, near)
	case under != "":
		shown = true // the schema's own word
		message = fmt.Sprintf("unknown field %q: it belongs under %s", key.Value, under)
		w.meant(given, under)
	case len(info.names) <= maxListed:
		message += ": known here are " + list(info.names, "and")
	}
	w.mistake(key, codeUnknown, message)
	w.src.scalars = append(w.src.scalars, token{key, visible(shown)})
	meant := desc.Fields().ByName(protoreflect.Name(near))
	if meant != nil && value.Kind == yaml.ScalarNode && meant.Kind() != protoreflect.StringKind && !isMessage(meant) {
		w.src.scalars = append(w.src.scalars, token{value, ordinarily})
		return
	}
	w.skip(value)
}

// meant says that a field has no value to judge if it is not there: what is wrong
// with it is told.
func (w *walker) meant(given *members, name string) {
	if _, there := given.keys[protoreflect.Name(name)]; !there {
		w.push(named(name))
		w.report.breaks(w.path)
		w.pop()
	}
}

// holder returns the only field of a message that has a field of that name itself,
// empty if there is none or more than one.
func holder(desc protoreflect.MessageDescriptor, name string) string {
	found := ""
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		if !isMessage(field) || field.IsList() || field.IsMap() || field.Message().Fields().ByName(protoreflect.Name(name)) == nil {
			continue
		}
		if found != "" {
			return ""
		}
		found = string(field.Name())
	}
	return found
}

// maxListed is how many allowed names a message lists.
const maxListed = 16

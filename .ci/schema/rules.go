package main

import (
	"fmt"
	"slices"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// constrain adds the rules of message that the plugin leaves out: fields that
// exclude each other, and lists that must not be empty. Of root, the message of
// the whole file, nothing must stand: the file may be one of a directory.
func constrain(def object, message, root protoreflect.MessageDescriptor) error {
	groups, err := groupsOf(message)
	if err != nil {
		return err
	}
	if len(groups) > 0 {
		def["allOf"] = groups
	}
	if message == root {
		return nil
	}
	properties, _ := def["properties"].(object)
	required, _ := def["required"].([]any)
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		property, ok := properties[string(field.Name())].(object)
		if !ok {
			return fmt.Errorf("field %s has no property", field.FullName())
		}
		rules, err := protovalidate.ResolveFieldRules(field)
		if err != nil {
			return fmt.Errorf("rules of %s: %v", field.FullName(), err)
		}
		if !field.IsList() {
			continue
		}
		least := rules.GetRepeated().GetMinItems()
		property["minItems"] = max(1, least)
		if name := any(string(field.Name())); least > 0 && !slices.Contains(required, name) {
			required = append(required, name)
		}
	}
	if len(required) > 0 {
		def["required"] = required
	}
	return nil
}

// groupsOf returns a schema for each group of fields of which one may stand: the
// oneofs of the rules, and those of the language that are no part of them.
func groupsOf(message protoreflect.MessageDescriptor) ([]any, error) {
	var groups []any
	grouped := map[string]bool{}
	add := func(names []string, required bool) {
		var one []any
		for _, name := range names {
			grouped[name] = true
			one = append(one, object{"required": []any{name}})
		}
		if !required {
			one = append(one, object{"not": object{"anyOf": slices.Clone(one)}})
		}
		groups = append(groups, object{"oneOf": one})
	}
	rules, err := protovalidate.ResolveMessageRules(message)
	if err != nil {
		return nil, fmt.Errorf("rules of %s: %v", message.FullName(), err)
	}
	for _, one := range rules.GetOneof() {
		add(one.GetFields(), one.GetRequired())
	}
	for i := range message.Oneofs().Len() {
		one := message.Oneofs().Get(i)
		var names []string
		for j := range one.Fields().Len() {
			names = append(names, string(one.Fields().Get(j).Name()))
		}
		if one.IsSynthetic() || grouped[names[0]] {
			continue
		}
		rules, err := protovalidate.ResolveOneofRules(one)
		if err != nil {
			return nil, fmt.Errorf("rules of %s: %v", one.FullName(), err)
		}
		add(names, rules.GetRequired())
	}
	return groups, nil
}

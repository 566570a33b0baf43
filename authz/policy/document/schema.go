package document

import (
	"regexp"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A schema answers what the descriptors and rules say of messages and fields.
type schema struct {
	root     protoreflect.MessageDescriptor
	messages map[protoreflect.FullName]*messageInfo
	rules    map[protoreflect.FullName]*validate.FieldRules
	patterns map[string]*regexp.Regexp
}

// messageInfo is what is asked of a message for each of its values.
type messageInfo struct {
	names  []string
	groups []group
}

// A group is fields of which at most one, or exactly one, may stand.
type group struct {
	names    []protoreflect.Name
	required bool
}

func newSchema(root protoreflect.MessageDescriptor) *schema {
	return &schema{
		root:     root,
		messages: map[protoreflect.FullName]*messageInfo{},
		rules:    map[protoreflect.FullName]*validate.FieldRules{},
		patterns: map[string]*regexp.Regexp{},
	}
}

func (s *schema) message(desc protoreflect.MessageDescriptor) *messageInfo {
	if info, ok := s.messages[desc.FullName()]; ok {
		return info
	}
	info := &messageInfo{groups: groupsOf(desc)}
	for i := range desc.Fields().Len() {
		info.names = append(info.names, string(desc.Fields().Get(i).Name()))
	}
	s.messages[desc.FullName()] = info
	return info
}

// groupsOf returns the oneofs of a message: those of its rules, and those of
// the language that are not a part of them.
func groupsOf(desc protoreflect.MessageDescriptor) []group {
	var groups []group
	rules, err := protovalidate.ResolveMessageRules(desc)
	if err == nil {
		for _, one := range rules.GetOneof() {
			g := group{required: one.GetRequired()}
			for _, name := range one.GetFields() {
				g.names = append(g.names, protoreflect.Name(name))
			}
			groups = append(groups, g)
		}
	}
	for i := range desc.Oneofs().Len() {
		one := desc.Oneofs().Get(i)
		if one.IsSynthetic() {
			continue
		}
		var g group
		for j := range one.Fields().Len() {
			g.names = append(g.names, one.Fields().Get(j).Name())
		}
		if inGroup(groups, g.names[0]) {
			continue
		}
		if rules, err := protovalidate.ResolveOneofRules(one); err == nil {
			g.required = rules.GetRequired()
		}
		groups = append(groups, g)
	}
	return groups
}

func inGroup(groups []group, name protoreflect.Name) bool {
	return slices.ContainsFunc(groups, func(g group) bool { return slices.Contains(g.names, name) })
}

// of returns the rules of a field, never nil.
func (s *schema) of(field protoreflect.FieldDescriptor) *validate.FieldRules {
	if rules, ok := s.rules[field.FullName()]; ok {
		return rules
	}
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil || rules == nil {
		rules = &validate.FieldRules{}
	}
	s.rules[field.FullName()] = rules
	return rules
}

// keyFits reports whether key is a name that the map's rule permits. Without a
// rule it must be an ordinary word.
func (s *schema) keyFits(field protoreflect.FieldDescriptor, key string) bool {
	pattern := s.of(field).GetMap().GetKeys().GetString().GetPattern()
	if pattern == "" {
		return ordinary(key)
	}
	compiled, ok := s.patterns[pattern]
	if !ok {
		var err error
		if compiled, err = regexp.Compile(pattern); err != nil {
			return false
		}
		s.patterns[pattern] = compiled
	}
	return compiled.MatchString(key)
}

// isReference reports whether the texts of a list are keys of the map of the
// same name at the top of the file.
func (s *schema) isReference(field protoreflect.FieldDescriptor) bool {
	if !field.IsList() || field.Kind() != protoreflect.StringKind {
		return false
	}
	target := s.root.Fields().ByName(field.Name())
	return target != nil && target.IsMap()
}

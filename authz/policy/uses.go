package policy

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// TokenEndpointUser stands for token_endpoint among the users of a secret. No
// policy can have this name, since names have no blank.
const TokenEndpointUser = "the token endpoint"

// Uses returns who needs each secret of [File.Secrets], by its name: policies, in
// order of their names, and then [TokenEndpointUser].
func (f *File) Uses() map[string][]string {
	uses := map[string][]string{}
	note := func(user string, m protoreflect.Message) {
		for _, name := range f.named(m) {
			if !slices.Contains(uses[name], user) {
				uses[name] = append(uses[name], user)
			}
		}
	}
	for _, name := range sortedKeys(f.config.GetPolicies()) {
		note(name, f.config.GetPolicies()[name].ProtoReflect())
	}
	if endpoint := f.config.GetTokenEndpoint(); endpoint != nil {
		note(TokenEndpointUser, endpoint.ProtoReflect())
	}
	return uses
}

// named returns the secrets that m names, itself or by an entry of keys. The
// fields of all kinds that do so have these names.
func (f *File) named(m protoreflect.Message) []string {
	var names []string
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
		case field.IsList() && field.Kind() == protoreflect.StringKind:
			for i := range value.List().Len() {
				text := value.List().Get(i).String()
				switch field.Name() {
				case "secrets":
					names = append(names, text)
				case "keys", "anchors", "signing_keys":
					names = append(names, secretsOf(text, f.config.GetKeys()[text])...)
				}
			}
		case field.IsList() && field.Kind() == protoreflect.MessageKind:
			for i := range value.List().Len() {
				names = append(names, f.named(value.List().Get(i).Message())...)
			}
		case field.Kind() == protoreflect.MessageKind:
			names = append(names, f.named(value.Message())...)
		}
		return true
	})
	return names
}

// secretsOf returns the secrets that an entry of keys is read from.
func secretsOf(name string, from *policypb.KeySource) []string {
	switch {
	case from.GetStored() != nil && from.GetStored().GetCrl() != "":
		return []string{from.GetStored().GetSecret(), from.GetStored().GetCrl()}
	case from.GetStored() != nil:
		return []string{from.GetStored().GetSecret()}
	case from.GetVaultPki() != nil:
		return []string{pkiPrefix + name, pkiPrefix + name + pkiCRL}
	}
	return nil
}

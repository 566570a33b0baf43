package builtin_test

import (
	"os"
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hookauthz/hookauthz/authz/builtin"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Nothing else notices a kind that nobody registered: it compiles, and its own
// tests pass.
func TestKindsListsEveryFolder(t *testing.T) {
	entries, err := os.ReadDir("../check")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, entry := range entries {
		want = append(want, entry.Name())
	}
	var got []string
	for _, kind := range builtin.Kinds() {
		got = append(got, kind.Folder)
	}
	slices.Sort(got) // api_key stands in check/apikey
	if !slices.Equal(got, want) {
		t.Errorf("Kinds() = %q, folders in authz/check = %q", got, want)
	}
}

// Each kind of the schema is built in, and the list is sorted by name. provider
// is none: it is expanded to the kind that its entry in the catalogue holds.
func TestKindsListsEveryField(t *testing.T) {
	oneof := (&policypb.Requirement{}).ProtoReflect().Descriptor().Oneofs().ByName(protoreflect.Name("kind"))
	var want []string
	for i := range oneof.Fields().Len() {
		if name := string(oneof.Fields().Get(i).Name()); name != "provider" {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	var got []string
	for _, kind := range builtin.Kinds() {
		got = append(got, kind.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Kinds() = %q, kinds of the schema = %q", got, want)
	}
}

// A kind that is given the settings of another, or none, builds nothing and says
// so.
func TestKindsRefuseOtherSettings(t *testing.T) {
	for _, kind := range builtin.Kinds() {
		for name, settings := range map[string]any{"nothing": nil, "text": "text", "another message": &policypb.Provider{}} {
			part, problems := kind.Build(settings, nil)
			if part.Check != nil || len(problems) == 0 {
				t.Errorf("%s: Build(%s) = %v, %v, want a problem", kind.Name, name, part.Check, problems)
			}
		}
	}
}

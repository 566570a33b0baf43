package policy

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Ways that permit no method at all must not add up to any method.
func TestNoMethodIsNotAnyMethod(t *testing.T) {
	entry := func(methods ...string) *policypb.CatalogEntry {
		return &policypb.CatalogEntry{ApiKey: &policypb.ApiKey{Header: "X"}, Methods: methods}
	}
	c := &compiler{entries: map[string]*policypb.CatalogEntry{"get": entry("GET"), "post": entry("POST")}}
	file := &File{config: &policypb.Config{}}
	file.document, _ = document.Read([]document.File{{Name: "p.yaml", Data: []byte("{}")}}, file.config)
	c.file = file
	provider := func(name string) *policypb.Requirement {
		return &policypb.Requirement{Kind: &policypb.Requirement_Provider{Provider: &policypb.Provider{Name: name}}}
	}
	none := &policypb.Requirement{AllOf: []*policypb.Requirement{provider("get"), provider("post")}}
	tests := []struct {
		name string
		q    *policypb.Requirement
		want int // methods, -1 for any
	}{
		{name: "all_of", q: none, want: 0},
		{name: "any_of of such", q: &policypb.Requirement{AnyOf: []*policypb.Requirement{none, none}}, want: 0},
		{name: "any_of with another", q: &policypb.Requirement{AnyOf: []*policypb.Requirement{none, provider("get")}}, want: 1},
		{name: "any_of with any", q: &policypb.Requirement{AnyOf: []*policypb.Requirement{none, provider("any")}}, want: -1},
	}
	c.entries["any"] = entry()
	for _, tt := range tests {
		got := c.require("", tt.q).methods
		if (got == nil) != (tt.want < 0) || got != nil && len(got) != tt.want {
			t.Errorf("%s: methods = %#v, want %d", tt.name, got, tt.want)
		}
	}
}

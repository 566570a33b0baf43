package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// What an editor must underline: neither or both of two that exclude each other,
// and lists without anything in them.
func TestCommittedSchemaHasTheRules(t *testing.T) {
	text, err := os.ReadFile("../../deploy/hookauthz.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defs, ok := decode(t, string(text))["$defs"].(object)
	if !ok {
		t.Fatal("the schema has no definitions")
	}
	tests := []struct{ message, want string }{
		{message: "ApiKey", want: `"allOf":[{"oneOf":[{"required":["header"]},{"required":["query"]}]}]`},
		{message: "Secret", want: `{"oneOf":[{"required":["vault"]},{"required":["file"]},{"required":["env"]}]}`},
		{message: "Credential", want: `{"required":["positional"]},{"not":{"anyOf":[{"required":["fields"]},`},
		{message: "Requirement", want: `{"required":["all_of"]},{"required":["any_of"]},{"required":["provider"]},`},
		{message: "Requirement", want: `"minItems":1`},
		{message: "Provider", want: `"required":["name","secrets"]`},
	}
	for _, tt := range tests {
		def, err := json.Marshal(defs["hookauthz.policy.v1."+tt.message])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(def), tt.want) {
			t.Errorf("%s has no %s:\n%s", tt.message, tt.want, def)
		}
	}
	config, _ := defs["hookauthz.policy.v1.Config"].(object)
	if required, ok := config["required"]; ok {
		t.Errorf("Config requires %v, but a file of a directory may hold anything", required)
	}
}

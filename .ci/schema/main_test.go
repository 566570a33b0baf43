package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// The pattern and the loader must agree: an editor must neither underline a
// duration that loads nor stay silent about one that does not.
func TestDurationPatternAgreesWithTheLoader(t *testing.T) {
	pattern := regexp.MustCompile(durationPattern)
	for _, text := range []string{
		"300s", "5m", "24h", "200ms", "0s", "1h30m", "1.5h", ".5s", "10us", "10µs", "7ns", "0", "-5m", "+5m",
		"", "5", "s", "5 m", " 5m", "5m ", "5d", "5M", "PT5M", "5min", "1e3s", "٣s",
	} {
		file := fmt.Sprintf("secrets: {s: {vault: {path: p, field: f, previous_for: %q}}}\npolicies: {p: {require: {api_key: {header: X, secrets: [s]}}}}\n", text)
		_, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(file)}}, policy.Options{})
		if got, want := pattern.MatchString(text), len(findings) == 0; got != want {
			t.Errorf("pattern matches %q: got %t, want %t", text, got, want)
		}
	}
}

// What an editor offers must load.
func TestDurationExamplesMatchThePattern(t *testing.T) {
	pattern := regexp.MustCompile(durationPattern)
	for _, example := range durationExamples() {
		if text, ok := example.(string); !ok || !pattern.MatchString(text) {
			t.Errorf("example %v does not match %s", example, durationPattern)
		}
	}
}

func TestConvert(t *testing.T) {
	strict := decode(t, `{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id": "a.v1.Config.schema.strict.bundle.json",
		"$ref": "#/$defs/a.v1.Config.schema.strict.json",
		"$defs": {
			"google.protobuf.Duration.schema.strict.json": {"type": "string", "format": "duration"},
			"a.v1.Config.schema.strict.json": {
				"$schema": "https://json-schema.org/draft/2020-12/schema",
				"description": "One line.\n And another.",
				"properties": {
					"mode": {"type": "string"},
					"name": {"type": "string"},
					"after": {"items": {"$ref": "#/$defs/google.protobuf.Duration.schema.strict.json"}},
					"nodes": {"anyOf": [{"$ref": "#/$defs/a.v1.Config.schema.strict.json"}]}
				},
				"required": ["mode", "name"]
			}
		}
	}`)
	lenient := decode(t, `{"$defs": {
		"google.protobuf.Duration.schema.json": {},
		"a.v1.Config.schema.json": {"required": ["name"]}
	}}`)

	got, err := convert(strict, lenient, "a.v1.Config")
	if err != nil {
		t.Fatal(err)
	}
	text, err := encode(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{`"format"`, `.schema`, `"$id"`} {
		if strings.Contains(string(text), unwanted) {
			t.Errorf("the schema still contains %s:\n%s", unwanted, text)
		}
	}
	if n := strings.Count(string(text), `"$schema"`); n != 1 {
		t.Errorf("$schema stands %d times, want once:\n%s", n, text)
	}
	for _, wanted := range []string{
		`"required":["name"]`,
		`"description":"One line.\nAnd another."`,
		`"$ref":"#/$defs/google.protobuf.Duration"`,
		`"$ref":"#/$defs/a.v1.Config"`,
	} {
		if !strings.Contains(compact(t, text), wanted) {
			t.Errorf("the schema does not contain %s:\n%s", wanted, text)
		}
	}
}

func TestConvertRefusesWhatItDoesNotKnow(t *testing.T) {
	tests := []struct {
		name, strict, lenient string
	}{
		{name: "no definitions", strict: `{}`, lenient: `{}`},
		{
			name:    "another suffix",
			strict:  `{"$defs": {"a.v1.Config.json": {}}}`,
			lenient: `{"$defs": {"a.v1.Config.json": {}}}`,
		},
		{
			name:    "no counterpart",
			strict:  `{"$defs": {"a.v1.Config.schema.strict.json": {}}}`,
			lenient: `{"$defs": {}}`,
		},
		{
			name:    "another message",
			strict:  `{"$defs": {"a.v1.Other.schema.strict.json": {}}}`,
			lenient: `{"$defs": {"a.v1.Other.schema.json": {}}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := convert(decode(t, tt.strict), decode(t, tt.lenient), "a.v1.Config")
			if err == nil {
				t.Errorf("convert() = %v, want an error", got)
			}
		})
	}
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	err := json.Compact(&b, text)
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func decode(t *testing.T, text string) object {
	t.Helper()
	var o object
	err := json.Unmarshal([]byte(text), &o)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

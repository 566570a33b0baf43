// Command schema turns what protoc-gen-jsonschema writes for the policy file
// into the schema that editors load, deploy/hookauthz.schema.json.
//
// The plugin describes protobuf's JSON mapping. A policy file is narrower in
// some places and wider in others, so its output is corrected here, and not by
// hand, where the next generation would undo it:
//
//   - A duration is a whole number and a unit, as policy files write it. The
//     plugin says "format: duration", which is ISO 8601 (PT5M).
//   - What may be left out is taken from the plugin's lenient output. The strict
//     one demands every field without presence, zero values included; everything
//     else about it is what the policy loader accepts: snake_case names only, and
//     no numbers written as strings.
//   - What the plugin leaves out of the rules (fields that exclude each other,
//     lists that must not be empty) is added from the descriptors.
//   - Descriptions lose the blank that follows // in every line of a comment.
//   - Definitions lose the plugin's file suffixes and their own $schema, which
//     JSON Schema allows only at the root of a document.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// durationPattern matches the durations that authz/policy/document reads.
const durationPattern = `^[0-9]+(ms|s|m|h)$`

const (
	defsPrefix    = "#/$defs/"
	strictSuffix  = ".schema.strict.json"
	lenientSuffix = ".schema.json"
	durationName  = "google.protobuf.Duration"
)

// object is a JSON object whose keys are printed in alphabetical order.
type object = map[string]any

func main() {
	in := flag.String("in", "", "folder that protoc-gen-jsonschema wrote to")
	message := flag.String("message", "hookauthz.policy.v1.Config", "full name of the file's message")
	out := flag.String("out", "", "file to write")
	flag.Parse()
	err := run(*in, *message, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func run(in, message, out string) error {
	strict, err := read(filepath.Join(in, message+".schema.strict.bundle.json"))
	if err != nil {
		return err
	}
	lenient, err := read(filepath.Join(in, message+".schema.bundle.json"))
	if err != nil {
		return err
	}
	schema, err := convert(strict, lenient, message)
	if err != nil {
		return fmt.Errorf("convert %s: %v", message, err)
	}
	err = addRules(schema, message)
	if err != nil {
		return fmt.Errorf("add the rules of %s: %v", message, err)
	}
	text, err := encode(schema)
	if err != nil {
		return fmt.Errorf("encode %s: %v", message, err)
	}
	err = os.WriteFile(out, text, 0o644) //nolint:gosec // a published file, for everyone to read
	if err != nil {
		return fmt.Errorf("write the schema: %v", err)
	}
	return nil
}

// convert returns the schema of message. It changes strict in place.
func convert(strict, lenient object, message string) (object, error) {
	strictDefs, ok := strict["$defs"].(object)
	if !ok {
		return nil, fmt.Errorf("the strict bundle has no $defs")
	}
	lenientDefs, ok := lenient["$defs"].(object)
	if !ok {
		return nil, fmt.Errorf("the lenient bundle has no $defs")
	}
	defs := object{}
	for key, value := range strictDefs {
		name := strings.TrimSuffix(key, strictSuffix)
		def, ok := value.(object)
		if !ok || name == key {
			return nil, fmt.Errorf("definition %q is not what protoc-gen-jsonschema v0.6.0 writes", key)
		}
		counterpart, ok := lenientDefs[name+lenientSuffix].(object)
		if !ok {
			return nil, fmt.Errorf("the lenient bundle has no definition of %s", name)
		}
		delete(def, "required")
		if required, ok := counterpart["required"]; ok {
			def["required"] = required
		}
		delete(def, "$schema")
		if name == durationName {
			describeDuration(def)
		}
		clean(def)
		defs[name] = def
	}
	if _, ok := defs[message]; !ok {
		return nil, fmt.Errorf("the bundle has no definition of the message itself")
	}
	return object{
		"$schema": strict["$schema"],
		"$ref":    defsPrefix + message,
		"$defs":   defs,
	}, nil
}

// addRules constrains every definition by the rules of its message.
func addRules(schema object, message string) error {
	file := policypb.File_hookauthz_policy_v1_config_proto
	root := file.Messages().ByName(protoreflect.FullName(message).Name())
	if root == nil || string(root.FullName()) != message {
		return fmt.Errorf("the generated code has no such message")
	}
	defs, _ := schema["$defs"].(object)
	for name, def := range defs {
		if name == durationName {
			continue
		}
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return fmt.Errorf("find %s: %v", name, err)
		}
		of, isMessage := found.(protoreflect.MessageDescriptor)
		def, isObject := def.(object)
		if !isMessage || !isObject {
			return fmt.Errorf("definition %s is no message", name)
		}
		err = constrain(def, of, root)
		if err != nil {
			return err
		}
	}
	return nil
}

// durationExamples are what an editor offers.
func durationExamples() []any { return []any{"300s", "5m", "24h", "200ms"} }

func describeDuration(def object) {
	delete(def, "format")
	def["description"] = "A whole number and a unit: ms, s, m or h."
	def["examples"] = durationExamples()
	def["pattern"] = durationPattern
}

// clean rewrites every reference in value to the definitions' short names and
// every description as text.
func clean(value any) {
	switch value := value.(type) {
	case object:
		if ref, ok := value["$ref"].(string); ok {
			value["$ref"] = strings.TrimSuffix(ref, strictSuffix)
		}
		for _, key := range []string{"title", "description"} {
			if text, ok := value[key].(string); ok { // else a property of that name
				value[key] = strings.ReplaceAll(text, "\n ", "\n")
			}
		}
		for _, v := range value {
			clean(v)
		}
	case []any:
		for _, v := range value {
			clean(v)
		}
	}
}

func read(name string) (object, error) {
	text, err := os.ReadFile(name) //nolint:gosec // the Makefile names the file
	if err != nil {
		return nil, fmt.Errorf("read the plugin's output: %v", err)
	}
	// Numbers stay as they are written: a uint64 limit does not fit a float64.
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var schema object
	err = dec.Decode(&schema)
	if err != nil {
		return nil, fmt.Errorf("read %s: %v", name, err)
	}
	return schema, nil
}

func encode(schema object) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // patterns hold < and >, and people read them
	enc.SetIndent("", "  ")
	err := enc.Encode(schema)
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

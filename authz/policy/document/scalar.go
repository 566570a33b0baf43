package document

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

const durationName = "google.protobuf.Duration"

// isMessage reports whether the values of field are written as maps.
func isMessage(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() != durationName
}

// scalar decodes a value that is one word, number or text.
func (w *walker) scalar(field protoreflect.FieldDescriptor, node, key *yaml.Node) (protoreflect.Value, bool) {
	if !w.enter(node, key) {
		return protoreflect.Value{}, false
	}
	if node.Kind != yaml.ScalarNode {
		w.wrongKind(node, w.expected(field, node))
		return protoreflect.Value{}, false
	}
	v, code, message := decode(field, node)
	if words := w.schema.of(field).GetString().GetIn(); code == codeUnquoted && len(words) > 0 {
		code, message = codeValue, mustBe(words)
	}
	if message != "" {
		w.broken(node, code, message)
		w.skip(node)
		return protoreflect.Value{}, false
	}
	w.src.scalars = append(w.src.scalars, token{node, tokenVisibility(field)})
	if w.schema.isReference(field) {
		w.references = append(w.references, reference{place{src: w.src, node: node}, field.Name()})
	}
	return v, true
}

// expected says what belongs where a list or a map stands.
func (w *walker) expected(field protoreflect.FieldDescriptor, node *yaml.Node) string {
	switch {
	case field.Kind() != protoreflect.StringKind:
		return "a single value belongs here, not a list or a map"
	case node.Style&yaml.FlowStyle != 0 && node.Kind == yaml.MappingNode:
		return `a text belongs here, and YAML takes { } for a map: write the text in quotes, such as "{body}"`
	case node.Style&yaml.FlowStyle != 0:
		return "one text belongs here, and YAML takes [ ] for a list: write a text with brackets in quotes"
	}
	return "one text belongs here, not a list or a map"
}

// tokenVisibility: numbers and the like can be shown, a text only if it looks
// harmless.
func tokenVisibility(field protoreflect.FieldDescriptor) visibility {
	if field.Kind() == protoreflect.StringKind {
		return ordinarily
	}
	return always
}

// decode converts a scalar. If it returns a message there is no value.
func decode(field protoreflect.FieldDescriptor, node *yaml.Node) (v protoreflect.Value, code, message string) {
	plain := node.Style&^yaml.FlowStyle == 0
	switch field.Kind() {
	case protoreflect.StringKind:
		if looks := resembles(node); looks != "" {
			return v, codeUnquoted, "YAML takes this for " + looks + ": write it in quotes"
		}
		return protoreflect.ValueOfString(node.Value), "", ""
	case protoreflect.BoolKind:
		if !plain || node.Value != "true" && node.Value != "false" {
			return v, codeType, "true or false belongs here, without quotes"
		}
		return protoreflect.ValueOfBool(node.Value == "true"), "", ""
	case protoreflect.Uint32Kind:
		if !plain || !decimal(node.Value) {
			return v, codeType, "a whole number belongs here, without quotes"
		}
		n, err := strconv.ParseUint(node.Value, 10, 32)
		if err != nil {
			return v, codeRange, "the number is too large"
		}
		return protoreflect.ValueOfUint32(uint32(n)), "", ""
	case protoreflect.MessageKind:
		d, message := duration(node)
		if message != "" {
			return v, codeDuration, message
		}
		return protoreflect.ValueOfMessage(durationpb.New(d).ProtoReflect()), "", ""
	default:
		return v, codeSchema, fmt.Sprintf("fields of type %v are not supported", field.Kind())
	}
}

// decimal reports whether s is a number written in the one way that all
// programs read alike: no sign, no leading 0, no exponent.
func decimal(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s == "0" || s != "" && s[0] != '0'
}

// resembles says what else YAML readers may take a plain text for, "" if
// nothing. The words of YAML 1.1 count, since many programs still know them, and
// so does punctuation, on which parsers differ.
func resembles(node *yaml.Node) string {
	if node.Style&^yaml.FlowStyle != 0 {
		return ""
	}
	switch node.Tag {
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	case "!!null":
		return "no value"
	case "!!timestamp":
		return "a date"
	case "!!merge":
		return "a merge key"
	}
	switch strings.ToLower(node.Value) {
	case "yes", "no", "on", "off":
		return "a boolean"
	}
	if strings.HasPrefix(node.Value, ":") || strings.HasPrefix(node.Value, "?") || strings.HasPrefix(node.Value, "-") {
		return "punctuation"
	}
	return ""
}

// longestDuration is about 285 years, so that no duration overflows
// [time.Duration].
const longestDuration = 2_500_000 * time.Hour

// duration reads a whole number and a unit, such as 300s.
func duration(node *yaml.Node) (d time.Duration, message string) {
	const want = "a whole number and its unit belong here, such as 300s (ms, s, m, h)"
	text := node.Value
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	unit, known := unitOf(text[len(digits):])
	switch {
	case strings.HasPrefix(text, "-"):
		return 0, "a duration can't be negative"
	case decimal(text):
		return 0, "the unit is missing: write a duration such as 300s (ms, s, m, h)"
	case !decimal(digits) || !known:
		return 0, want
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > int64(longestDuration/unit) {
		return 0, "the duration is too long"
	}
	return time.Duration(n) * unit, ""
}

func unitOf(name string) (time.Duration, bool) {
	switch name {
	case "ms":
		return time.Millisecond, true
	case "s":
		return time.Second, true
	case "m":
		return time.Minute, true
	case "h":
		return time.Hour, true
	}
	return 0, false
}

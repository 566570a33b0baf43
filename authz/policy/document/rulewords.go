package document

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// words says in a person's words which rule is broken.
func (v *verdict) words() (code, message string) {
	family, rule, _ := strings.Cut(v.id, ".")
	switch {
	case v.id == "required" && v.found:
		return codeEmpty, "must not be empty"
	case v.id == "required":
		return codeRequired, "required"
	case family == "repeated" || family == "map":
		return v.countWords(rule)
	case rule == "in" && family == "string":
		return v.enumWords()
	case family == "uint32":
		return codeRange, "must be " + limits(v.rules.GetUint32().ProtoReflect())
	case family == "duration":
		return codeRange, "must be " + limits(v.rules.GetDuration().ProtoReflect())
	case rule == "pattern":
		return codePattern, patternWords(v.rules.GetString().GetPattern())
	case family == "string" && strings.Contains(rule, "len") || strings.Contains(rule, "bytes"):
		return codeLength, v.lengthWords(rule)
	case v.id == "string.uri":
		return codePattern, "must be a URL such as https://example.com/page"
	}
	return codeRule, v.Proto.GetMessage()
}

// enumWords repeats a value only if it is near one of the words and does not mean
// something else.
func (v *verdict) enumWords() (code, message string) {
	allowed, value := v.rules.GetString().GetIn(), v.FieldValue.String()
	if why, known := leftOut(v.field, value); why != "" {
		v.harmless = known
		return codeValue, why + ": " + mustBe(allowed)
	}
	if words := unfinished(value, allowed); words != "" {
		v.harmless = true
		return codeValue, words
	}
	if near, ok := Closest(value, allowed); ok {
		v.harmless = true
		return codeValue, fmt.Sprintf("unknown value %q, did you mean %q?", value, near)
	}
	return codeValue, mustBe(allowed)
}

func mustBe(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = strconv.Quote(word)
	}
	return "must be " + list(quoted, "or")
}

func (v *verdict) countWords(rule string) (code, message string) {
	repeated, pairs := v.rules.GetRepeated(), v.rules.GetMap()
	switch rule {
	case "min_items":
		return codeRequired, "at least " + count(int(repeated.GetMinItems()), "item") + " must stand here" //nolint:gosec // a small number of the schema
	case "max_items":
		return codeLength, fmt.Sprintf("more than %d items", repeated.GetMaxItems())
	case "min_pairs":
		return codeRequired, "at least one entry must stand here"
	case "max_pairs":
		return codeLength, fmt.Sprintf("more than %d entries", pairs.GetMaxPairs())
	}
	return codeRule, v.Proto.GetMessage()
}

func (v *verdict) lengthWords(rule string) string {
	s := v.rules.GetString()
	switch rule {
	case "min_len":
		if s.GetMinLen() == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("shorter than %d characters", s.GetMinLen())
	case "max_len":
		return fmt.Sprintf("longer than %d characters", s.GetMaxLen())
	case "max_bytes":
		return fmt.Sprintf("longer than %d bytes", s.GetMaxBytes())
	}
	return v.Proto.GetMessage()
}

// limits words the rules of a number or a duration, such as "from 1 to 128".
func limits(rules protoreflect.Message) string {
	fields := rules.Descriptor().Fields()
	text := func(name protoreflect.Name) string {
		field := fields.ByName(name)
		if field == nil || !rules.Has(field) {
			return ""
		}
		return limit(rules.Get(field))
	}
	if in := fields.ByName("in"); in != nil && rules.Get(in).List().Len() > 0 {
		var allowed []string
		for i := range rules.Get(in).List().Len() {
			allowed = append(allowed, limit(rules.Get(in).List().Get(i)))
		}
		return list(allowed, "or")
	}
	over, from, under, to := text("gt"), text("gte"), text("lt"), text("lte")
	var parts []string
	switch {
	case from != "" && to != "" && from != "0s":
		return "from " + from + " to " + to
	case over != "":
		parts = append(parts, "over "+over)
	case from != "" && from != "0s": // a negative duration is refused before
		parts = append(parts, "at least "+from)
	}
	switch {
	case under != "":
		parts = append(parts, "under "+under)
	case to != "":
		parts = append(parts, "at most "+to)
	}
	return strings.Join(parts, " and ")
}

func limit(v protoreflect.Value) string {
	message, ok := v.Interface().(protoreflect.Message)
	if !ok {
		return v.String()
	}
	d, ok := message.Interface().(*durationpb.Duration)
	if !ok {
		return v.String()
	}
	return human(d.AsDuration())
}

// human writes a duration as policy files do, in its largest whole unit.
func human(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%dh (%d days)", d/time.Hour, d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d%time.Second == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}

// patternWords says what a text that must match a pattern looks like.
func patternWords(pattern string) string {
	known := []struct{ pattern, words string }{
		{`^/`, "must be a JSON pointer such as /token"},
		{`^[0-2](\.(0|[1-9][0-9]{0,8})){1,31}$`, "must be an object identifier such as 1.2.840.113635.100.6.11.1"},
		{`^[a-z*][a-z0-9_.*-]{0,63}$`, "must be a label such as sig1: lower-case letters, digits, _ . * and -, at most 64"},
		{`^[\x20-\x7e]{1,64}$`, "must be printable ASCII, 1 to 64 characters"},
		{
			"^(@[a-z-]{1,32}|\\([a-z-]{1,32}\\)|[a-z0-9!#$%&'*+.^_`|~-]{1,128})$",
			"must be a header's name in lower case, or a derived component such as @method",
		},
		{
			`^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( ?; ?[A-Za-z0-9!#$&^_.+-]+=[A-Za-z0-9!#$&^_.+-]+)*$`,
			"must be a content type such as application/json",
		},
		{
			`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`,
			"must be one whole host name in lower case, such as api.example.com",
		},
		{`^/([A-Za-z0-9_~-][A-Za-z0-9._~-]*/)+$`, "must be a path that begins and ends with a slash, such as /v1/certs/"},
		{`^[a-z0-9][a-z0-9_-]{0,62}$`, "must be a name: lower-case letters, digits, - and _, at most 63, a letter or digit first"},
		{"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$", "must be the name of a header"},
		{`^[A-Za-z0-9._~-]{1,128}$`, "must be the name of a query parameter: letters, digits and . _ ~ -"},
		{`^[1-9][0-9]{0,9}(B|KiB|MiB|GiB)$`, "must be a size such as 256KiB (B, KiB, MiB, GiB)"},
		{`^[A-Z][A-Z-]{0,31}$`, "must be a method in capitals, such as POST"},
		{`^[A-Za-z0-9_-]{1,64}$`, "must be letters, digits, - and _, at most 64"},
		{`^[A-Za-z_][A-Za-z0-9_]{0,254}$`, "must be the name of an environment variable: letters, digits and _"},
		{`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$`, "must be a mount such as secret or team/kv, without / at its ends"},
		{`^[A-Za-z0-9_-][A-Za-z0-9_.@ -]*(/[A-Za-z0-9_-][A-Za-z0-9_.@ -]*)*$`, "must be a path such as webhooks/github, without / at its ends"},
		{`^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~/%-]*)?$`, "must be a URL such as https://hooks.example.com, without a query"},
		{`^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~/%@-]*)?(\?[A-Za-z0-9._~/%@=&-]*)?$`, "must be a URL such as https://issuer.example/keys"},
		{`^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~/-]*)?$`, "must be a URL such as https://issuer.example, without a query"},
		{`^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~-]+)*$`, "must be a URL such as https://hooks.example.com, without a query and without / at its end"},
		{`^[0-9a-fA-F]{64}$`, "must be a SHA-256: 64 hex digits"},
		{`^[A-Za-z0-9_-]{1,128}$`, "must be the name or id of an issuer: letters, digits, - and _, at most 128"},
		{`^[A-Za-z0-9._:/-]{1,64}$`, "must be a scope: letters, digits and . _ : / -, at most 64"},
		{`^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$`, "must be the value of a header: printable ASCII, no space at its ends"},
		{`^[\x21-\x39\x3b-\x7e]([\x20-\x39\x3b-\x7e]{0,126}[\x21-\x39\x3b-\x7e])?$`, "must be a user name: printable ASCII without a colon, at most 128, no space at its ends"},
	}
	for _, k := range known {
		if k.pattern == pattern {
			return k.words
		}
	}
	return "must match " + pattern
}

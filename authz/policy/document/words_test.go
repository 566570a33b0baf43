package document_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestClosest(t *testing.T) {
	names := []string{"hex", "base64", "base64url", "tolerance", "a", "accepted"}
	tests := []struct{ word, want string }{
		{word: "hexx", want: "hex"},
		{word: "HEX", want: "hex"},
		{word: "ehx", want: "hex"},
		{word: "base46", want: "base64"},
		{word: "base64-url", want: "base64url"},
		{word: "tolernce", want: "tolerance"},
		{word: "tolerance", want: "tolerance"},
		{word: "tollerrence"},
		{word: "b"}, // nothing of the word would be left
		{word: ""},
		{word: strings.Repeat("accepted", 1000)},
	}
	for _, tt := range tests {
		t.Run(tt.word, func(t *testing.T) {
			got, ok := document.Closest(tt.word, names)
			if ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("got %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

// A field that stands one level too high is told where it belongs, if that is one
// place only.
func TestFieldsOneLevelTooHigh(t *testing.T) {
	const jwe = "jwe: {body: {}, keys: [k], key_algorithms: [dir], content_algorithms: [A256GCM], "
	tests := []struct{ settings, path, want string }{
		{settings: jwe + "inner: {algorithms: [ES256]}}", path: "jwe.inner", want: `unknown field "algorithms": it belongs under jws`},
		{settings: "bearer: {algorithms: [ES256]}", path: "bearer", want: `unknown field "algorithms": it belongs under jwt`},
		{settings: "bearer: {algorithm: ES256}", path: "bearer", want: `unknown field "algorithm": known here are `},
		{settings: "credential: {header: X}", want: `unknown field "credential"`}, // of mac and of signature
	}
	for _, tt := range tests {
		t.Run(tt.settings, func(t *testing.T) {
			_, _, findings := readText("policies: {p: {require: {" + tt.settings + "}}}")
			path := strings.TrimSuffix("policies.p.require."+tt.path, ".")
			if len(findings) != 1 || findings[0].Path != path || !strings.HasPrefix(findings[0].Message, tt.want) || strings.Contains(findings[0].Message, "belongs") != strings.Contains(tt.want, "belongs") {
				t.Errorf("got %+v, want %s: %s", findings, path, tt.want)
			}
		})
	}
}

func TestOrdinary(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{text: "", want: true},
		{text: "X-Hub-Signature-256", want: true},
		{text: "{header:X-Timestamp}.{body}", want: true},
		{text: "hooks.example.com", want: true},
		{text: "/run/secrets/begini", want: true},
		{text: "STRIPE_SIGNING_SECRET", want: true},
		{text: "GitHub", want: true},
		{text: "sha256=", want: true},
		{text: "203.0.113.0/24", want: true},
		{text: "256KiB", want: true},
		{text: "s3cr3t"},
		{text: "whsec_dGVzdC1zZWNyZXQ"},
		{text: "AKIAIOSFODNN7EXAMPLE"},
		{text: "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		{text: "correct horse battery staple"},
		{text: "9f86d081884c7d65"},
		{text: "1234567890123456"},
		{text: "pässword"},
		{text: strings.Repeat("word-", 20)},
	}
	for _, tt := range tests {
		if got := document.Ordinary(tt.text); got != tt.want {
			t.Errorf("ordinary(%q) = %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestRepeatable(t *testing.T) {
	names := []string{"secrets", "kv_version", "max_age"}
	tests := []struct {
		key  string
		want bool
	}{
		{key: "secret", want: true},
		{key: "kvVersion", want: true},
		{key: "kv_vresion", want: true},
		{key: "kv_version2", want: true},
		{key: "bearer", want: true},
		{key: "s3cr3t"},
		{key: "hunter2"},
		{key: "two words"},
		{key: "a\x1b[31m"},
		{key: "abcdefghijklmnopqrstuvwx"},
		{key: "dGVzdC1zZWNyZXQ"},
	}
	for _, tt := range tests {
		if got := document.Repeatable(tt.key, names); got != tt.want {
			t.Errorf("repeatable(%q) = %v, want %v", tt.key, got, tt.want)
		}
	}
}

// Each pattern of the schema has words of its own, and each field a type that
// files can hold.
func TestSchemaIsCovered(t *testing.T) {
	seen := map[protoreflect.FullName]bool{}
	var walk func(protoreflect.MessageDescriptor)
	walk = func(message protoreflect.MessageDescriptor) {
		if seen[message.FullName()] || message.FullName() == "google.protobuf.Duration" {
			return
		}
		seen[message.FullName()] = true
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			rules, err := protovalidate.ResolveFieldRules(field)
			if err != nil {
				t.Fatal(err)
			}
			for _, pattern := range []string{
				rules.GetString().GetPattern(),
				rules.GetRepeated().GetItems().GetString().GetPattern(),
				rules.GetMap().GetKeys().GetString().GetPattern(),
				rules.GetMap().GetValues().GetString().GetPattern(),
			} {
				if pattern != "" && strings.Contains(document.PatternWords(pattern), pattern) {
					t.Errorf("%s: no words for the pattern %s", field.FullName(), pattern)
				}
			}
			value := field
			if field.IsMap() {
				value = field.MapValue()
				if field.MapKey().Kind() != protoreflect.StringKind {
					t.Errorf("%s: keys of type %v", field.FullName(), field.MapKey().Kind())
				}
			}
			switch value.Kind() {
			case protoreflect.StringKind, protoreflect.BoolKind, protoreflect.Uint32Kind:
			case protoreflect.MessageKind:
				walk(value.Message())
			default:
				t.Errorf("%s: type %v is not supported", field.FullName(), value.Kind())
			}
		}
	}
	walk((&policypb.Config{}).ProtoReflect().Descriptor())
	walk((&policypb.CatalogEntry{}).ProtoReflect().Descriptor())
}

var errFull = errors.New("disk full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestRender(t *testing.T) {
	findings := []document.Finding{
		{File: "b.yaml", Line: 2, Column: 3, Width: 1, Path: "routes[0]", Code: "route", Message: "100% the\nsame", Warning: true},
		{File: "a,b:c.yaml", Line: 1, Column: 7, Width: 3, Code: "x", Message: "bad \x1b[2J", Text: "\ta: é bcd"},
		{Code: "file_size", Message: "there is no policy file"},
	}
	tests := []struct {
		name, format string
		style        document.Style
		findings     []document.Finding
		want         string
	}{
		{name: "text", format: document.FormatText, findings: findings, want: "there is no policy file\na,b:c.yaml:1:7: bad \ufffd[2J\n" +
			"b.yaml:2:3: warning: routes[0]: 100% the\ufffdsame\n2 mistakes and 1 warning in 2 files\n"},
		{name: "terminal", format: document.FormatText, style: document.Colored, findings: findings[1:2], want: "a,b:c.yaml:1:7: bad \ufffd[2J\n" +
			"   1 |  a: é bcd\n     |       \x1b[31m^^^\x1b[0m\n1 mistake in 2 files\n"},
		{name: "terminal without colours", format: document.FormatText, style: document.Excerpt, findings: findings[1:2], want: "a,b:c.yaml:1:7: bad \ufffd[2J\n" +
			"   1 |  a: é bcd\n     |       ^^^\n1 mistake in 2 files\n"},
		{name: "github", format: document.FormatGitHub, findings: findings, want: "::error title=file_size::there is no policy file\n" +
			"::error file=a%2Cb%3Ac.yaml,line=1,col=7,title=x::bad \x1b[2J\n" +
			"::warning file=b.yaml,line=2,col=3,title=route::routes[0]: 100%25 the%0Asame\n2 mistakes and 1 warning in 2 files\n"},
		{name: "nothing", format: document.FormatText, want: "no mistakes in 2 files\n"},
		{name: "nothing for machines", format: document.FormatJSON, want: "{\n  \"version\": 1,\n  \"findings\": [],\n  \"mistakes\": 0,\n  \"warnings\": 0,\n  \"files\": 2\n}\n"},
		{name: "only a warning", format: document.FormatText, findings: findings[:1], want: "b.yaml:2:3: warning: routes[0]: 100% the\ufffdsame\n1 warning in 2 files\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := document.Render(&out, tt.findings, tt.format, tt.style, 2); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got  %q\nwant %q", out.String(), tt.want)
			}
		})
	}
	if err := document.Render(&bytes.Buffer{}, nil, "sarif", document.Plain, 1); err == nil {
		t.Error("got no error for an unknown format")
	}
	if err := document.Render(fullDisk{}, nil, document.FormatText, document.Plain, 1); !errors.Is(err, errFull) {
		t.Errorf("got error %v, want that of the writer", err)
	}
}

package document_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func readText(text string) (*policypb.Config, *document.Document, []document.Finding) {
	config := &policypb.Config{}
	d, findings := document.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, config)
	return config, d, findings
}

const minimal = `{"secrets":{"s":{"env":{"name":"S"}}},"policies":{"p":{"require":{"provider":{"name":"github","secrets":["s"]}}}}}`

// Mistakes of a file as a whole: there is one finding, and no excerpt.
func TestReadRefusesFiles(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{name: "no bytes", text: "", want: "1:1: file_size: the file is empty"},
		{name: "white space", text: " \n\t\n", want: "1:1: file_size: the file is empty"},
		{name: "comments", text: "# nothing\n# more\n", want: "1:1: file_size: the file is empty"},
		{name: "empty document", text: "---\n...\n", want: "1:1: file_size: the file is empty"},
		{name: "null", text: "~\n", want: "1:1: file_size: the file is empty"},
		{name: "too large", text: strings.Repeat("#", document.MaxFileBytes+1), want: "1:1: file_size: the file has over 16 MiB: split it"},
		{name: "not UTF-8", text: "routes: []\npolicies: {\"\xc3\x28\"}", want: "2:13: encoding: the file is not UTF-8"},
		{name: "UTF-16", text: "\xff\xfea\x00:\x00", want: "1:1: encoding: the file is not UTF-8"},
		{name: "zero byte", text: "a: \x00", want: "1:4: encoding: the character U+0000 must not stand in a file; in quotes it can be written as an escape"},
		{name: "lone carriage return", text: "a: é\rb: c", want: "1:5: encoding: the character U+000D must not stand in a file; in quotes it can be written as an escape"},
		{name: "line end that editors don't know", text: "a: \u2028b", want: "1:4: encoding: the character U+2028 must not stand in a file; in quotes it can be written as an escape"},
		{name: "reordering character", text: "a: \u202eb", want: "1:4: encoding: the character U+202E must not stand in a file; in quotes it can be written as an escape"},
		{name: "second document", text: minimal + "\n---\nbogus: 1\n", want: "2:1: documents: a second document begins here: a policy file holds one"},
		{name: "second empty document", text: minimal + "\n---\n", want: "2:1: documents: a second document begins here: a policy file holds one"},
		{name: "syntax in the second document", text: minimal + "\n---\na: [1", want: "3:4: syntax: a comma or ] is missing, or the list is not closed"},
		{name: "tab", text: "secrets:\n\ta: {env: {name: A}}\n", want: "2:1: syntax: a tab can't indent: use spaces"},
		{name: "tab after spaces", text: "secrets:\n  a:\n  \tenv: {name: A}\n", want: "3:3: syntax: a tab can't indent: use spaces"},
		{name: "list not closed", text: "routes: [1, 2\n", want: "1:9: syntax: a comma or ] is missing, or the list is not closed"},
		{name: "map not closed", text: "a: {b: c\n", want: "1:4: syntax: a comma or } is missing, or the map is not closed"},
		{name: "quote not closed", text: "a: \"x\n", want: "1:4: syntax: this quote is not closed"},
		{name: "bracket too many", text: "{a: b}}", want: "1:7: syntax: the file should end here: a bracket too many, or text after the end"},
		{name: "indentation", text: "a:\n  b: 1\n c: 2\n", want: "3:2: syntax: the indentation fits nothing above, or a bracket or quote is not closed"},
		{name: "escape", text: `a: "\q"`, want: `1:5: syntax: there is no such escape; a backslash in double quotes is written \\`},
		{name: "lone surrogate", text: `{"a": "\ud83d"}`, want: "1:10: syntax: this escape is not a character"},
		{name: "second colon", text: "a: b: c", want: `1:5: syntax: a second ": " on one line: write text with a colon in quotes`},
		{name: "percent sign", text: "a: %x", want: "1:4: syntax: text that begins with this character needs quotes"},
		{name: "alias of nothing", text: "a: *s3cr3t", want: "1:4: yaml_feature: aliases are not allowed: write the value out (text that begins with * needs quotes)"},
		{name: "nested without end", text: strings.Repeat("[", 20000), want: "1:10001: depth: nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, d, findings := readText(tt.text)
			if len(findings) != 1 || d != nil {
				t.Fatalf("got %d findings %v, Document %v; want one and none", len(findings), findings, d)
			}
			f := findings[0]
			got := fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, f.Code, f.Message)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if f.Text != "" {
				t.Errorf("shows %q of a file that is not understood", f.Text)
			}
		})
	}
}

func TestReadWithoutFiles(t *testing.T) {
	d, findings := document.Read(nil, &policypb.Config{})
	if d != nil || document.Mistakes(findings) != 1 {
		t.Errorf("got %v, %v; want no Document and a mistake", d, findings)
	}
}

func TestReadCapsDepth(t *testing.T) {
	text := "policies: {p: {require: " + strings.Repeat("{all_of: [", 20) + strings.Repeat("]}", 20) + "}}"
	_, _, findings := readText(text)
	if len(findings) != 1 || findings[0].Code != "depth" {
		t.Errorf("got %v, want one finding about depth", findings)
	}
}

func TestReadDecodes(t *testing.T) {
	config, d, findings := readText(`{
	"secrets": {"s": {"vault": {"path": "a\/b", "field": "\ud83d\ude00 \"x\" \\ud83d", "previous_for": "24h", "kv_version": 2}}},
	"policies": {"p": {"require": {"source_ip": {"allow": ["10.0.0.0/8"]}}, "answers": {"missing": {"body": ""}},
		"upstream": {"headers": {"X-A": "true"}, "remove_credentials": false}}}
}`)
	if len(findings) > 0 || d == nil {
		t.Fatalf("got findings %v", findings)
	}
	no := false
	empty := ""
	want := &policypb.Config{
		Secrets: map[string]*policypb.Secret{"s": {Source: &policypb.Secret_Vault{Vault: &policypb.VaultSource{
			Path: "a/b", Field: `😀 "x" \ud83d`, KvVersion: 2, PreviousFor: durationpb.New(24 * 3600e9),
		}}}},
		Policies: map[string]*policypb.Policy{"p": {
			Require:  &policypb.Requirement{Kind: &policypb.Requirement_SourceIp{SourceIp: &policypb.SourceIp{Allow: []string{"10.0.0.0/8"}}}},
			Answers:  &policypb.Answers{Missing: &policypb.Answer{Body: &empty}},
			Upstream: &policypb.Upstream{Headers: map[string]string{"X-A": "true"}, RemoveCredentials: &no},
		}},
	}
	if !proto.Equal(config, want) {
		t.Errorf("got  %v\nwant %v", config, want)
	}
}

func TestDurations(t *testing.T) {
	tests := []struct{ text, want string }{
		{text: "300s", want: "seconds:300"},
		{text: `"5m"`, want: "seconds:300"},
		{text: "24h", want: "seconds:86400"},
		{text: "200ms", want: "nanos:200000000"},
		{text: "300"},
		{text: "-5s"},
		{text: "1.5h"},
		{text: "1h30m"},
		{text: "05s"},
		{text: "5 s"},
		{text: "5S"},
		{text: "s"},
		{text: "2d"},
		{text: "1e3s"},
		{text: "0x5s"},
		{text: "5us"},
		{text: "9999999999999999999s"},
		{text: "2500001h"},
		{text: "[5s]"},
		{text: `""`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			config, _, findings := readText("policies: {p: {require: {provider: {name: x, secrets: [s], tolerance: " + tt.text + "}}}}")
			if ok := document.Mistakes(findings) == 0; ok != (tt.want != "") {
				t.Fatalf("got findings %v, want a mistake: %v", findings, tt.want == "")
			}
			got := strings.ReplaceAll(config.GetPolicies()["p"].GetRequire().GetProvider().GetTolerance().String(), " ", "")
			if tt.want != "" && got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A mistake is told once: what follows from it is not told too, and what does
// not follow is.
func TestFollowUps(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{name: "a misspelt required field is not missing", text: "policies: {p: {requird: {provider: {}}}}", want: []string{"unknown_field"}},
		{name: "a misspelt alternative is not missing", text: "policies: {p: {require: {provder: {}}}}", want: []string{"unknown_field"}},
		{name: "an unknown field may have been the alternative", text: "policies: {p: {require: {kerberos: {}}}}", want: []string{"unknown_field"}},
		{name: "a broken item is not missing", text: "policies: {p: {require: {provider: {name: x, secrets: [1]}}}}", want: []string{"unquoted"}},
		{name: "a broken entry is there", text: "policies: {p: 1}", want: []string{"type"}},
		{name: "but its neighbours are judged", text: "policies: {p: {require: {provider: {name: 1, secrets: []}}, methods: [get]}}", want: []string{"unquoted", "empty", "pattern"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, findings := readText(tt.text)
			var got []string
			for _, f := range findings {
				got = append(got, f.Code)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %v, want %v: %v", got, tt.want, findings)
			}
		})
	}
}

// Any message of the schema can be the content of a file.
func TestReadCatalogEntry(t *testing.T) {
	text := "name: x\ntitle: X\ndocumentation: nowhere\nconfidence: first-party\n"
	_, findings := document.Read([]document.File{{Name: "x.yaml", Data: []byte(text)}}, &policypb.CatalogEntry{})
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, f.Path, f.Message))
	}
	want := []string{
		"1:1: : exactly one of mac or api_key is required",
		"3:16: documentation: must be a URL such as https://example.com/page",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Of several files, one that can't be parsed doesn't make the others wrong: what
// they miss may stand in it.
func TestReadWithOneBrokenFile(t *testing.T) {
	d, findings := document.Read([]document.File{
		{Name: "a.yaml", Data: []byte("policies: {p: [")},
		{Name: "b.yaml", Data: []byte("secrets: {s: {}}")},
	}, &policypb.Config{})
	if d != nil || len(findings) != 2 || findings[0].Code != "syntax" || findings[1].Path != "secrets.s" {
		t.Errorf("got %v, %v; want no Document, the syntax of a.yaml and secrets.s", d, findings)
	}
}

// Minified JSON is one line, however large.
func TestReadManyMistakesOnOneLine(t *testing.T) {
	started := time.Now()
	text := "policies: {" + strings.Repeat("a: b, ", 40_000) + "}"
	_, findings := document.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, &policypb.Config{})
	if len(findings) < 40_000 {
		t.Errorf("%d findings, want one for each entry", len(findings))
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("Read() took %v: the work of a finding grows with its line", took)
	}
}

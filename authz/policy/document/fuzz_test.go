package document_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"buf.build/go/protoyaml"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// FuzzRead looks for a text that is accepted and read differently by another
// program, for a finding outside the file, and for a value that leaks.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"good.yaml", "mistakes.yaml", "structure.yaml", "unquoted.yaml", "merge/a.yaml", "merge/b.yaml", "merge/c.json"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint16(7))
	}
	f.Add([]byte(minimal), uint16(3))
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		config := &policypb.Config{}
		_, findings := document.Read([]document.File{{Name: "p.yaml", Data: data}}, config)
		for i := range findings {
			checkPosition(t, data, &findings[i])
		}
		if document.Mistakes(findings) == 0 {
			checkRoutes(t, data, config)
		}
		// Any other value would be visible in the text anyway.
		const canary = "Zq7cAnAry9Xw"
		if places := spots(data); len(places) > 0 {
			s := places[int(at)%len(places)]
			changed := string(data[:s.start]) + canary + string(data[s.end:])
			checkCanary(t, changed, canary, spot{start: s.start, mapKey: s.mapKey || isKey(changed[s.start+len(canary):])})
		}
	})
}

// isKey reports whether what follows a scalar makes it a key, perhaps of a map
// whose names are free.
func isKey(rest string) bool { return strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n"), ":") }

func checkPosition(t *testing.T, data []byte, f *document.Finding) {
	t.Helper()
	lines := bytes.Split(bytes.TrimPrefix(data, []byte("\ufeff")), []byte("\n"))
	if f.Line < 1 || f.Line > len(lines) {
		t.Fatalf("line %d of %d: %+v", f.Line, len(lines), f)
	}
	line := lines[f.Line-1]
	if f.Column < 1 || f.Column > utf8.RuneCount(line)+1 || f.Width < 1 || f.Column+f.Width > utf8.RuneCount(line)+2 {
		t.Fatalf("column %d, width %d of %d: %+v", f.Column, f.Width, utf8.RuneCount(line), f)
	}
	if !strings.HasPrefix(string(line), f.Text) {
		t.Fatalf("text %q of line %q", f.Text, line)
	}
	if f.Message == "" || f.Code == "" {
		t.Fatalf("no message or code: %+v", f)
	}
}

// checkRoutes decodes data with another YAML parser, with our parser but
// without the schema, and as JSON if it is that.
func checkRoutes(t *testing.T, data []byte, got *policypb.Config) {
	t.Helper()
	other := &policypb.Config{}
	err := protoyaml.Unmarshal(data, other)
	switch {
	case err == nil && !proto.Equal(got, other):
		t.Errorf("protoyaml decodes\n%v\ngot\n%v", other, got)
	case err != nil && !bytes.Contains(data, []byte(`\/`)) && !bytes.Contains(bytes.ToLower(data), []byte(`\ud`)):
		t.Errorf("protoyaml refuses: %v", err)
	}

	var tree yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := loader.Load(&tree); err == nil {
		compareJSON(t, "tree", plain(tree.Content[0]), got)
	}
	var value any
	if json.Unmarshal(data, &value) == nil {
		compareJSON(t, "JSON", value, got)
	}
}

func compareJSON(t *testing.T, route string, value any, got *policypb.Config) {
	t.Helper()
	text, err := json.Marshal(secondsOnly(value, ""))
	if err != nil {
		t.Fatal(err)
	}
	other := &policypb.Config{}
	if err := protojson.Unmarshal(text, other); err != nil {
		t.Fatalf("by %s: %v\n%s", route, err, text)
	}
	if !proto.Equal(got, other) {
		t.Errorf("by %s\n%v\ngot\n%v", route, other, got)
	}
}

// plain converts a tree by YAML's own rules.
func plain(node *yaml.Node) any {
	switch node.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			m[node.Content[i].Value] = plain(node.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		items := []any{}
		for _, item := range node.Content {
			items = append(items, plain(item))
		}
		return items
	case yaml.DocumentNode, yaml.StreamNode, yaml.AliasNode, yaml.ScalarNode:
	}
	switch node.Tag {
	case "!!int":
		return json.Number(node.Value)
	case "!!bool":
		return node.Value == "true"
	case "!!null":
		return nil
	}
	return node.Value
}

// secondsOnly rewrites durations as protojson knows them.
func secondsOnly(value any, key string) any {
	switch v := value.(type) {
	case map[string]any:
		for k := range v {
			v[k] = secondsOnly(v[k], k)
		}
	case []any:
		for i := range v {
			v[i] = secondsOnly(v[i], "")
		}
	case string:
		if key == "tolerance" || key == "future_tolerance" || key == "previous_for" {
			if d, err := time.ParseDuration(v); err == nil {
				return strconv.FormatFloat(d.Seconds(), 'f', 9, 64) + "s"
			}
		}
	}
	return value
}

// A file that was cut anywhere is refused, or is a shorter file in its own
// right: then it reads alike by all routes.
func TestTruncation(t *testing.T) {
	for _, name := range []string{"testdata/good.yaml", "testdata/merge/a.yaml"} {
		data := read(t, name)[0].Data
		whole := 0
		for n := range len(data) + 1 {
			config := &policypb.Config{}
			_, findings := document.Read([]document.File{{Name: name, Data: data[:n]}}, config)
			for i := range findings {
				checkPosition(t, data[:n], &findings[i])
			}
			if document.Mistakes(findings) == 0 {
				whole++
				checkRoutes(t, data[:n], config)
			}
		}
		if whole > len(data)/2 {
			t.Errorf("%s: %d of %d cuts are accepted", name, whole, len(data))
		}
	}
	for n := range len(minimal) {
		if _, _, findings := readText(minimal[:n]); document.Mistakes(findings) == 0 {
			t.Errorf("accepts JSON that was cut at %d: %s", n, fmt.Sprint(minimal[:n]))
		}
	}
}

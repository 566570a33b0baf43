package document_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A spot is a scalar of one line in a YAML text.
type spot struct {
	start, end int
	mapKey     bool // a name that the file declares
}

// spots returns the scalars of a text, of which the parser must approve.
func spots(data []byte) []spot {
	var document yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil || bytes.ContainsAny(data, "\r\u0085\u2028\u2029\ufeff") || loader.Load(&document) != nil {
		return nil
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	var found []spot
	var walk func(node *yaml.Node, key bool, parent string)
	walk = func(node *yaml.Node, key bool, parent string) {
		if node.Kind == yaml.ScalarNode {
			if s, ok := spotOf(lines, node); ok {
				s.mapKey = key && (parent == "secrets" || parent == "policies" || parent == "headers")
				found = append(found, s)
			}
		}
		for i, child := range node.Content {
			switch {
			case node.Kind != yaml.MappingNode:
				walk(child, false, parent)
			case i%2 == 0:
				walk(child, true, parent)
			default:
				walk(child, false, node.Content[i-1].Value)
			}
		}
	}
	walk(&document, false, "")
	return found
}

func spotOf(lines [][]byte, node *yaml.Node) (spot, bool) {
	start := 0
	if node.Line > len(lines) {
		return spot{}, false
	}
	for _, line := range lines[:node.Line-1] {
		start += len(line)
	}
	text := lines[node.Line-1]
	for range node.Column - 1 {
		_, size := utf8.DecodeRune(text)
		start += size
		text = text[size:]
	}
	for _, quote := range []string{`"`, `'`} {
		if bytes.HasPrefix(text, []byte(quote)) {
			end := bytes.Index(text[1:], []byte(quote))
			return spot{start: start, end: start + end + 2}, end >= 0
		}
	}
	return spot{start: start, end: start + len(node.Value)}, node.Value != "" && bytes.HasPrefix(text, []byte(node.Value))
}

// A value that is pasted anywhere in a file, next to other mistakes or not, is
// in no output, unless it is a name that the file declares.
func TestCanary(t *testing.T) {
	samples := []string{
		"testdata/good.yaml", "testdata/mistakes.yaml", "testdata/structure.yaml", "testdata/unquoted.yaml",
		"testdata/merge/a.yaml", "testdata/merge/b.yaml", "testdata/merge/c.json",
	}
	canaries := []string{
		"whsec_dGVzdC1zZWNyZXQ",
		"s3cr3t",
		"9f86d081884c7d659a2feaa0c55ad015",
		`"hunter2: it's {my} #secret"`,
		"AKIAIOSFODNN7EXAMPLE",
		"12345678901234567890",
		"{zX9: qY8}",
		"[zX9qY8]",
	}
	for _, sample := range samples {
		t.Run(sample, func(t *testing.T) {
			data := read(t, sample)[0].Data
			for i, s := range spots(data) {
				for j := range 2 {
					canary := canaries[(i+3*j)%len(canaries)]
					changed := string(data[:s.start]) + canary + string(data[s.end:])
					checkCanary(t, changed, strings.Trim(canary, `"[]{}`), s)
				}
			}
		})
	}
}

func checkCanary(tb testing.TB, text, canary string, s spot) {
	tb.Helper()
	_, findings := document.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, &policypb.Config{})
	if s.mapKey {
		return
	}
	for _, format := range []string{document.FormatText, document.FormatJSON, document.FormatGitHub} {
		out := render(tb, findings, format, 1)
		for _, part := range []string{canary, "zX9", "qY8"} {
			if i := strings.Index(out, part); i >= 0 {
				tb.Fatalf("the %s output shows %q at offset %d of\n%s\nin\n%s", format, part, s.start, text, out[max(0, i-200):])
			}
		}
	}
}

package document_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func read(tb testing.TB, names ...string) []document.File {
	tb.Helper()
	var files []document.File
	for _, name := range names {
		data, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, document.File{Name: strings.TrimPrefix(name, "testdata/"), Data: data})
	}
	return files
}

func render(tb testing.TB, findings []document.Finding, format string, files int) string {
	tb.Helper()
	var out bytes.Buffer
	if err := document.Render(&out, findings, format, document.Colored, files); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// What operators see of each class of mistake. Run with -update to accept a
// change, and read the diff like code.
func TestGolden(t *testing.T) {
	tests := []struct {
		golden, format string
		files          []string
	}{
		{golden: "good", format: document.FormatText, files: []string{"good.yaml"}},
		{golden: "mistakes", format: document.FormatText, files: []string{"mistakes.yaml"}},
		{golden: "structure", format: document.FormatText, files: []string{"structure.yaml"}},
		{golden: "unquoted", format: document.FormatText, files: []string{"unquoted.yaml"}},
		{golden: "merge", format: document.FormatText, files: []string{"merge/a.yaml", "merge/b.yaml", "merge/c.json"}},
		{golden: "merge-json", format: document.FormatJSON, files: []string{"merge/a.yaml", "merge/b.yaml", "merge/c.json"}},
		{golden: "merge-github", format: document.FormatGitHub, files: []string{"merge/a.yaml", "merge/b.yaml", "merge/c.json"}},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			for i := range tt.files {
				tt.files[i] = "testdata/" + tt.files[i]
			}
			_, findings := document.Read(read(t, tt.files...), &policypb.Config{})
			got := render(t, findings, tt.format, len(tt.files))
			path := filepath.Join("testdata", tt.golden+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

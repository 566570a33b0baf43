package policy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

const root = "../.."

// pages returns the documentation, by path from the root of the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names := []string{"README.md", "CHANGELOG.md", "deploy/envoy/README.md", "test/README.md"}
	err := fs.WalkDir(os.DirFS(root), "docs", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

// Every policy in the documentation is one. A policy file must be without
// mistakes and warnings as it stands; parts of one must be so with the secrets
// that they name.
func TestPoliciesInDocumentation(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	names := regexp.MustCompile(`secrets: \[([^]]*)\]`)
	count := 0
	for name, text := range pages(t) {
		for _, at := range blocks.FindAllStringSubmatchIndex(text, -1) {
			block := text[at[2]:at[3]]
			line := 1 + strings.Count(text[:at[2]], "\n")
			content := block
			switch key, _, _ := strings.Cut(block, ":"); {
			case regexp.MustCompile("(?m)^policies:").MatchString(block):
			case key == "secrets":
				var uses []string
				for _, match := range regexp.MustCompile("(?m)^  ([a-z0-9_-]+):").FindAllStringSubmatch(block, -1) {
					uses = append(uses, match[1])
				}
				content += "policies: {p: {require: {api_key: {header: X, secrets: [" + strings.Join(uses, ", ") + "]}}}}\n"
			case key == "answers":
				content = "secrets: {s: {env: {name: S}}}\npolicies:\n  p:\n    require: {api_key: {header: X, secrets: [s]}}\n" + indented(block)
			case key == "require":
				content = "secrets:\n"
				var declared []string
				for _, match := range names.FindAllStringSubmatch(block, -1) {
					declared = append(declared, strings.Split(match[1], ", ")...)
				}
				slices.Sort(declared)
				for _, secret := range slices.Compact(declared) {
					content += "  " + secret + ": {env: {name: S}}\n"
				}
				content += "policies:\n  p:\n" + indented(block)
			case strings.HasPrefix(block, "#"): // a line for editors
				continue
			default:
				t.Errorf("%s:%d: a block of YAML that is no part of a policy file", name, line)
				continue
			}
			count++
			_, findings := policy.Read([]document.File{{Name: name, Data: []byte(content)}}, policy.Options{})
			for _, f := range findings {
				t.Errorf("%s:%d, in the block's line %d: %s: %s", name, line, f.Line, f.Path, f.Message)
			}
		}
	}
	if count == 0 {
		t.Error("the documentation holds no policy")
	}
}

// indented moves a policy's settings below its name.
func indented(block string) string {
	var b strings.Builder
	for line := range strings.Lines(block) {
		b.WriteString("    " + line)
	}
	return b.String()
}

// Every link within the repository leads to a file, and to a heading where it
// names one.
func TestLinksInDocumentation(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	all := pages(t)
	for name, text := range all {
		for _, match := range links.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			if target == "" {
				path = name
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, match[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(all[path]), anchor) {
				t.Errorf("%s: the link %s names no heading of %s", name, match[1], path)
			}
		}
	}
}

// anchors returns how links name the headings of a page: lower case, blanks as
// hyphens, without other punctuation.
func anchors(page string) []string {
	var all []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(match[1])))
	}
	return all
}

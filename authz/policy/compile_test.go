package policy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// findingsOf returns "line:col path message" of each finding in text.
func findingsOf(text string) []string {
	_, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, policy.Options{})
	var lines []string
	for _, f := range findings {
		kind := "mistake"
		if f.Warning {
			kind = "warning"
		}
		lines = append(lines, fmt.Sprintf("%s %d:%d %s: %s", kind, f.Line, f.Column, f.Path, f.Message))
	}
	return lines
}

func TestCrossReferences(t *testing.T) {
	const secrets = "secrets: {github: {env: {name: A}}, other: {env: {name: B}}}\n"
	use := func(require string) string {
		return secrets + "policies:\n  p: {require: {all_of: [{api_key: {header: X, secrets: [github, other]}}, " + require + "]}}\n"
	}
	policies := secrets + "policies:\n" +
		"  a: {require: {api_key: {header: X, secrets: [github]}}}\n" +
		"  b: {require: {api_key: {header: X, secrets: [other]}}}\n"
	tests := []struct {
		name string
		text string
		want []string // a part of each finding, in order
	}{
		{name: "misspelt secret", text: use("{api_key: {header: Y, secrets: [githbu]}}"), want: []string{`mistake 3:108 policies.p.require.all_of[1].api_key.secrets[0]: secret "githbu" is not declared, did you mean "github"?`}},
		{name: "secret of a provider", text: use("{provider: {name: github, secrets: [othr]}}"), want: []string{`provider.secrets[0]: secret "othr" is not declared, did you mean "other"?`}},
		{name: "secret of a user", text: use("{basic: {users: [{name: u, secrets: [othr]}]}}"), want: []string{`basic.users[0].secrets[0]: secret "othr" is not declared, did you mean "other"?`}},
		{name: "pasted secret", text: use("{api_key: {header: Y, secrets: [kT9vWq2LxZ8mPd4sRb7n]}}"), want: []string{`secrets[0]: a secret of that name is not declared`}},
		{name: "misspelt provider", text: use("{provider: {name: githb, secrets: [github]}}"), want: []string{`provider.name: provider "githb" is not in the catalogue, did you mean "github"?`}},
		{name: "tolerance without a time", text: use("{provider: {name: github, tolerance: 60s, secrets: [github]}}"), want: []string{`provider.tolerance: this sender signs no time`}},
		{name: "tolerance too wide", text: use("{provider: {name: stripe, tolerance: 11m, secrets: [github]}}"), want: []string{`provider.tolerance: at most 10m0s`}},
		{name: "unused secret", text: strings.Replace(policies, "[other]", "[github]", 1), want: []string{`warning 1:37 secrets.other: no policy uses this secret`}},
		{name: "unknown policy", text: policies + "  alpha: {require: {api_key: {header: X, secrets: [github]}}}\nroutes: [{match: {path: /x}, policy: alhpa}]\n", want: []string{`mistake 6:38 routes[0].policy: policy "alhpa" is not declared, did you mean "alpha"?`}},
		{name: "equal routes", text: policies + "routes:\n  - {match: {path: /x, methods: [POST, PUT]}, policy: a}\n  - {match: {path: /x, methods: [PUT]}, policy: b}\n", want: []string{`mistake 7:6 routes[1].match: matches the same requests as routes[0]`}},
		{name: "overlapping patterns", text: policies + "routes:\n  - {match: {path: \"/{x}/b\"}, policy: a}\n  - {match: {path: \"/a/{y}\"}, policy: b}\n", want: []string{`routes[1].match.path: overlaps the pattern of routes[0]`}},
		{name: "no capture", text: policies + "routes: [{match: {path: \"/{X}\"}, policy: a}]\n", want: []string{`routes[0].match.path: a name in braces is a whole segment`}},
		{name: "ambiguous path", text: policies + "routes: [{match: {path: /a//b}, policy: a}]\n", want: []string{`routes[0].match.path: the path holds an empty segment`}},
		{name: "ambiguous prefix", text: policies + "routes: [{match: {path_prefix: /a/../b}, policy: a}]\n", want: []string{`routes[0].match.path_prefix: the path holds a dot segment`}},
		{name: "path without a slash", text: policies + "routes: [{match: {path: x}, policy: a}, {match: {path_prefix: y/z}, policy: b}]\n", want: []string{`routes[0].match.path: the path does not begin with a slash`, `routes[1].match.path_prefix: the path does not begin with a slash`}},
		{name: "star in a path", text: policies + "routes: [{match: {path: /a/*}, policy: a}]\n", want: []string{`routes[0].match.path: a star has no meaning in a path`}},
		{name: "host with a port", text: policies + "routes: [{match: {path: /x, hosts: [\"a.test:80\"]}, policy: a}]\n", want: []string{`routes[0].match.hosts[0]: must be written in lower case, without port`}},
		{name: "one path, two policies", text: policies + "routes:\n  - {match: {path: /x, hosts: [a.test]}, policy: a}\n  - {match: {path: /x, hosts: [b.test]}, policy: b}\n", want: []string{`warning 7:6 routes[1].match: the path of routes[0] has another policy under another host`}},
		{name: "a path and a prefix, two policies", text: policies + "routes:\n  - {match: {path: /x/y, hosts: [a.test]}, policy: a}\n  - {match: {path_prefix: /x/}, policy: b}\n", want: []string{`warning 6:6 routes[0].match: this path is under the prefix of routes[1], which has another policy and another host`}},
		{name: "two prefixes, two policies", text: policies + "routes:\n  - {match: {path_prefix: /, hosts: [a.test, b.test]}, policy: a}\n  - {match: {path_prefix: /x/y, hosts: [b.test]}, policy: b}\n", want: []string{`warning 7:6 routes[1].match: this path is under the prefix of routes[0]`}},
		{name: "a prefix no other host chooses", text: policies + "routes:\n  - {match: {path_prefix: /, hosts: [b.test]}, policy: a}\n  - {match: {path: /x, hosts: [a.test, b.test]}, policy: b}\n"},
		{name: "address only", text: policies + "  c: {require: {source_ip: {allow: [10.0.0.0/8]}}}\n", want: []string{`policies.c.require: a way through this requirement only looks at the address`}},
		{name: "address in an any_of", text: policies + "  c: {require: {any_of: [{api_key: {header: X, secrets: [github]}}, {source_ip: {allow: [10.0.0.0/8]}}]}}\n", want: []string{`policies.c.require: a way through this requirement only looks at the address`}},
		{name: "address only, accepted", text: policies + "  c: {address_only: accepted, require: {source_ip: {allow: [10.0.0.0/8]}}}\n"},
		{name: "on_rejected alone", text: use("{on_rejected: continue, api_key: {header: Y, secrets: [github]}}"), want: []string{`on_rejected: has a meaning beside any_of only`}},
		{name: "on_rejected beside an any_of with a mistake", text: use("{on_rejected: continue, any_of: []}"), want: []string{`any_of: the list is empty`}},
		{name: "previous without versions", text: "secrets: {github: {vault: {path: x, field: y, kv_version: 1, previous_for: 1h}}}\npolicies: {a: {require: {api_key: {header: X, secrets: [github]}}}}\n", want: []string{`secrets.github.vault.previous_for: version 1 of the key-value engine keeps no previous version`}},
		{name: "answer frames the response", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, answers: {missing: {headers: {Content-Length: \"1\"}}}}\n", want: []string{`answers.missing.headers.Content-Length: frames the response`}},
		{name: "answer header twice", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, answers: {missing: {headers: {X-A: x, x-a: y}}}}\n", want: []string{`answers.missing.headers.x-a: stands twice`}},
		{name: "answer that tells the cause", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, answers: {missing: {body: none}}}\n", want: []string{`warning 5:69 policies.c.answers.missing: differs from the answer of class malformed, which has the same status`}},
		{name: "answers of two statuses", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, answers: {missing: {status: 404, body: none}, invalid: {status: 424}}}\n"},
		{name: "one answer to every cause", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, answers: {missing: {body: bad}, malformed: {body: bad}, invalid: {body: bad}, stale: {body: bad}}}\n"},
		{name: "upstream routes the request", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, upstream: {headers: {Host: x}}}\n", want: []string{`upstream.headers.Host: frames or routes the request`}},
		{name: "upstream twice", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, upstream: {headers: {X-A: x, x-a: y}}}\n", want: []string{`upstream.headers.x-a: stands twice`}},
		{name: "capture that no route makes", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, upstream: {headers: {X-T: \"{match:tenant}\"}}}\nroutes: [{match: {path: \"/{other}\"}, policy: c}]\n", want: []string{`policies.c: reads {match:tenant}, and no route to it has a segment {tenant}`}},
		{
			name: "mistakes of both kinds in one run",
			text: secrets + "policies:\n  a: {require: {api_key: {header: X, secrets: [githbu]}}}\n  b: {require: {api_key: {headr: X, secrets: [othr]}}}\n  c: {require: {api_key: {header: X, secrets: [github, other]}}}\nroutes: [{match: {path: /x}, policy: b}, {match: {path: //}, policy: a}]\n",
			want: []string{`policies.a.require.api_key.secrets[0]: secret "githbu"`, `policies.b.require.api_key: unknown field "headr"`, `policies.b.require.api_key.secrets[0]: secret "othr"`, `routes[1].match.path: the path holds an empty segment`},
		},
		{
			name: "sound fields of a check that has a mistake",
			text: secrets + "policies:\n  a: {require: {all_of: [{api_key: {header: X, secrets: [github, other]}}, {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hexx, message: \"{bdy}\", secrets: [githbu]}}]}}\n",
			want: []string{`mac.encoding: unknown value "hexx", did you mean "hex"?`, `mac.message: unknown value, did you mean "body"?`, `mac.secrets[0]: secret "githbu" is not declared, did you mean "github"?`},
		},
		{
			name: "a section of the wrong type",
			text: "secrets: [a]\npolicies:\n  a: {require: {api_key: {header: X, secrets: [github]}}}\n",
			want: []string{`secrets: `},
		},
		{
			name: "no kind at all",
			text: secrets + "policies:\n  a: {require: {}}\n  b: {require: {api_key: {header: X, secrets: [github, other]}}}\n",
			want: []string{`policies.a.require: `},
		},
		{
			name: "a sound part of what has a mistake",
			text: secrets + "policies:\n  a: {require: {api_key: {header: X, secrets: [githbu, other]}}, timeout: 5}\nroutes: [{match: {path: /a//b}, policy: bbbb}]\n",
			want: []string{`policies.a.require.api_key.secrets[0]: secret "githbu"`, `policies.a: unknown field "timeout"`, `routes[0].match.path: the path holds an empty segment`, `routes[0].policy: a policy of that name is not declared`},
		},
		{name: "huge limit", text: policies + "  c: {require: {api_key: {header: X, secrets: [github]}}, body: {max: 2GiB}}\n", want: []string{`policies.c.body.max: is over 1GiB`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := findingsOf(tt.text)
			if len(got) != len(tt.want) {
				t.Fatalf("got %d findings %q, want %d", len(got), got, len(tt.want))
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("finding %d: got %q, want a part %q", i, got[i], tt.want[i])
				}
				if strings.Contains(got[i], "kT9vWq2LxZ8mPd4sRb7n") {
					t.Errorf("finding %d tells a pasted secret: %q", i, got[i])
				}
			}
		})
	}
}

func TestReadPathDirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("20-policies.yaml", "policies: {a: {require: {api_key: {header: X, secrets: [s]}}}}\n")
	write("10-secrets.yaml", "secrets: {s: {env: {name: S}}}\n")
	write("30-more.json", `{"policies": {"b": {"require": {"api_key": {"header": "X", "secrets": ["s"]}}}}}`)
	write("a_test.yaml", "not: a policy file\n")
	write(".hidden.yaml", "not: a policy file\n")
	write("readme.txt", "not a policy file\n")

	file, findings := policy.ReadPath(dir, policy.Options{})
	if file == nil || len(findings) != 0 {
		t.Fatalf("ReadPath() findings = %+v", findings)
	}
	table := file.Table(policy.Sources{})
	var names []string
	for _, p := range table.Policies() {
		names = append(names, p.Name())
	}
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("got policies %q, want a and b", names)
	}

	write("40-again.yaml", "policies: {a: {require: {api_key: {header: Y, secrets: [s]}}}}\n")
	file, findings = policy.ReadPath(dir, policy.Options{})
	if file != nil || len(findings) != 1 || len(findings[0].Related) != 1 {
		t.Errorf("a name that stands twice: got %+v, want one mistake with both places", findings)
	}
}

// A file that does not fit into memory is refused like any other.
func TestReadPathHugeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("# "), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Fatalf("make a file with a hole: %v", err)
	}
	file, findings := policy.ReadPath(path, policy.Options{})
	if file != nil || len(findings) != 1 || findings[0].Code != "file_size" {
		t.Errorf("ReadPath() = %v, %+v, want a file that is too large", file, findings)
	}
}

func TestReadPathUnreadable(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "none.yaml"), t.TempDir()} {
		file, findings := policy.ReadPath(path, policy.Options{})
		if file != nil || len(findings) != 1 || findings[0].File != path {
			t.Errorf("ReadPath(%s) = %v, %+v, want one mistake that names the path", path, file, findings)
		}
	}
}

func TestHashFollowsContent(t *testing.T) {
	read := func(name, text string) string {
		file, findings := policy.Read([]document.File{{Name: name, Data: []byte(text)}}, policy.Options{})
		if file == nil {
			t.Fatalf("mistakes: %+v", findings)
		}
		return file.Hash()
	}
	text := somePolicies("a")
	if read("/x/p.yaml", text) != read("/y/p.yaml", text) {
		t.Error("the hash depends on the folder")
	}
	if read("p.yaml", text) == read("p.yaml", text+"# \n") {
		t.Error("the hash does not depend on the content")
	}
}

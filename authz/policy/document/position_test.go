package document_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestAt(t *testing.T) {
	const yaml = `policies:
  p:
    require:
      all_of:
        - mac:
            credential: {header: "X-Ä", prefix: 'it''s='}
            algorithm: hmac-sha256
            encoding: hex
            message: "\x41\u00e4\n{bdy}"
            assert: [{value: äö-x, equals: "é"}, {value: "a
              b", equals: c}]
            public_url: https://a.example
    upstream: {headers: {X-A: b, X.B: c, '': d}}
`
	const json = `{"routes": [{"policy": "p", "match": {"path": "\ud83d\ude00\/x"}}, {"policy": "p", "match": {"path": "/y"}}]}`
	files := []document.File{
		{Name: "a.yaml", Data: []byte("routes:\n  - {policy: p, match: {path: /a}}\n")},
		{Name: "b.yaml", Data: []byte("\ufeff" + yaml)},
		{Name: "c.json", Data: []byte(json)},
	}
	config := &policypb.Config{}
	d, findings := document.Read(files, config)
	if d == nil {
		t.Fatalf("got no Document, findings %v", findings)
	}
	if n := len(config.GetRoutes()); n != 3 {
		t.Fatalf("got %d routes, want 3", n)
	}

	const mac = "policies.p.require.all_of[0].mac"
	tests := []struct {
		path   string
		column int
		key    bool
		want   string // file:line:column+width
	}{
		{path: "policies.p", want: "b.yaml:2:3+1"},
		{path: "policies.p", key: true, want: "b.yaml:2:3+1"},
		{path: mac, want: "b.yaml:5:11+3"},
		{path: mac + ".algorithm", want: "b.yaml:7:24+11"},
		{path: mac + ".algorithm", key: true, want: "b.yaml:7:13+9"},
		{path: mac + ".timestamp", want: "b.yaml:5:11+3"},
		{path: mac + ".timestamp.value", want: "b.yaml:5:11+3"},
		{path: mac + ".credential.header", want: "b.yaml:6:34+5"},
		{path: mac + ".credential.header", column: len("X-Ä") - 1, want: "b.yaml:6:34+5"}, // inside a character
		{path: mac + ".credential.prefix", column: len("it's"), want: "b.yaml:6:55+1"},
		{path: mac + ".message", want: "b.yaml:9:22+19"},
		{path: mac + ".message", column: 1, want: "b.yaml:9:27+1"},
		{path: mac + ".message", column: len("Aä\n"), want: "b.yaml:9:35+1"},
		{path: mac + ".message", column: len("Aä\n{"), want: "b.yaml:9:36+1"},
		{path: mac + ".message", column: 1000, want: "b.yaml:9:22+19"},
		{path: mac + ".assert[0].value", column: len("äö"), want: "b.yaml:10:32+1"},
		{path: mac + ".assert[1].value", column: 3, want: "b.yaml:10:58+2"}, // on two lines
		{path: mac + ".assert[7].value", want: "b.yaml:10:13+6"},
		{path: mac + ".public_url", want: "b.yaml:12:25+17"},
		{path: "policies.p.upstream.headers.X-A", want: "b.yaml:13:31+1"},
		{path: document.Join("policies.p.upstream.headers", "X.B"), want: "b.yaml:13:39+1"},
		{path: document.Join("policies.p.upstream.headers", ""), want: "b.yaml:13:46+1"},
		{path: "routes[0].match.path", want: "a.yaml:2:31+2"},
		{path: "routes[1].match.path", want: "c.json:1:47+17"},
		{path: "routes[1].match.path", column: len("😀"), want: "c.json:1:60+1"},
		{path: "routes[2].match.path", column: 1, want: "c.json:1:104+1"},
		{path: "routes[1]", want: "c.json:1:13+1"},
		{path: "routes[9].match", want: "c.json:1:2+8"},
		{path: "secrets.s", want: "a.yaml:1:1+1"},
		{path: "", want: "a.yaml:1:1+1"},
		{path: "[", want: "a.yaml:1:1+1"},
		{path: `policies["p`, want: "b.yaml:1:1+8"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.path, tt.column, tt.key), func(t *testing.T) {
			f := d.At(tt.path, tt.column)
			if tt.key {
				f = d.AtKey(tt.path)
			}
			got := fmt.Sprintf("%s:%d:%d+%d", f.File, f.Line, f.Column, f.Width)
			if got != tt.want || f.Path != tt.path {
				t.Errorf("got %s of %s, want %s", got, f.Path, tt.want)
			}
		})
	}
}

// What has no mistake can be looked at further, even if its neighbour has one.
func TestSound(t *testing.T) {
	_, d, _ := readText("secrets: {a: {}}\npolicies:\n  p: {require: {provider: {name: x, secrets: [a], tolernce: 1s}}, methods: [POST]}\n  q: {require: {provider: {name: x, secrets: [a]}}, hosts: 1}\n")
	tests := []struct {
		path string
		want bool
	}{
		{path: "secrets.a", want: false},
		{path: "secrets.b", want: true},
		{path: "policies.p", want: false},
		{path: "policies.p.require.provider", want: false},
		{path: "policies.p.methods", want: true},
		{path: "policies.q.require", want: true},
		{path: "policies.q.hosts[0]", want: false},
		{path: "", want: false},
	}
	for _, tt := range tests {
		if got := d.Sound(tt.path); got != tt.want {
			t.Errorf("Sound(%q) = %v, want %v", tt.path, got, tt.want)
		}
	}
}

// A file of many policies is read in a time that grows with its size, and so
// are its cross references and its mistakes.
func TestManyPolicies(t *testing.T) {
	const n = 5000
	var b strings.Builder
	b.WriteString("secrets: {s: {env: {name: S}}}\npolicies:\n")
	for i := range n {
		fmt.Fprintf(&b, "  p%d: {require: {provider: {name: x, secrets: [s], tolernce: 1s}}}\n", i)
	}
	_, d, findings := readText(b.String())
	if len(findings) != n {
		t.Fatalf("got %d findings, want %d", len(findings), n)
	}
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			for i := worker; i < n; i += 2 {
				f := d.At(fmt.Sprintf("policies.p%d.require.provider.name", i), 0)
				if f.Line != i+3 {
					t.Errorf("got line %d, want %d", f.Line, i+3)
				}
			}
		})
	}
	group.Wait()
	out := render(t, findings, document.FormatText, 1)
	if lines := strings.Count(out, "\n"); lines != 3*document.MaxShown+1 || !strings.Contains(out, "5000 mistakes in 1 file (the first 50 are shown)") {
		t.Errorf("got %d lines, ending %q", lines, out[max(0, len(out)-80):])
	}
}

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString("policies:\n")
	for i := range 100_000 {
		fmt.Fprintf(&text, "  p%06d: {require: {provider: {name: github, secrets: [s]}}}\n", i)
	}
	files := []document.File{{Name: "p.yaml", Data: []byte(text.String())}}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, findings := document.Read(files, &policypb.Config{}); len(findings) > 0 {
			b.Fatal(findings)
		}
	}
}

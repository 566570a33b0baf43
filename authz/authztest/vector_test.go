package authztest_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

func TestRunVectors(t *testing.T) { authztest.RunVectors(t, "testdata/vectors") }

// sound is a vector that its replay accepts.
const sound = `# A comment.
source: made by hand
secret tower: correct horse battery
expect: allow
-- policy.yaml --
require: {api_key: {header: X-Api-Key, secrets: [tower]}}
-- request.http --
POST /hook?a=b HTTP/1.1
Host: hooks.example.com
X-Api-Key: correct horse battery
X-Empty:

two
lines
`

func TestParseVector(t *testing.T) {
	v, err := authztest.ParseVector([]byte(sound))
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Request()
	if err != nil {
		t.Fatal(err)
	}
	if r.Method != "POST" || r.Path != "/hook?a=b" || r.Host != "hooks.example.com" || r.Protocol != "HTTP/1.1" {
		t.Errorf("Request() = %+v", r)
	}
	if got := string(r.Body.Raw); got != "two\nlines" || r.Body.Size != 9 || r.Body.Delivery != authz.DeliveryWhole {
		t.Errorf("Body = %q, %+v", got, r.Body)
	}
	if len(r.Header.Fields) != 2 || r.Header.Fields[0].Name != "x-api-key" || r.Header.Fields[1] != (authz.Field{Name: "x-empty"}) {
		t.Errorf("Header = %+v", r.Header)
	}
	if err := v.Replay(t.Context()); err != nil {
		t.Errorf("Replay() = %v", err)
	}
}

func TestParseVectorMistakes(t *testing.T) {
	tests := []struct{ name, old, changed string }{
		{name: "unknown key", old: "source:", changed: "sauce:"},
		{name: "no source", old: "source: made by hand\n", changed: ""},
		{name: "no expect", old: "expect: allow\n", changed: ""},
		{name: "expect something else", old: "expect: allow", changed: "expect: pass"},
		{name: "deny without a reason", old: "expect: allow", changed: "expect: deny"},
		{name: "deny for no known reason", old: "expect: allow", changed: "expect: deny because"},
		{name: "deny as verified", old: "expect: allow", changed: "expect: deny verified"},
		{name: "key twice", old: "expect: allow", changed: "expect: allow\nexpect: allow"},
		{name: "no value", old: "source: made by hand", changed: "source:"},
		{name: "no colon", old: "source: made by hand", changed: "source made by hand"},
		{name: "bad time", old: "expect:", changed: "now: yesterday\nexpect:"},
		{name: "bad peer", old: "expect:", changed: "peer: home\nexpect:"},
		{name: "bad gateway", old: "expect:", changed: "gateway: some\nexpect:"},
		{name: "secret without name", old: "secret tower:", changed: "secret:"},
		{name: "weak what", old: "expect:", changed: "weak other: accepted\nexpect:"},
		{name: "weak how", old: "expect:", changed: "weak tower: yes\nexpect:"},
		{name: "no policy", old: "-- policy.yaml --\n", changed: ""},
		{name: "another section", old: "-- request.http --", changed: "-- more --\n-- request.http --"},
		{name: "another protocol", old: "HTTP/1.1", changed: "HTTP/2"},
		{name: "two spaces", old: "POST /", changed: "POST  /"},
		{name: "no path", old: "/hook?a=b", changed: "hook"},
		{name: "bad method", old: "POST", changed: "PO(ST"},
		{name: "no host", old: "Host: hooks.example.com\n", changed: ""},
		{name: "two hosts", old: "Host: hooks.example.com\n", changed: "Host: a\nHost: b\n"},
		{name: "blank before the colon", old: "X-Api-Key:", changed: "X-Api-Key :"},
		{name: "no colon in a header", old: "X-Api-Key: ", changed: "X-Api-Key "},
		{name: "two blanks in a header", old: "X-Api-Key: ", changed: "X-Api-Key:  "},
		{name: "no blank in a header", old: "X-Api-Key: ", changed: "X-Api-Key:"},
		{name: "blank at the end of a header", old: "battery\nX-", changed: "battery \nX-"},
		{name: "folded header", old: "X-Empty:", changed: " folded"},
		{name: "CR", old: "battery\nX-", changed: "battery\r\nX-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(sound, tt.old, tt.changed, 1)
			if text == sound {
				t.Fatal("nothing was changed")
			}
			if v, err := authztest.ParseVector([]byte(text)); err == nil {
				t.Errorf("ParseVector() = %+v, want an error", v)
			}
		})
	}
}

// A vector that does not hold is told.
func TestReplayMistakes(t *testing.T) {
	tests := []struct{ name, old, changed, want string }{
		{name: "denied", old: "X-Api-Key: correct", changed: "X-Api-Key: wrong", want: "api_key_invalid"},
		{name: "allowed", old: "expect: allow", changed: "expect: deny api_key_invalid", want: "verified"},
		{name: "another reason", old: "expect: allow", changed: "expect: deny credential_missing", want: "verified"},
		{name: "mistake in the policy", old: "header: X-Api-Key", changed: "haeder: X-Api-Key", want: "haeder"},
		{name: "secret is not there", old: "secrets: [tower]", changed: "secrets: [other]", want: "mistakes"},
		{
			name: "passes without the secret", want: "without any secret",
			old: "require: {api_key: {header: X-Api-Key, secrets: [tower]}}", changed: "address_only: accepted\nrequire: {source_ip: {allow: [203.0.113.7]}}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := authztest.ParseVector([]byte(strings.Replace(sound, tt.old, tt.changed, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Replay(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Replay() = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestReadVectorsEmpty(t *testing.T) {
	if _, err := authztest.ReadVectors(t.TempDir()); err == nil {
		t.Error("ReadVectors() of an empty directory: no error")
	}
}

// FuzzParseVector: a request that was read is what was written, line by line.
func FuzzParseVector(f *testing.F) {
	f.Add("POST /hook HTTP/1.1\nHost: a\nX: y\n\nbody\n\nmore")
	f.Add("GET / HTTP/1.1\nHost: a")
	f.Fuzz(func(t *testing.T, raw string) {
		v := &authztest.Vector{Raw: raw}
		r, err := v.Request()
		if err != nil {
			return
		}
		head, body, _ := strings.Cut(raw, "\n\n")
		if string(r.Body.Raw) != body {
			t.Errorf("body = %q, want %q", r.Body.Raw, body)
		}
		lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
		if want := r.Method + " " + r.Path + " HTTP/1.1"; lines[0] != want {
			t.Errorf("first line %q, read as %q", lines[0], want)
		}
		fields := r.Header.Fields
		for _, line := range lines[1:] {
			name, value, _ := strings.Cut(line, ":")
			if strings.EqualFold(name, "host") {
				continue
			}
			if len(fields) == 0 || fields[0].Name != strings.ToLower(name) || value != "" && " "+fields[0].Value != value {
				t.Fatalf("line %q, read as %+v", line, fields)
			}
			fields = fields[1:]
		}
		if len(fields) > 0 {
			t.Errorf("read %+v, which nobody wrote", fields)
		}
	})
}

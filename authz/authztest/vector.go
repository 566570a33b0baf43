package authztest

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookauthz/hookauthz/authz"
)

// A Vector is a recorded or published webhook and what must be decided of it. It
// is a txtar file: settings, then the sections policy.yaml and request.http.
//
//	# Lines that begin with # are comments.
//	source: where the webhook is published, or how it was made
//	now: 2026-01-02T03:04:05Z
//	secret NAME: the value, to the end of the line
//	weak NAME: accepted
//	gateway: raw-full
//	peer: 203.0.113.7
//	expect: allow
//	-- policy.yaml --
//	require: {provider: {name: github, secrets: [NAME]}}
//	-- request.http --
//	POST /hook HTTP/1.1
//	Host: hooks.example.com
//
//	body
//
// Only source and expect are required. expect is "allow" or "deny" and a reason.
// now is when the request arrives; gateway is what is stated of the gateway for
// this very route: none or, if left out, raw-full. policy.yaml holds one policy without its name. The
// body ends before the section's last newline.
type Vector struct {
	// Name is the file's path below the directory that was read, without
	// .txtar, with slashes.
	Name    string
	Source  string
	Now     time.Time
	Secrets map[string]string
	Weak    []string // names of secrets whose weakness is accepted
	Gateway string
	Peer    netip.Addr
	Allow   bool
	Reason  authz.Reason // of a denial
	Policy  string       // the section policy.yaml
	Raw     string       // the section request.http, without the last newline
}

// ReadVectors reads every *.txtar below directory, sorted by name. It returns an
// error if there is none, or one can't be understood.
func ReadVectors(directory string) ([]*Vector, error) {
	var all []*Vector
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".txtar" {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // a test names the directory
		if err != nil {
			return err
		}
		name, err := filepath.Rel(directory, path)
		if err != nil {
			return err
		}
		v, err := ParseVector(data)
		if err != nil {
			return fmt.Errorf("read vector %s: %w", path, err)
		}
		v.Name = strings.TrimSuffix(filepath.ToSlash(name), ".txtar")
		all = append(all, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no vector below %s", directory)
	}
	return all, nil
}

// ParseVector reads one vector. What it does not know is an error.
func ParseVector(data []byte) (*Vector, error) {
	archive := txtar.Parse(data)
	v := &Vector{Now: Received(), Gateway: "raw-full", Secrets: map[string]string{}, Peer: Request("", "", "").Peer}
	seen := map[string]bool{}
	for line := range strings.Lines(string(archive.Comment)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, ": ")
		if !ok || value == "" {
			return nil, fmt.Errorf("line %q is not key: value", line)
		}
		if seen[key] {
			return nil, fmt.Errorf("key %q stands twice", key)
		}
		seen[key] = true
		if err := v.set(key, value); err != nil {
			return nil, err
		}
	}
	for _, name := range v.Weak {
		if _, ok := v.Secrets[name]; !ok {
			return nil, fmt.Errorf("weak names %q, which is no secret", name)
		}
	}
	if !seen["source"] || !seen["expect"] {
		return nil, fmt.Errorf("source and expect are required")
	}
	return v, v.sections(archive.Files)
}

func (v *Vector) set(key, value string) (err error) {
	kind, name, named := strings.Cut(key, " ")
	switch {
	case kind == "secret" && named:
		v.Secrets[name] = value
	case kind == "weak" && named && value == "accepted":
		v.Weak = append(v.Weak, name)
	case key == "source":
		v.Source = value
	case key == "now":
		v.Now, err = time.Parse(time.RFC3339, value)
	case key == "peer":
		v.Peer, err = netip.ParseAddr(value)
	case key == "gateway" && (value == "raw-full" || value == "none"):
		v.Gateway = value
	case key == "expect":
		return v.expect(value)
	default:
		return fmt.Errorf("%q is no setting, or can't be %q", key, value)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func (v *Vector) expect(value string) error {
	if value == "allow" {
		v.Allow = true
		return nil
	}
	text, ok := strings.CutPrefix(value, "deny ")
	for _, reason := range authz.Reasons() {
		if ok && reason.String() == text && reason != authz.ReasonVerified {
			v.Reason = reason
			return nil
		}
	}
	return fmt.Errorf("expect is %q, want allow or deny and a reason", value)
}

func (v *Vector) sections(files []txtar.File) error {
	if !slices.EqualFunc(files, []string{"policy.yaml", "request.http"}, func(f txtar.File, name string) bool { return f.Name == name }) {
		return fmt.Errorf("want the sections policy.yaml and request.http, in this order")
	}
	v.Policy = string(files[0].Data)
	v.Raw = strings.TrimSuffix(string(files[1].Data), "\n")
	_, err := v.Request()
	return err
}

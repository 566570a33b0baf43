package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret/memory"
	"github.com/hookauthz/hookauthz/server/config"
)

const two = `secrets:
  gh: {vault: {path: gh, field: secret}}
policies:
  github:
    require:
      provider: {name: github, secrets: [gh]}
  second:
    require:
      provider: {name: github, secrets: [gh]}
routes:
  - match: {path: /github}
    policy: github
  - match: {path: /second}
    policy: second
`

func TestReloadSwaps(t *testing.T) {
	p := start(t, github, memorySecrets(), nil).ready()
	if got := p.check("/second", canary); got != 403 {
		t.Fatalf("got %d, want 403", got)
	}
	p.write(two)
	p.wait("the new route", func() bool { return p.check("/second", canary) == 200 })
	p.write(github)
	p.wait("the old routes", func() bool { return p.check("/second", canary) == 403 })
	p.wait("what was removed", func() bool { return strings.Contains(p.logs.String(), `"removed":"second"`) })
	if got := p.check("/github", canary); got != 200 {
		t.Errorf("got %d, want 200", got)
	}
}

func TestReloadKeepsWhatWorks(t *testing.T) {
	tests := []struct {
		name, policies, want string
	}{
		{name: "a mistake", policies: strings.Replace(github, "name: github", "name: githb", 1), want: `policy.yaml:6:24: policies.github.require.provider.name`},
		{name: "half a file", policies: github[:len(github)/2], want: "policy.yaml:"},
		{name: "an empty file", policies: "", want: "policy.yaml"},
		{name: "no policies", policies: "policies: {}\n", want: "policies"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, github, memorySecrets(), nil).ready()
			if !p.metric("hookauthz_config_last_reload_successful 1") {
				t.Error("the metric is not 1 after the start")
			}
			p.write(tt.policies)
			p.wait("the refusal", func() bool { return strings.Contains(p.logs.String(), "the one before stays in use") })
			if !strings.Contains(p.logs.String(), tt.want) {
				t.Errorf("the log holds no %q:\n%s", tt.want, &p.logs)
			}
			if !p.metric("hookauthz_config_last_reload_successful 0") {
				t.Error("the metric is not 0")
			}
			if got := p.check("/github", canary); got != 200 {
				t.Errorf("got %d, want 200", got)
			}
			p.write(github + "# as before\n")
			p.wait("the metric", func() bool { return p.metric("hookauthz_config_last_reload_successful 1") })
		})
	}
}

func TestReloadSurvivesAVanishedFile(t *testing.T) {
	p := start(t, github, memorySecrets(), nil).ready()
	if err := os.Remove(p.path); err != nil {
		t.Fatal(err)
	}
	p.wait("the refusal", func() bool { return strings.Contains(p.logs.String(), "the one before stays in use") })
	if got := p.check("/github", canary); got != 200 {
		t.Errorf("got %d, want 200", got)
	}
	p.write(two)
	p.wait("the new route", func() bool { return p.check("/second", canary) == 200 })
}

// Kubernetes swaps a link to a directory beside the files; the files themselves
// are links through it and never change.
func TestReloadFollowsConfigMaps(t *testing.T) {
	dir := t.TempDir()
	mount := func(name, policies string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "policy.yaml"), []byte(policies), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(name, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	mount("..one", github)
	if err := os.Symlink("..data/policy.yaml", filepath.Join(dir, "policy.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "policy.yaml")} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			p := start(t, github, memorySecrets(), func(s *config.Settings) { s.Config = path }).ready()
			next := filepath.Base(t.Name())
			mount("..two-"+next, two)
			p.wait("the new route", func() bool { return p.check("/second", canary) == 200 })
			mount("..three-"+next, github)
			p.wait("the old routes", func() bool { return p.check("/second", canary) == 403 })
		})
	}
}

func TestReloadWaitsForNewSecrets(t *testing.T) {
	source := &gated{memorySecrets(), make(chan struct{})}
	source.Put(at("free"), map[string][]byte{"secret": []byte(canary)}, time.Now())
	free := strings.Replace(github, "path: gh", "path: free", 1)
	p := start(t, free, source, nil).ready()
	p.write(strings.Replace(two, "path: gh", "path: other", 1))
	source.Put(at("other"), map[string][]byte{"secret": []byte(canary)}, time.Now())
	p.wait("a read that fails", func() bool { return strings.Contains(p.logs.String(), `"msg":"a secret could not be read"`) })
	if got := p.check("/second", canary); got != 403 {
		t.Errorf("got %d while the new secret is being read, want the old file's 403", got)
	}
	if got := p.check("/github", canary); got != 200 {
		t.Errorf("got %d while the new secret is being read, want 200", got)
	}
	close(source.open)
	p.wait("the new route", func() bool { return p.check("/second", canary) == 200 })
}

// The gRPC server's limit is fixed at start: what needs a restart is said.
func TestReloadSaysWhatNeedsARestart(t *testing.T) {
	p := start(t, github, memorySecrets(), nil).ready()
	p.write("gateway: {max_request_bytes: 32MiB}\n" + github)
	p.wait("the word", func() bool { return strings.Contains(p.logs.String(), "until the server is started again") })
}

func TestHangupReads(t *testing.T) {
	p := start(t, github, memory.New(), nil).ready()
	p.hangup <- syscall.SIGHUP
	p.wait("the answer", func() bool { return strings.Contains(p.logs.String(), "the policy file is the one in use") })
}

package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret/memory"
)

// A key that could be read and can't be used is told of at start, by the probes
// and in the metrics, and not only by the requests that it denies.
func TestUnfitSecretsAreTold(t *testing.T) {
	for _, tt := range []struct{ name, value, reason string }{
		{"short", "3 bytes", "secret_weak"},
		{"padded", canary + "\n", "secret_invalid"},
		{"blank", strings.Repeat(" ", 20), "secret_invalid"},
		{"placeholder", "replace-with-your-secret", "secret_invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := memory.New()
			source.Put(at("gh"), map[string][]byte{"secret": []byte(tt.value)}, time.Now())
			p := start(t, github, source, nil).ready()
			if got := p.logs.String(); !strings.Contains(got, `"secret":"gh","reason":"`+tt.reason+`"`) {
				t.Errorf("the log does not tell of it:\n%s", got)
			}
			if _, text := p.get("/readyz?verbose"); !strings.Contains(text, "[-] secret gh (vault): unusable") {
				t.Errorf("/readyz?verbose = %q, want the secret unusable", text)
			}
			if !p.metric(`hookauthz_secret_state{reference="gh",state="unusable"} 1`) {
				t.Error("the metric does not say unusable")
			}
			if got := p.check("/github", tt.value); got != 500 {
				t.Errorf("a request signed with it: got %d, want 500", got)
			}
		})
	}
}

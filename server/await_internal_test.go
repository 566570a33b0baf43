package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
	"github.com/hookauthz/hookauthz/authz/secret/memory"
)

// A start tells which key sets it waits for and how long at most, as long as it
// does. Nobody fetches or reads anything here.
func TestAwaitSaysForWhat(t *testing.T) {
	file, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(policies)}}, policy.Options{})
	if file == nil {
		t.Fatalf("the policy file has mistakes: %+v", findings)
	}
	keys := []keyset.Declaration{{Name: "b", URL: "https://b.example/keys"}, {Name: "a", URL: "https://a.example/keys"}}
	read := []secret.Declaration{{Name: "gh", Env: &secret.EnvLocation{Name: "GH"}}}
	tests := []struct {
		name    string
		secrets []secret.Declaration
		keys    []keyset.Declaration
		want    []string // per line: when, and for which key sets
		served  bool     // after 45 s
	}{
		{name: "nothing", served: true},
		{name: "key sets", keys: keys, want: []string{"10s [a b] 30s", "20s [a b] 30s"}, served: true},
		{name: "a secret", secrets: read, want: []string{"10s", "20s", "30s", "40s"}},
		{name: "both", secrets: read, keys: keys, want: []string{"10s [a b] 30s", "20s [a b] 30s", "30s", "40s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs bytes.Buffer
				secrets := cache.New(cache.Config{Sources: map[secret.Kind]secret.Source{secret.KindEnv: memory.New()}})
				g := &generation{set: secrets.Open(tt.secrets), keys: keyset.New(keyset.Config{}).Open(tt.keys), file: file}
				defer g.close()
				g.table = file.Table(policy.Sources{Secret: g.set.Secrets})
				p := &process{
					Options: Options{Log: slog.New(slog.NewJSONHandler(&logs, nil))},
					ready:   newReadiness(), reloader: &reloader{},
				}
				p.reloader.current.Store(g)
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
				defer cancel()
				p.await(ctx, Address{})
				if got := p.ready.settled.Load(); got != tt.served {
					t.Errorf("settled = %v, want %v", got, tt.served)
				}
				if got := waits(t, logs.String(), began); !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q in\n%s", got, tt.want, &logs)
				}
			})
		})
	}
}

// waits sums up the lines of a start that waits.
func waits(t *testing.T, logs string, began time.Time) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(logs) {
		var l struct {
			Time    time.Time
			Msg     string
			Error   string
			KeySets []string
			AtMost  time.Duration `json:"keysets_at_most"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(l.Msg, "not serving yet: ") {
			continue
		}
		if l.Error == "" {
			t.Errorf("no error in %s", line)
		}
		text := l.Time.Sub(began).String()
		if l.KeySets != nil || l.AtMost != 0 {
			text += fmt.Sprintf(" %v %v", l.KeySets, l.AtMost)
		}
		all = append(all, text)
	}
	return all
}

package config_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/server/config"
)

// The flags are serve's own: of the same names, defaults and rules.
func TestVaultFlags(t *testing.T) {
	serve, own := flag.NewFlagSet("serve", flag.ContinueOnError), flag.NewFlagSet("own", flag.ContinueOnError)
	config.NewFlags(serve)
	config.NewVaultFlags(own)
	serve.VisitAll(func(f *flag.Flag) {
		mine := own.Lookup(f.Name)
		if wanted := strings.HasPrefix(f.Name, "vault-") || f.Name == "dev"; wanted != (mine != nil) || wanted && mine.DefValue != f.DefValue {
			t.Errorf("--%s is %+v, serve's is %+v", f.Name, mine, f)
		}
	})
	tests := []struct {
		name  string
		args  []string
		env   map[string]string
		token string
		want  string // of the error
	}{
		{name: "nothing"},
		{name: "token", env: map[string]string{"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t"}, token: "t"},
		{name: "token, and a file", args: []string{"--vault-token-file=f"}, env: map[string]string{"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t"}},
		{name: "http", env: map[string]string{"VAULT_ADDR": "http://vault.example"}, want: "--vault-addr: plain http"},
		{name: "http, dev", args: []string{"--dev"}, env: map[string]string{"HOOKAUTHZ_VAULT_ADDR": "http://vault.example"}},
		{name: "approle without its files", args: []string{"--vault-auth=approle"}, want: "--vault-role-id-file: required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := flag.NewFlagSet("own", flag.ContinueOnError)
			flags := config.NewVaultFlags(set)
			if err := set.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			given := func(name string) bool {
				found := false
				set.Visit(func(f *flag.Flag) { found = found || f.Name == name })
				return found
			}
			s, err := flags.Load(given, func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok })
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Load() error = %v, want %q", err, tt.want)
			}
			if string(s.Vault.Token.Reveal()) != tt.token {
				t.Error("Load() took another token")
			}
		})
	}
}

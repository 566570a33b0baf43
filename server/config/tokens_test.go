package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTokenListener(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string // "" if there must be no mistake
	}{
		{name: "off"},
		{name: "off by an empty address", args: []string{"--token-listen="}},
		{name: "loopback", args: []string{"--token-listen=127.0.0.1:9193"}},
		{name: "without port", args: []string{"--token-listen=localhost"}, want: "--token-listen: want host:port"},
		{name: "a socket", args: []string{"--token-listen=unix:///a"}, want: "--token-listen: want host:port"},
		{name: "off loopback", args: []string{"--token-listen=:9193"}, want: "--token-listen: :9193 can be reached by other machines"},
		{name: "off loopback, TLS of another listener", args: []string{"--token-listen=:9193", "--tls-cert=c", "--tls-key=k"}, want: "--token-tls-cert and --token-tls-key"},
		{name: "off loopback, with TLS", args: []string{"--token-listen=:9193", "--token-tls-cert=c", "--token-tls-key=k"}},
		{name: "off loopback, insecure", args: []string{"--token-listen=:9193", "--insecure"}},
		{name: "certificate without key", args: []string{"--token-listen=127.0.0.1:1", "--token-tls-cert=c"}, want: "--token-tls-cert: wants --token-tls-key"},
		{name: "key without certificate", args: []string{"--token-listen=127.0.0.1:1", "--token-tls-key=k"}, want: "--token-tls-key: wants --token-tls-cert"},
		{name: "key alone", args: []string{"--token-tls-key=k"}, want: "--token-tls-key: wants --token-tls-cert"},
		{name: "certificate without listener", args: []string{"--token-tls-cert=c", "--token-tls-key=k"}, want: "--token-tls-cert: wants --token-listen"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, nil, append(tt.args, "--config=p")...)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTokenStore(t *testing.T) {
	const form, plain, argument = "want redis://host:port", "plain text off this machine", "every user of this machine"
	byFile := func(text string) []string { return []string{"--token-store-file=" + write(t, text)} }
	variable := "HOOKAUTHZ_TOKEN_STORE"
	tests := []struct {
		name string
		env  map[string]string
		args []string
		url  string // that must be kept
		want string // a mistake
	}{
		{name: "none"},
		{name: "here", args: []string{"--token-store=redis://127.0.0.1:6379"}, url: "redis://127.0.0.1:6379"},
		{name: "here, with a database", args: []string{"--token-store=redis://localhost/3"}, url: "redis://localhost/3"},
		{name: "with TLS", args: []string{"--token-store=rediss://redis.example:6380/0"}, url: "rediss://redis.example:6380/0"},
		{name: "elsewhere", args: []string{"--token-store=redis://redis:6379"}, want: plain},
		{name: "elsewhere, insecure", args: []string{"--token-store=redis://redis:6379", "--insecure"}, url: "redis://redis:6379"},
		{name: "a password in the arguments", args: []string{"--token-store=rediss://:canary@redis:6379"}, want: argument},
		{name: "a user in the arguments", args: []string{"--token-store=rediss://canary@redis:6379"}, want: argument},
		{name: "a password in the variable", env: map[string]string{variable: "rediss://u:canary@redis:6379"}, url: "rediss://u:canary@redis:6379"},
		{name: "a password in a file", args: byFile("rediss://u:canary@redis:6379\n"), url: "rediss://u:canary@redis:6379"},
		{name: "a file named by a variable", env: map[string]string{variable + "_FILE": write(t, "rediss://a")}, url: "rediss://a"},
		{name: "both", args: append(byFile("rediss://canary"), "--token-store=rediss://b"), want: "exclude each other"},
		{name: "no file", args: []string{"--token-store-file=/nowhere/file"}, want: "--token-store-file: can't be read"},
		{name: "a directory", args: []string{"--token-store-file=/"}, want: "--token-store-file: can't be read"},
		{name: "an empty file", args: byFile("\n"), want: "--token-store-file: the file is empty"},
		{name: "no URL in a file", args: byFile("canary"), want: "--token-store-file: " + form},
		{name: "two lines", args: byFile("rediss://a\nrediss://canary\n"), want: form},
		{name: "too long", args: byFile("rediss://" + strings.Repeat("a", 5000)), want: form},
		{name: "a host alone", args: []string{"--token-store=127.0.0.1:6379"}, want: form},
		{name: "another scheme", args: []string{"--token-store=http://127.0.0.1:6379"}, want: form},
		{name: "a socket", args: []string{"--token-store=unix:///run/redis.sock"}, want: form},
		{name: "no host", args: []string{"--token-store=redis://:6379"}, want: form},
		{name: "options", args: []string{"--token-store=redis://127.0.0.1:6379?max_retries=3"}, want: form},
		{name: "no options", args: []string{"--token-store=redis://127.0.0.1:6379?"}, want: form},
		{name: "a fragment", args: []string{"--token-store=redis://127.0.0.1:6379#canary"}, want: form},
		{name: "a named database", args: []string{"--token-store=redis://127.0.0.1:6379/canary"}, want: form},
		{name: "port out of range", args: []string{"--token-store=redis://127.0.0.1:70000"}, want: form},
		{name: "a bad password", env: map[string]string{variable: "redis://u:%zzcanary@127.0.0.1"}, want: form},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := load(t, tt.env, append(tt.args, "--config=p")...)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if got := string(s.TokenStore.Reveal()); got != tt.url {
				t.Errorf("the URL is %q, want %q", got, tt.url)
			}
			if text := fmt.Sprintf("%v %+v", err, s); strings.Contains(text, "canary") {
				t.Errorf("the URL is told: %s", text)
			}
		})
	}
}

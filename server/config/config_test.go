package config_test

import (
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/server/config"
)

// load parses args and the environment.
func load(t *testing.T, env map[string]string, args ...string) (config.Settings, error) {
	t.Helper()
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags := config.NewFlags(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	return flags.Load(func(name string) bool { return given[name] }, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
}

func TestDefaults(t *testing.T) {
	s, err := load(t, nil, "--config=p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(s.Config, s.Listen, s.Health, s.MaxBody, s.Refresh, s.MaxStale, s.DrainWait, s.DrainTimeout, s.LogLevel, s.LogFormat, s.Vault.Auth, s.Dev)
	want := fmt.Sprintln("p.yaml", "127.0.0.1:9191", "127.0.0.1:9192", int64(1<<20), 30*time.Second, time.Hour, 5*time.Second, 20*time.Second, slog.LevelInfo, "auto", "token", false)
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		args []string
		want string // "" if there must be none
	}{
		{name: "no config", args: nil, want: "--config: required"},
		{name: "listen without port", args: []string{"--config=p", "--listen=localhost"}, want: "--listen: want host:port"},
		{name: "listen with a named port", args: []string{"--config=p", "--listen=localhost:http"}, want: "--listen: the port must be a number"},
		{name: "port out of range", args: []string{"--config=p", "--listen=localhost:65536"}, want: "--listen: the port must be a number"},
		{name: "off loopback", args: []string{"--config=p", "--listen=0.0.0.0:9191"}, want: "--listen: 0.0.0.0:9191 can be reached by other machines"},
		{name: "all addresses", args: []string{"--config=p", "--listen=:9191"}, want: "--insecure"},
		{name: "by name", args: []string{"--config=p", "--listen=hookauthz:9191"}, want: "--insecure"},
		{name: "off loopback, insecure", args: []string{"--config=p", "--listen=:9191", "--insecure"}},
		{name: "off loopback, with TLS", args: []string{"--config=p", "--listen=:9191", "--tls-cert=c", "--tls-key=k"}},
		{name: "loopback of IPv6", args: []string{"--config=p", "--listen=[::1]:0"}},
		{name: "mapped loopback", args: []string{"--config=p", "--listen=[::ffff:127.0.0.1]:0"}},
		{name: "relative socket", args: []string{"--config=p", "--listen=unix://run.sock"}, want: "absolute path"},
		{name: "socket", args: []string{"--config=p", "--listen=unix:///run/a.sock", "--peer-uid=101"}},
		{name: "peer uid on TCP", args: []string{"--config=p", "--peer-uid=101"}, want: "--peer-uid: wants a unix://"},
		{name: "peer by name", args: []string{"--config=p", "--listen=unix:///a", "--peer-uid=envoy"}, want: "--peer-uid: want the number"},
		{name: "TLS on a socket", args: []string{"--config=p", "--listen=unix:///a", "--tls-cert=c", "--tls-key=k"}, want: "no meaning on a Unix socket"},
		{name: "health on a socket", args: []string{"--config=p", "--health-listen=unix:///a"}, want: "--health-listen: want host:port"},
		{name: "no health", args: []string{"--config=p", "--health-listen="}},
		{name: "no health by variable", env: map[string]string{"HOOKAUTHZ_HEALTH_LISTEN": ""}, args: []string{"--config=p"}},
		{name: "certificate without key", args: []string{"--config=p", "--tls-cert=c"}, want: "--tls-cert: wants --tls-key"},
		{name: "key without certificate", args: []string{"--config=p", "--tls-key=k"}, want: "--tls-key: wants --tls-cert"},
		{name: "client authorities without TLS", args: []string{"--config=p", "--tls-client-ca=c"}, want: "--tls-client-ca: wants"},
		{name: "names without authorities", args: []string{"--config=p", "--tls-client-san=a"}, want: "--tls-client-san: wants"},
		{name: "no name among the names", args: []string{"--config=p", "--tls-cert=c", "--tls-key=k", "--tls-client-ca=a", "--tls-client-san= , "}, want: "--tls-client-san: holds no name"},
		{name: "empty names", args: []string{"--config=p", "--tls-cert=c", "--tls-key=k", "--tls-client-ca=a", "--tls-client-san="}, want: "--tls-client-san: holds no name"},
		{name: "no name in the variable", env: map[string]string{"HOOKAUTHZ_TLS_CLIENT_SAN": ","}, args: []string{"--config=p", "--tls-cert=c", "--tls-key=k", "--tls-client-ca=a"}, want: "--tls-client-san: holds no name"},
		{name: "size without unit", args: []string{"--config=p", "--max-body=1000"}, want: "--max-body: want a number and a unit"},
		{name: "size in MB", args: []string{"--config=p", "--max-body=1MB"}, want: "--max-body: want a number and a unit"},
		{name: "negative size", args: []string{"--config=p", "--max-body=-1MiB"}, want: "--max-body: want a number"},
		{name: "no size", args: []string{"--config=p", "--max-body=0B"}, want: "--max-body: want 1B to 256MiB"},
		{name: "too large a size", args: []string{"--config=p", "--max-body=4GiB"}, want: "--max-body: want 1B to 256MiB"},
		{name: "refresh too often", args: []string{"--config=p", "--refresh=1ms"}, want: "--refresh: want 1s to 1h"},
		{name: "stale before refresh", args: []string{"--config=p", "--refresh=1m", "--max-stale=30s"}, want: "--max-stale: is shorter"},
		{name: "endless drain", args: []string{"--config=p", "--drain-timeout=1h"}, want: "--drain-timeout: want 0s to 10m"},
		{name: "unknown auth", args: []string{"--config=p", "--vault-auth=kubernetes"}, want: "want one of token, approle"},
		{name: "approle without files", args: []string{"--config=p", "--vault-auth=approle"}, want: "--vault-secret-id-file: required"},
		{name: "approle", args: []string{"--config=p", "--vault-auth=approle", "--vault-role-id-file=r", "--vault-secret-id-file=s"}},
		{name: "Vault without TLS", args: []string{"--config=p", "--vault-addr=http://vault:8200"}, want: "plain http"},
		{name: "Vault without TLS here", args: []string{"--config=p", "--vault-addr=http://127.0.0.1:8200"}},
		{name: "Vault without TLS, dev", args: []string{"--config=p", "--vault-addr=http://vault:8200", "--dev"}},
		{name: "Vault with a password", args: []string{"--config=p", "--vault-addr=https://user:canary@vault:8200"}, want: "--vault-addr: want https://host:port"},
		{name: "Vault without a scheme", args: []string{"--config=p", "--vault-addr=vault:8200"}, want: "--vault-addr: want https://host:port"},
		{name: "skip verify", env: map[string]string{"VAULT_SKIP_VERIFY": "true"}, args: []string{"--config=p"}, want: "wants --dev"},
		{name: "log level", args: []string{"--config=p", "--log-level=loud"}, want: "--log-level: want one of debug, info, warn, error"},
		{name: "log format", args: []string{"--config=p", "--log-format=xml"}, want: "--log-format: want one of auto, json, text"},
		{name: "bad variable", env: map[string]string{"HOOKAUTHZ_REFRESH": "canary"}, args: []string{"--config=p"}, want: "HOOKAUTHZ_REFRESH: not a value for --refresh"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.env, tt.args...)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want no mistake", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the value is told: %v", err)
			}
		})
	}
}

func TestMistakesComeTogether(t *testing.T) {
	_, err := load(t, nil, "--listen=x", "--max-body=x", "--log-level=x")
	for _, want := range []string{"--config", "--listen", "--max-body", "--log-level"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}

func TestFlagBeatsVariableBeatsVaultsOwn(t *testing.T) {
	env := map[string]string{"VAULT_ADDR": "https://third:8200"}
	for _, tt := range []struct {
		ours string
		args []string
		want string
	}{
		{want: "https://third:8200"},
		{ours: "https://second:8200", want: "https://second:8200"},
		{ours: "https://second:8200", args: []string{"--vault-addr=https://first:8200"}, want: "https://first:8200"},
	} {
		env["HOOKAUTHZ_VAULT_ADDR"] = tt.ours
		s, err := load(t, env, append(tt.args, "--config=p")...)
		if err != nil {
			t.Fatal(err)
		}
		if s.Vault.Address != tt.want {
			t.Errorf("address = %q, want %q", s.Vault.Address, tt.want)
		}
	}
}

// Every flag has a variable that does the same.
func TestEveryFlagHasItsVariable(t *testing.T) {
	values := map[string]string{
		"config": "q", "listen": "127.0.0.1:1", "tls-cert": "c", "tls-key": "k", "tls-client-ca": "ca", "tls-client-san": "a,b",
		"peer-uid": "7", "insecure": "true", "health-listen": "127.0.0.1:2", "max-body": "2MiB", "refresh": "2s", "max-stale": "2h",
		"vault-addr": "https://v", "vault-namespace": "n", "vault-cacert": "f", "vault-capath": "d", "vault-client-cert": "c",
		"vault-client-key": "k", "vault-tls-server-name": "s", "vault-skip-verify": "true", "vault-auth": "approle", "vault-mount": "m",
		"vault-token-file": "t", "vault-role-id-file": "r", "vault-secret-id-file": "s", "dev": "true",
		"drain-wait": "1s", "drain-timeout": "2s", "log-level": "debug", "log-format": "text",
		"token-listen": "127.0.0.1:3", "token-tls-cert": "c", "token-tls-key": "k", "token-store": "redis://127.0.0.1",
		"token-store-file": write(t, "redis://127.0.0.1"), "replay-store": "redis://127.0.0.1",
		"replay-store-file": write(t, "redis://127.0.0.1"),
	}
	// What a flag needs beside it.
	tls := []string{"--tls-cert=c", "--tls-key=k", "--tls-client-ca=ca"}
	tokenTLS := []string{"--token-listen=127.0.0.1:3", "--token-tls-cert=c", "--token-tls-key=k"}
	pair := []string{"--vault-client-cert=c", "--vault-client-key=k"}
	companions := map[string][]string{
		"tls-cert": tls, "tls-key": tls, "tls-client-ca": tls, "tls-client-san": tls,
		"token-tls-cert": tokenTLS, "token-tls-key": tokenTLS,
		"peer-uid": {"--listen=unix:///a"}, "vault-skip-verify": {"--dev"},
		"vault-auth":        {"--vault-role-id-file=r", "--vault-secret-id-file=s"},
		"vault-client-cert": pair, "vault-client-key": pair,
	}
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	config.NewFlags(set)
	set.VisitAll(func(f *flag.Flag) {
		value, ok := values[f.Name]
		if !ok {
			t.Errorf("no value to try --%s with", f.Name)
			return
		}
		var base []string
		for _, arg := range append([]string{"--config=p"}, companions[f.Name]...) {
			if !strings.HasPrefix(arg, "--"+f.Name+"=") {
				base = append(base, arg)
			}
		}
		byFlag, err := load(t, nil, append(base, "--"+f.Name+"="+value)...)
		if err != nil {
			t.Errorf("--%s: %v", f.Name, err)
		}
		byVariable, err := load(t, map[string]string{config.EnvName(f.Name): value}, base...)
		if err != nil {
			t.Errorf("%s: %v", config.EnvName(f.Name), err)
		}
		uid := func(s *config.Settings) (uid uint32) {
			if s.PeerUID != nil {
				uid, s.PeerUID = *s.PeerUID, nil
			}
			return uid
		}
		if uid(&byFlag) != uid(&byVariable) || fmt.Sprintf("%+v", byFlag) != fmt.Sprintf("%+v", byVariable) {
			t.Errorf("--%s gives %+v; %s gives %+v", f.Name, byFlag, config.EnvName(f.Name), byVariable)
		}
	})
	if set.Lookup("vault-token") != nil {
		t.Error("a token by flag can be read by every user of the machine")
	}
}

func TestTokenIsNotPrinted(t *testing.T) {
	const canary = "hvs.canary"
	s, err := load(t, map[string]string{"VAULT_TOKEN": canary}, "--config=p")
	if err != nil {
		t.Fatal(err)
	}
	if string(s.Vault.Token.Reveal()) != canary {
		t.Fatal("the token was not read")
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("settings", slog.Any("token", s.Vault.Token), slog.String("all", fmt.Sprintf("%+v", s)))
	for _, got := range []string{fmt.Sprintf("%v %+v %#v %s", s, s, s, s.Vault.Token), logged.String()} {
		if strings.Contains(got, canary) {
			t.Errorf("the token is printed: %s", got)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags := config.NewFlags(set)
	got := flags.Unknown([]string{"PATH=/", "HOOKAUTHZ_REFRESH=1s", "HOOKAUTHZ_REFERSH=1s", "HOOKAUTHZ_PORT=tcp://10.0.0.1:9191"})
	if fmt.Sprint(got) != "[HOOKAUTHZ_REFERSH HOOKAUTHZ_PORT]" {
		t.Errorf("got %v", got)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1B": 1, "512KiB": 512 << 10, "1MiB": 1 << 20, "2GiB": 2 << 30} {
		got, err := config.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
		if back := config.FormatSize(got); back != text {
			t.Errorf("FormatSize(%d) = %q, want %q", got, back, text)
		}
	}
	for _, text := range []string{"", "B", "1", "1K", "1kib", "+1B", "1.5MiB", "99999999999GiB", " 1MiB", "0x1B"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

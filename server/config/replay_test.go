package config_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestReplayStore(t *testing.T) {
	const form, plain, argument = "want redis://host:port", "plain text off this machine", "every user of this machine"
	byFile := func(text string) []string { return []string{"--replay-store-file=" + write(t, text)} }
	variable := "HOOKAUTHZ_REPLAY_STORE"
	tests := []struct {
		name string
		env  map[string]string
		args []string
		url  string // that must be kept
		want string // a mistake
	}{
		{name: "none"},
		{name: "here", args: []string{"--replay-store=redis://127.0.0.1:6379"}, url: "redis://127.0.0.1:6379"},
		{name: "a socket", args: []string{"--replay-store=unix:///run/redis.sock"}, url: "unix:///run/redis.sock"},
		{name: "with TLS", args: []string{"--replay-store=rediss://redis.example:6380/0"}, url: "rediss://redis.example:6380/0"},
		{name: "elsewhere", args: []string{"--replay-store=redis://redis:6379"}, want: plain},
		{name: "elsewhere, insecure", args: []string{"--replay-store=redis://redis:6379", "--insecure"}, url: "redis://redis:6379"},
		{name: "one of several elsewhere", args: []string{"--replay-store=redis+cluster://127.0.0.1,redis"}, want: plain},
		{name: "several here", args: []string{"--replay-store=redis+cluster://127.0.0.1:7000,localhost:7001"}, url: "redis+cluster://127.0.0.1:7000,localhost:7001"},
		{name: "Sentinels with TLS", args: []string{"--replay-store=rediss+sentinel://a,b/0?master=m"}, url: "rediss+sentinel://a,b/0?master=m"},
		{name: "Sentinels without TLS", args: []string{"--replay-store=redis+sentinel://a,b/0?master=m"}, want: plain},
		{name: "a password in the arguments", args: []string{"--replay-store=rediss://:canary@redis:6379"}, want: argument},
		{name: "the Sentinels' password in the arguments", args: []string{"--replay-store=rediss+sentinel://a/?master=m&sentinel_password=canary"}, want: argument},
		{name: "a password in the variable", env: map[string]string{variable: "rediss://u:canary@redis:6379"}, url: "rediss://u:canary@redis:6379"},
		{name: "a password in a file", args: byFile("rediss://u:canary@redis:6379\n"), url: "rediss://u:canary@redis:6379"},
		{name: "a file named by a variable", env: map[string]string{variable + "_FILE": write(t, "rediss://a")}, url: "rediss://a"},
		{name: "both", args: append(byFile("rediss://canary"), "--replay-store=rediss://b"), want: "--replay-store and --replay-store-file exclude each other"},
		{name: "no file", args: []string{"--replay-store-file=/nowhere/file"}, want: "--replay-store-file: can't be read"},
		{name: "an empty file", args: byFile("\n"), want: "--replay-store-file: the file is empty"},
		{name: "no URL in a file", args: byFile("canary"), want: "--replay-store-file: " + form},
		{name: "options", args: []string{"--replay-store=redis://127.0.0.1:6379?max_retries=3"}, want: form},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := load(t, tt.env, append(tt.args, "--config=p")...)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if got := string(s.ReplayStore.Reveal()); got != tt.url {
				t.Errorf("the URL is %q, want %q", got, tt.url)
			}
			if text := fmt.Sprintf("%v %+v", err, s); strings.Contains(text, "canary") {
				t.Errorf("the URL is told: %s", text)
			}
		})
	}
}

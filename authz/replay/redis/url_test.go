package redis_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/replay/redis"
)

func TestParseURL(t *testing.T) {
	one := []string{"127.0.0.1:6379"}
	tests := []struct {
		url  string
		want redis.Address // as far as it is exported
	}{
		{url: "redis://127.0.0.1", want: redis.Address{Hosts: one}},
		{url: "redis://127.0.0.1:6379/", want: redis.Address{Hosts: one}},
		{url: "rediss://127.0.0.1/15", want: redis.Address{Hosts: one, TLS: true}},
		{url: "redis://[::1]", want: redis.Address{Hosts: []string{"[::1]:6379"}}},
		{url: "redis://[::1]:7000", want: redis.Address{Hosts: []string{"[::1]:7000"}}},
		{url: "redis://u:p%40%3A%2Fq@127.0.0.1", want: redis.Address{Hosts: one, Password: true}},
		{url: "redis://:p@127.0.0.1", want: redis.Address{Hosts: one, Password: true}},
		{url: "unix:///run/redis.sock", want: redis.Address{}},
		{url: "unix://u:p@/run/redis.sock?db=3", want: redis.Address{Password: true}},
		{url: "redis+sentinel://a,b:1/2?master=m", want: redis.Address{Hosts: []string{"a:26379", "b:1"}}},
		{url: "redis+sentinel://a?master=m", want: redis.Address{Hosts: []string{"a:26379"}}},
		{url: "rediss+sentinel://a/?master=m&sentinel_user=u&sentinel_password=p", want: redis.Address{Hosts: []string{"a:26379"}, TLS: true, Password: true}},
		{url: "redis+cluster://u:p@a:1,b:2,c:3", want: redis.Address{Hosts: []string{"a:1", "b:2", "c:3"}, Password: true}},
		{url: "rediss+cluster://a/", want: redis.Address{Hosts: []string{"a:6379"}, TLS: true}},
	}
	for _, tt := range tests {
		got, err := redis.ParseURL(tt.url)
		if err != nil || !slices.Equal(got.Hosts, tt.want.Hosts) || got.TLS != tt.want.TLS || got.Password != tt.want.Password {
			t.Errorf("%s: %+v, %v; want %+v", tt.url, got, err, tt.want)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, url := range []string{
		"", "canary", "127.0.0.1:6379", "http://canary", "redis:canary", "redis://", "redis://:6379", "redis:///0", "redis+redis://a",
		"redis://a,b", "redis://a/canary", "redis://a/01", "redis://a/-1", "redis://a/1/2", "redis://a:0", "redis://a:70000", "redis://a:canary",
		"redis://a?", "redis://a?max_retries=3", "redis://a?db=1", "rediss://a?skip_verify=true", "redis://a#canary", "redis://a\\b", "redis://a b",
		"redis://::1", "redis://[::1", "redis://a@b@c:canary@d/e", "redis://%zzcanary@a", "redis://a:b:canary@c", "redis://" + strings.Repeat("a", 5000),
		"unix://", "unix:///", "unix://host/canary", "unix:///a?db=x", "unix:///a?master=m", "unix:///a%2fb", "unixs:///a",
		"redis+sentinel://a", "redis+sentinel://a?master=", "redis+sentinel://a?master=m&master=n", "redis+sentinel://?master=m", "redis+sentinel://a,?master=m",
		"redis+sentinel://a?master=m&db=1&tls=no", "redis+cluster://a/1", "redis+cluster://a?addr=b", "redis+cluster://a?master=m", "redis+cluster://a,,b",
		"redis+cluster://" + strings.Repeat("a,", 16) + "a",
	} {
		got, err := redis.ParseURL(url)
		if err == nil {
			t.Errorf("%s: %+v, want a mistake", url, got)
			continue
		}
		if strings.Contains(err.Error(), "canary") || got.Hosts != nil {
			t.Errorf("%s: the mistake tells too much: %v %+v", url, err, got)
		}
		if _, err := redis.Open(url); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: opened with %v", url, err)
		}
	}
}

// FuzzParseURL looks for a URL whose mistake tells of it, or that names no place.
func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"redis://u:p@h:1/2", "unix:///a?db=1", "redis+sentinel://a,b/1?master=m&sentinel_password=p", "rediss+cluster://[::1]:7,h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		got, err := redis.ParseURL(url)
		if err != nil {
			if _, same := redis.ParseURL(""); err.Error() != same.Error() {
				t.Errorf("%q: %v", url, err)
			}
			return
		}
		if len(got.Hosts) == 0 && !strings.HasPrefix(url, "unix://") {
			t.Errorf("%q: no host", url)
		}
		for _, host := range got.Hosts {
			if again, err := redis.ParseURL("redis://" + host); err != nil || !slices.Equal(again.Hosts, []string{host}) {
				t.Errorf("%q: host %q is read as %q, %v", url, host, again.Hosts, err)
			}
		}
		if strings.Contains(url, "@") && !got.Password && !strings.Contains(url[strings.Index(url, "://")+3:], "/") {
			t.Errorf("%q: a login that is not seen", url)
		}
	})
}

package apikey_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// FuzzAPIKey looks for a request that passes without the key.
func FuzzAPIKey(f *testing.F) {
	f.Add("Token "+key, "", false, "/h?key="+url.QueryEscape(key))
	f.Add("token "+key, "Token "+key, true, "/h?k%65y="+key+"&key=")
	f.Add(key+",", key, false, "/h?key="+key+"&key="+key)
	header := newCheck(f, settings(func(s *policypb.ApiKey) { s.Prefix = "Token " }), one(key))
	query := newCheck(f, &policypb.ApiKey{Query: "key", Secrets: []string{"one"}}, one(key))
	f.Fuzz(func(t *testing.T, first, second string, merged bool, path string) {
		r := authztest.Request("POST", path, "", "x-api-key", first)
		r.Header.Merged = merged
		if second != "" {
			authztest.AddHeader(r, "x-api-key", second)
		}
		_, err := header.Verify(t.Context(), r)
		if right := first == "Token "+key && second == ""; (err == nil) != right {
			t.Errorf("header %q, %q: error = %v", first, second, err)
		}
		_, err = query.Verify(t.Context(), r)
		if right := naive(path); (err == nil) != right {
			t.Errorf("path %q: error = %v", path, err)
		}
	})
}

// naive reports whether path's query has the key once, and its name in no other
// spelling.
func naive(path string) bool {
	_, query, _ := strings.Cut(path, "?")
	values := 0
	right := false
	for item := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(item, "=")
		if name == "key" {
			values++
			decoded, err := url.PathUnescape(value)
			right = err == nil && decoded == key && len(value) <= 8<<10
			continue
		}
		if decoded, err := url.PathUnescape(name); err == nil && decoded == "key" {
			return false
		}
	}
	return right && values == 1
}

func BenchmarkAPIKey(b *testing.B) {
	benchmarks := []struct {
		name     string
		settings *policypb.ApiKey
		request  *authz.Request
	}{
		{name: "header", settings: settings(nil), request: authztest.Request("POST", "/h", "", "x-api-key", key)},
		{
			name: "query", request: authztest.Request("POST", "/h?a=b&key="+key, ""),
			settings: &policypb.ApiKey{Query: "key", Secrets: []string{"one"}},
		},
	}
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			check := newCheck(b, bb.settings, one(other, key))
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(ctx, bb.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

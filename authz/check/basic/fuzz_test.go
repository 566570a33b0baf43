package basic_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// FuzzBasic: a request passes exactly if its one header is "Basic", a space and
// the standard encoding of user, colon and password.
func FuzzBasic(f *testing.F) {
	f.Add("Basic "+encode("ali:"+password), "", false)
	f.Add("basic "+strings.TrimRight(encode("ali:"+password), "="), "x", true)
	f.Add("Basic "+encode("a:b:c"), "Basic", false)
	f.Add("Bearer\x00", "", true)
	checks := []authz.Check{newCheck(f, users(), one(password)), newCheck(f, digests(pairs()), one("ali:"+digest(password)))}
	f.Fuzz(func(t *testing.T, first, second string, merged bool) {
		r := authztest.Request("POST", "/h", "", "authorization", first)
		r.Header.Merged = merged
		if second != "" {
			authztest.AddHeader(r, "authorization", second)
		}
		right := second == "" && len(first) > 6 && strings.EqualFold(first[:6], "Basic ") &&
			first[6:] == base64.StdEncoding.EncodeToString([]byte("ali:"+password))
		for _, check := range checks {
			if _, err := check.Verify(t.Context(), r); (err == nil) != right {
				t.Errorf("header %q, %q: error = %v", first, second, err)
			}
		}
	})
}

func BenchmarkBasic(b *testing.B) {
	check := newCheck(b, users(), one("another password", password))
	r := authztest.Request("POST", "/h", "", "authorization", "Basic "+encode("ali:"+password))
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := check.Verify(ctx, r); err != nil {
			b.Fatal(err)
		}
	}
}

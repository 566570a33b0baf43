package token_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/server/token"
)

// A form that is taken means the same to the standard library, which knows each
// name once; written again, it is read the same.
func FuzzParseForm(f *testing.F) {
	for _, text := range []string{grant, "a=1&b=%20+%2B&c", "a=1&a=2", "a;b=1", "a=%zz", "=1", "&&", "%61=1&a=2", "a=\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := token.ParseForm(text)
		if !ok {
			if got != nil {
				t.Errorf("refused, with %q", got)
			}
			return
		}
		want, err := url.ParseQuery(text)
		if err != nil {
			t.Fatalf("%q was taken, and is no form: %v", text, err)
		}
		for name, values := range want {
			if len(values) != 1 || got[name] != values[0] {
				t.Errorf("%q: %q is %q, want %q", text, name, got[name], values)
			}
		}
		written := url.Values{}
		for name, value := range got {
			if value == "" || len(want[name]) != 1 {
				t.Errorf("%q: has %q = %q", text, name, value)
			}
			written.Set(name, value)
		}
		again, ok := token.ParseForm(written.Encode())
		if !ok || len(again) != len(got) {
			t.Errorf("%q: written again it is %q", text, again)
		}
	})
}

// Whatever is in the header: a client and a secret that are taken are those that the
// standard library reads, and written again they are read the same.
func FuzzParseBasic(f *testing.F) {
	for _, value := range []string{"Basic " + encode("a:b"), "basic " + encode("a%20b:c+d"), "Basic", "Bearer x", "Basic " + encode(":"), "Basic " + encode("a:b:c")} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		client, secret, ok := token.ParseBasic(value)
		if !ok {
			if client != "" || secret != "" {
				t.Errorf("refused, with %q and %q", client, secret)
			}
			return
		}
		r := http.Request{Header: http.Header{"Authorization": {value}}}
		rawClient, rawSecret, std := r.BasicAuth()
		wantClient, err := url.QueryUnescape(rawClient)
		wantSecret, err2 := url.QueryUnescape(rawSecret)
		if !std || err != nil || err2 != nil || client != wantClient || secret != wantSecret || client == "" || secret == "" {
			t.Errorf("%q gives %q and %q", value, client, secret)
		}
		again := "Basic " + encode(url.QueryEscape(client)+":"+url.QueryEscape(secret))
		if c, s, ok := token.ParseBasic(again); !ok || c != client || s != secret {
			t.Errorf("%q gives %q and %q, written again %q and %q", value, client, secret, c, s)
		}
		if strings.ContainsAny(client+secret, "\r\n\x00") {
			t.Errorf("%q gives a control character", value)
		}
	})
}

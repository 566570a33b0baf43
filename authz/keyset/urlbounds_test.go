package keyset_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
)

// outside are URLs that entry does not permit.
func outside() map[string]string {
	return map[string]string{
		"nothing":                    "",
		"host within another":        "https://certs.example.com.evil.test/v1/certs/one",
		"host at the end of another": "https://evilcerts.example.com/v1/certs/one",
		"host below it":              "https://a.certs.example.com/v1/certs/one",
		"host above it":              "https://example.com/v1/certs/one",
		"host in upper case":         "https://CERTS.example.com/v1/certs/one",
		"host with a dot":            "https://certs.example.com./v1/certs/one",
		"host in the path":           "https://evil.test/certs.example.com/v1/certs/one",
		"host in the query":          "https://evil.test/?https://certs.example.com/v1/certs/one",
		"host in the fragment":       "https://evil.test/#https://certs.example.com/v1/certs/one",
		"host as a user":             "https://certs.example.com@evil.test/v1/certs/one",
		"host as a password":         "https://user:certs.example.com@evil.test/v1/certs/one",
		"user":                       "https://user@certs.example.com/v1/certs/one",
		"no user, but the sign":      "https://@certs.example.com/v1/certs/one",
		"port":                       "https://certs.example.com:443/v1/certs/one",
		"other port":                 "https://certs.example.com:8443/v1/certs/one",
		"empty port":                 "https://certs.example.com:/v1/certs/one",
		"both hosts":                 "https://certs.example.com,certs.example.net/v1/certs/one",
		"escaped host":               "https://certs%2eexample.com/v1/certs/one",
		"escaped slash in the host":  "https://certs.example.com%2f@evil.test/v1/certs/one",
		"backslash":                  `https://evil.test\@certs.example.com/v1/certs/one`,
		"backslash before the path":  `https://certs.example.com\.evil.test/v1/certs/one`,
		"other letters":              "https://certs.exаmple.com/v1/certs/one", // Cyrillic
		"this machine":               "https://127.0.0.1/v1/certs/one",
		"version 6":                  "https://[::1]/v1/certs/one",
		"metadata":                   "https://169.254.169.254/v1/certs/one",
		"plain http":                 "http://certs.example.com/v1/certs/one",
		"scheme in upper case":       "HTTPS://certs.example.com/v1/certs/one",
		"file":                       "file:///v1/certs/one",
		"file at a host":             "file://certs.example.com/v1/certs/one",
		"ldap":                       "ldap://certs.example.com/v1/certs/one",
		"no scheme":                  "//certs.example.com/v1/certs/one",
		"three slashes":              "https:///certs.example.com/v1/certs/one",
		"opaque":                     "https:certs.example.com/v1/certs/one",
		"space before":               " https://certs.example.com/v1/certs/one",
		"space after":                "https://certs.example.com/v1/certs/one ",
		"line end":                   "https://certs.example.com/v1/certs/one\r\nHost: evil.test",
		"zero byte":                  "https://certs.example.com/v1/certs/one\x00",
		"no path":                    "https://certs.example.com",
		"root":                       "https://certs.example.com/",
		"other path":                 "https://certs.example.com/v1/keys/one",
		"prefix without its slash":   "https://certs.example.com/v1/certsone",
		"prefix alone":               "https://certs.example.com/v1/certs/",
		"prefix in upper case":       "https://certs.example.com/V1/certs/one",
		"prefix further on":          "https://certs.example.com/x/v1/certs/one",
		"up":                         "https://certs.example.com/v1/certs/../keys/one",
		"up at the end":              "https://certs.example.com/v1/certs/..",
		"here":                       "https://certs.example.com/v1/certs/./one",
		"escaped up":                 "https://certs.example.com/v1/certs/%2e%2e/keys/one",
		"escaped slash":              "https://certs.example.com/v1/certs/..%2fkeys",
		"escape of a letter":         "https://certs.example.com/v1/certs/%6fne",
		"empty segment":              "https://certs.example.com/v1/certs//one",
		"slash at the end":           "https://certs.example.com/v1/certs/one/",
		"query":                      "https://certs.example.com/v1/certs/one?x=1",
		"empty query":                "https://certs.example.com/v1/certs/one?",
		"fragment":                   "https://certs.example.com/v1/certs/one#x",
		"parameters":                 "https://certs.example.com/v1/certs/one;x",
		"too long":                   certURL + strings.Repeat("e", 1024),
	}
}

// What is out of bounds is the sender's mistake, and no connection is made for it.
func TestURLOutOfBounds(t *testing.T) {
	_, certificate := lasting(t)
	spy := &fake{}
	spy.serve(certificate)
	b := open(t, spy)
	for name, url := range outside() {
		t.Run(name, func(t *testing.T) {
			_, err := b.Find(t.Context(), entry("p"), url, time.Now(), true)
			wantReason(t, err, authz.ReasonKidUnknown)
			if url != "" && strings.Contains(err.Error(), url) {
				t.Errorf("the error tells the URL: %v", err)
			}
		})
	}
	if spy.count() != 0 {
		t.Errorf("asked for %q", spy.urls)
	}
	// None of them cost the fetch of a good one, nor did the bounds lack a slash.
	open := entry("p")
	open.PathPrefix = "/v1/certs"
	_, err := b.Find(t.Context(), open, "https://certs.example.com/v1/certs/one", time.Now(), true)
	wantReason(t, err, authz.ReasonKidUnknown)
	for i, url := range []string{certURL, "https://certs.example.net/v1/certs/a/b.c_d~e-F0"} {
		e := entry("p" + string(rune('0'+i)))
		if _, err := b.Find(t.Context(), e, url, time.Now(), true); err != nil {
			t.Errorf("Find(%s) = %v", url, err)
		}
	}
}

// In development tests run on this machine, without TLS and on any port.
func TestURLBoundsOfDevelopment(t *testing.T) {
	_, certificate := lasting(t)
	local := keyset.URLEntry{Name: "k", Hosts: []string{"127.0.0.1"}, PathPrefix: "/certs/"}
	for url, want := range map[string]bool{
		"http://127.0.0.1:8080/certs/a":        true,
		"https://127.0.0.1/certs/a":            true,
		"http://127.0.0.1:80:80/certs/a":       false,
		"http://127.0.0.1:/certs/a":            false,
		"http://127.0.0.1:80@evil.test/certs/": false,
		"http://127.0.0.2:8080/certs/a":        false,
		"ftp://127.0.0.1/certs/a":              false,
	} {
		spy := &fake{}
		spy.serve(certificate)
		b := keyset.NewByURL(keyset.URLConfig{Client: spy, Dev: true})
		_, err := b.Find(t.Context(), local, url, time.Now(), true)
		if (err == nil) != want || (spy.count() == 1) != want {
			t.Errorf("Find(%s) = %v, %d fetches", url, err, spy.count())
		}
		b.Close()
	}
}

// FuzzURL looks for a URL that is fetched and that another reader would take to be
// elsewhere.
func FuzzURL(f *testing.F) {
	for _, url := range outside() {
		f.Add(url)
	}
	f.Add(certURL)
	f.Fuzz(func(t *testing.T, text string) {
		spy := &fake{}
		spy.serve("")
		b := keyset.NewByURL(keyset.URLConfig{Client: spy})
		_, err := b.Find(t.Context(), entry("p"), text, time.Now(), true)
		b.Close()
		if err == nil {
			t.Fatal("a key out of nothing")
		}
		if spy.count() == 0 {
			return
		}
		u, err := url.Parse(spy.urls[0])
		if err != nil || u.String() != text || u.Scheme != "https" || u.User != nil || u.Port() != "" || u.RawQuery != "" || u.Fragment != "" ||
			u.Host != "certs.example.com" && u.Host != "certs.example.net" ||
			!strings.HasPrefix(u.JoinPath().Path, "/v1/certs/") || u.JoinPath().Path != u.EscapedPath() || u.Path == "/v1/certs/" {
			t.Errorf("asked for %q, which is %+v", spy.urls[0], u)
		}
	})
}

package keyset_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// What servers on a real network do.
func TestFetchOfCertificates(t *testing.T) {
	key, certificate := lasting(t)
	hang := make(chan struct{})
	var elsewhere atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	tests := []struct {
		name   string
		handle http.HandlerFunc
		cause  keyset.Cause // empty: the key
	}{
		{name: "certificate", handle: typed("application/x-pem-file", certificate)},
		{name: "certificate of no type", handle: typed("", certificate)},
		{name: "redirect elsewhere", handle: redirect(other.URL + "/certs/a"), cause: outbound.CauseRedirect},
		{name: "redirect to the same server", handle: redirect("/certs/b"), cause: outbound.CauseRedirect},
		{name: "redirect into a private network", handle: redirect("https://10.0.0.1/certs/a"), cause: outbound.CauseRedirect},
		{name: "slow", handle: func(http.ResponseWriter, *http.Request) { <-hang }, cause: outbound.CauseTimeout},
		{name: "huge", handle: typed("text/plain", certificate+strings.Repeat("\n", 64<<10)), cause: outbound.CauseTooLarge},
		{name: "compressed", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte(certificate))
		}, cause: outbound.CauseEncoding},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, seen := newIssuer(t), make(observed, 1)
			server.at("/certs/a", tt.handle)
			server.at("/certs/b", typed("text/plain", certificate))
			b := keyset.NewByURL(keyset.URLConfig{Client: server.client(t), Dev: true, Observer: seen})
			defer b.Close()
			local := keyset.URLEntry{Policy: "p", Name: "k", Hosts: []string{"127.0.0.1"}, PathPrefix: "/certs/"}
			if tt.name == "slow" {
				t.Cleanup(func() { close(hang) }) // before the server closes
			}
			url := server.URL + "/certs/a"
			if tt.cause == "" {
				wantKey(t, b, local, url, key.Public())
				return
			}
			wantDenied(t, b, local, url, authz.ReasonKeySetUnavailable)
			if e := <-seen; e.Err == nil || e.Err.Cause != tt.cause {
				t.Errorf("told %v", e.Err)
			}
			if asked := server.seen(); len(asked) != 1 {
				t.Errorf("asked for %q", asked)
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went to another server", n)
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// A permitted host that leads to this machine is not asked in production.
func TestCertificateAtAPrivateAddress(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "10.255.255.1"} {
		seen := make(observed, 1)
		client := outbound.New(outbound.Config{})
		b := keyset.NewByURL(keyset.URLConfig{Client: client, Observer: seen})
		inside := keyset.URLEntry{Policy: "p", Name: "k", Hosts: []string{host}, PathPrefix: "/certs/"}
		_, err := b.Find(t.Context(), inside, "https://"+host+"/certs/a", time.Now(), true)
		wantReason(t, err, authz.ReasonKeySetUnavailable)
		if e := <-seen; e.Err == nil || e.Err.Cause != outbound.CauseAddress {
			t.Errorf("%s: told %v", host, e.Err)
		}
		b.Close()
		client.Close()
	}
}

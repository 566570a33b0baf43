package keyset_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// document is a discovery document.
func document(issuer, keys string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"grant_types_supported":["client_credentials"]}`, issuer, keys)
}

// What an issuer may publish about itself.
func TestDiscovery(t *testing.T) {
	const (
		oidc  = "/tenant/.well-known/openid-configuration"
		oauth = "/.well-known/oauth-authorization-server/tenant"
	)
	i := newIssuer(t)
	i.at("/keys", json(jwks("a")))
	name, keysURL := i.URL+"/tenant", i.URL+"/keys"
	good := json(document(name, keysURL))
	tests := []struct {
		name        string
		oidc, oauth http.HandlerFunc
		cause       keyset.Cause
		status      int
	}{
		{name: "OpenID Connect", oidc: good},
		{name: "RFC 8414", oauth: good},
		{name: "both: the first", oidc: good, oauth: json(document(name, "https://localhost:1/"))},
		{name: "neither", cause: keyset.CauseStatus, status: 404},
		{name: "the first is broken", oidc: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, oauth: good, cause: keyset.CauseStatus, status: 503},
		{name: "another issuer", oidc: json(document(i.URL+"/other", keysURL)), oauth: good, cause: keyset.CauseIssuer, status: 200},
		{name: "a slash more", oidc: json(document(name+"/", keysURL)), cause: keyset.CauseIssuer, status: 200},
		{name: "another case", oidc: json(document(strings.Replace(name, "tenant", "Tenant", 1), keysURL)), cause: keyset.CauseIssuer, status: 200},
		{name: "no issuer", oidc: json(`{"jwks_uri":"` + keysURL + `"}`), cause: keyset.CauseIssuer, status: 200},
		{name: "issuer by another case", oidc: json(`{"Issuer":"` + name + `","jwks_uri":"` + keysURL + `"}`), cause: keyset.CauseIssuer, status: 200},
		{name: "issuer twice", oidc: json(`{"issuer":"` + name + `","issuer":"` + name + `","jwks_uri":"` + keysURL + `"}`), cause: keyset.CauseMalformed, status: 200},
		{name: "issuer twice by case", oidc: json(`{"issuer":"` + name + `","ISSUER":"x","jwks_uri":"` + keysURL + `"}`), cause: keyset.CauseMalformed, status: 200},
		{name: "issuer twice by a letter that is one", oidc: json(`{"issuer":"` + name + `","i\u017f\u017fuer":"x","jwks_uri":"` + keysURL + `"}`), cause: keyset.CauseMalformed, status: 200},
		{name: "a list", oidc: json(`[]`), cause: keyset.CauseMalformed, status: 200},
		{name: "no keys", oidc: json(`{"issuer":"` + name + `"}`), cause: keyset.CauseJWKSURI, status: 200},
		{name: "keys by http", oidc: json(document(name, "http://"+i.Listener.Addr().String()+"/keys")), cause: keyset.CauseJWKSURI, status: 200},
		{name: "keys in a file", oidc: json(document(name, "file:///etc/passwd")), cause: keyset.CauseJWKSURI, status: 200},
		{name: "keys with a password", oidc: json(document(name, "https://user:password@localhost/keys")), cause: keyset.CauseJWKSURI, status: 200},
		{name: "keys without a host", oidc: json(document(name, "/keys")), cause: keyset.CauseJWKSURI, status: 200},
		{name: "a web page", oidc: typed("text/html", "<html>"), oauth: good, cause: keyset.CauseContentType, status: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i.at(oidc, tt.oidc)
			i.at(oauth, tt.oauth)
			keys, err := i.fetch(t, keyset.Declaration{Issuer: name})
			wantFetch(t, keys, err, "a ", keyset.StepDiscovery, tt.cause, tt.status)
		})
	}
	for _, path := range i.seen() {
		if path != oidc && path != oauth && path != "/keys" {
			t.Errorf("asked for %s", path)
		}
	}
}

func TestWellKnown(t *testing.T) {
	tests := []struct {
		issuer string
		want   [2]string
	}{
		{"https://a.example", [2]string{"https://a.example/.well-known/openid-configuration", "https://a.example/.well-known/oauth-authorization-server"}},
		{"https://a.example/", [2]string{"https://a.example/.well-known/openid-configuration", "https://a.example/.well-known/oauth-authorization-server"}},
		{"https://a.example:8443/realms/x", [2]string{"https://a.example:8443/realms/x/.well-known/openid-configuration", "https://a.example:8443/.well-known/oauth-authorization-server/realms/x"}},
	}
	for _, tt := range tests {
		got := keyset.WellKnown(tt.issuer)
		if len(got) != 2 || got[0] != tt.want[0] || got[1] != tt.want[1] {
			t.Errorf("WellKnown(%s) = %q, want %q", tt.issuer, got, tt.want)
		}
	}
}

// The place of the keys is remembered while they come from there, and asked for
// again once they don't.
func TestKeysMove(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		const name = "https://issuer.example"
		var keysAt atomic.Value
		keysAt.Store(name + "/keys")
		w.issuer.set(func(_ context.Context, r outbound.Request) (*outbound.Response, error) {
			switch r.URL {
			case name + "/.well-known/openid-configuration":
				return answer(http.StatusOK, document(name, fmt.Sprint(keysAt.Load()))), nil
			case keysAt.Load():
				return answer(http.StatusOK, jwks("a")), nil
			}
			return answer(http.StatusNotFound, "{}"), nil
		})
		w.set.Close()
		w.set = w.cache.Open([]keyset.Declaration{{Name: "k", Issuer: name}})
		pass(time.Second)
		before := w.issuer.count()
		pass(30 * time.Minute)
		if n := w.issuer.count() - before; n < 3 || n > 4 {
			t.Errorf("%d requests in 30 minutes, want those for keys only", n)
		}
		keysAt.Store(name + "/moved")
		pass(13 * time.Minute)
		wantKeys(t, w.set.Keys("k"), time.Now(), "a ")
		if last := w.issuer.urls[len(w.issuer.urls)-1]; last != name+"/moved" {
			t.Errorf("asked for %s last", last)
		}
	})
}

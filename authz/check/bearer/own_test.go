package bearer_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const ownIssuer = "https://hooks.example.com/token"

// grants are opaque tokens.
type grants map[string]authz.Grant

func (g grants) Find(_ context.Context, token string, _ time.Time) (authz.Grant, error) {
	if token == "down" {
		return authz.Grant{}, authz.Deny(authz.ReasonTokenStoreUnavailable, "")
	}
	grant, ok := g[token]
	if !ok {
		return authz.Grant{}, authz.Deny(authz.ReasonTokenInvalid, "")
	}
	return grant, nil
}

func issuing(opaque grants) *authz.Env {
	e := authztest.Env(nil)
	e.Own = &authz.OwnTokens{
		Issuer: ownIssuer, Clients: map[string][]string{"acme": {"orders", "stock"}, "bob": {"orders"}, "idle": nil},
	}
	if opaque != nil {
		e.Own.Grants = opaque
		return e
	}
	e.Own.Keys = set(public("k1", keyOf("key")))
	return e
}

func clients(names ...string) *policypb.Bearer {
	return &policypb.Bearer{Own: &policypb.OwnToken{Clients: names}}
}

func scopes(names ...string) *policypb.Bearer {
	return &policypb.Bearer{Own: &policypb.OwnToken{Scopes: names}}
}

// ownClaims are those of a token for acme.
func ownClaims(changes map[string]any) string {
	all := map[string]any{"iss": ownIssuer, "aud": []string{"test", "other"}, "sub": "acme", "client_id": "acme", "scope": "orders stock", "jti": "1"}
	maps.Copy(all, changes)
	return claims(all)
}

func TestOwnJWT(t *testing.T) {
	const ok, invalid, mismatch = authz.ReasonVerified, authz.ReasonTokenInvalid, authz.ReasonClaimMismatch
	now := authztest.Received().Unix()
	tests := []struct {
		name     string
		settings *policypb.Bearer
		changes  map[string]any
		typ      string
		want     authz.Reason
	}{
		{name: "client", settings: clients("bob", "acme"), want: ok},
		{name: "another client", settings: clients("bob"), want: mismatch},
		{name: "scope", settings: scopes("orders"), want: ok},
		{name: "scopes", settings: scopes("stock", "orders"), want: ok},
		{name: "scope not granted", settings: scopes("stock"), changes: map[string]any{"scope": "orders"}, want: mismatch},
		{name: "part of a scope", settings: scopes("orders"), changes: map[string]any{"scope": "orders2 my:orders"}, want: mismatch},
		{name: "no scope", settings: scopes("orders"), changes: map[string]any{"scope": nil}, want: mismatch},
		{name: "scopes as a list", settings: scopes("orders"), changes: map[string]any{"scope": []string{"orders"}}, want: mismatch},
		{name: "scope that the client may not get any more", settings: scopes("stock"), changes: map[string]any{"client_id": "bob"}, want: mismatch},
		{name: "client that is gone", settings: scopes("orders"), changes: map[string]any{"client_id": "gone"}, want: mismatch},
		{name: "no client", settings: clients("acme"), changes: map[string]any{"client_id": nil}, want: invalid},
		{name: "another policy", settings: clients("acme"), changes: map[string]any{"aud": []string{"other"}}, want: mismatch},
		{name: "no audience", settings: clients("acme"), changes: map[string]any{"aud": nil}, want: mismatch},
		{name: "another issuer", settings: clients("acme"), changes: map[string]any{"iss": issuer}, want: mismatch},
		{name: "expired", settings: clients("acme"), changes: map[string]any{"exp": now - 11}, want: authz.ReasonTokenExpired},
		{name: "not yet", settings: clients("acme"), changes: map[string]any{"iat": now + 11}, want: authz.ReasonTokenNotYetValid},
		{name: "clocks differ a little", settings: clients("acme"), changes: map[string]any{"iat": now + 9, "exp": now - 9}, want: ok},
		{name: "another type", settings: clients("acme"), typ: "JWT", want: invalid},
		{name: "no type", settings: clients("acme"), typ: "none", want: invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			switch tt.typ {
			case "":
				tt.typ = "at+jwt"
			case "none":
				tt.typ = ""
			}
			identity, err := verify(t, newCheck(t, tt.settings, issuing(nil)), signAs(t, keyOf("key"), "k1", tt.typ, ownClaims(tt.changes)))
			authztest.WantReason(t, err, tt.want)
			if err == nil && (identity != authz.Identity{Principal: "acme", Key: "k1", Credential: true}) {
				t.Errorf("identity = %+v", identity)
			}
		})
	}
	check := newCheck(t, clients("acme"), issuing(nil))
	_, err := verify(t, check, signAs(t, keyOf("other"), "k1", "at+jwt", ownClaims(nil)))
	authztest.WantReason(t, err, authz.ReasonSignatureMismatch)
	_, err = verify(t, check, "2YotnFZFEjr1zCsicMWpAA")
	authztest.WantReason(t, err, authz.ReasonCredentialMalformed)
}

func TestOwnOpaque(t *testing.T) {
	good := authz.Grant{Issuer: ownIssuer, Client: "acme", Scopes: []string{"orders"}, Policies: []string{"other", "test"}, Expires: authztest.Received().Add(time.Second)}
	changed := func(change func(*authz.Grant)) authz.Grant {
		grant := good
		change(&grant)
		return grant
	}
	store := grants{
		"good":    good,
		"expired": changed(func(g *authz.Grant) { g.Expires = authztest.Received() }),
		"forever": changed(func(g *authz.Grant) { g.Expires = time.Time{} }),
		"policy":  changed(func(g *authz.Grant) { g.Policies = []string{"other"} }),
		"gone":    changed(func(g *authz.Grant) { g.Client = "gone" }),
		"bob":     changed(func(g *authz.Grant) { g.Client = "bob" }),
		"issuer":  changed(func(g *authz.Grant) { g.Issuer = "https://other.example.com/token" }),
		"bare":    changed(func(g *authz.Grant) { g.Scopes = nil }),
	}
	tests := []struct {
		token           string
		clients, scopes authz.Reason // with clients: [acme], or scopes: [orders]
	}{
		{token: "good", clients: authz.ReasonVerified, scopes: authz.ReasonVerified},
		{token: "expired", clients: authz.ReasonTokenExpired, scopes: authz.ReasonTokenExpired},
		{token: "forever", clients: authz.ReasonTokenExpired, scopes: authz.ReasonTokenExpired},
		{token: "policy", clients: authz.ReasonClaimMismatch, scopes: authz.ReasonClaimMismatch},
		{token: "issuer", clients: authz.ReasonClaimMismatch, scopes: authz.ReasonClaimMismatch},
		{token: "gone", clients: authz.ReasonClaimMismatch, scopes: authz.ReasonClaimMismatch},
		{token: "bob", clients: authz.ReasonClaimMismatch, scopes: authz.ReasonVerified},
		{token: "bare", clients: authz.ReasonVerified, scopes: authz.ReasonClaimMismatch},
		{token: "unknown", clients: authz.ReasonTokenInvalid, scopes: authz.ReasonTokenInvalid},
		{token: "down", clients: authz.ReasonTokenStoreUnavailable, scopes: authz.ReasonTokenStoreUnavailable},
	}
	byClient, byScope := newCheck(t, clients("acme"), issuing(store)), newCheck(t, scopes("orders"), issuing(store))
	for _, tt := range tests {
		t.Run(tt.token, func(t *testing.T) {
			identity, err := verify(t, byClient, tt.token)
			authztest.WantReason(t, err, tt.clients)
			if err == nil && (identity != authz.Identity{Principal: "acme", Credential: true}) {
				t.Errorf("identity = %+v", identity)
			}
			_, err = verify(t, byScope, tt.token)
			authztest.WantReason(t, err, tt.scopes)
		})
	}
	if !slices.Contains(good.Policies, "test") {
		t.Error("the check changed a grant")
	}
}

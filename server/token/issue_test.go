package token_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// A jwt is a token taken apart.
type jwt struct {
	header struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		Key       string `json:"kid"`
	}
	claims struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Client   string   `json:"client_id"`
		Audience []string `json:"aud"`
		Scope    string   `json:"scope"`
		Issued   int64    `json:"iat"`
		Expires  int64    `json:"exp"`
		ID       string   `json:"jti"`
	}
}

// takeApart reads a token and verifies it by the standard library alone.
func takeApart(t *testing.T, text string, seed byte) jwt {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", text)
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	public, _ := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), raw[2]) {
		t.Errorf("key %d did not sign %s", seed, text)
	}
	var j jwt
	for i, into := range []any{&j.header, &j.claims} {
		decoder := json.NewDecoder(bytes.NewReader(raw[i]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			t.Fatalf("%s: %v", raw[i], err)
		}
	}
	return j
}

func TestJWT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, jwtYAML, nil)
		got := s.issue(path, basic("acme", acmeSecret))
		if got.Type != "Bearer" || got.Expires != 600 || got.Scope != "orders refunds unused" {
			t.Errorf("got %+v", got)
		}
		j := takeApart(t, got.Token, 1)
		if j.header.Algorithm != "EdDSA" || j.header.Type != "at+jwt" || len(j.header.Key) != 43 {
			t.Errorf("header = %+v", j.header)
		}
		c, now := j.claims, time.Now().Unix()
		if c.Issuer != "https://hooks.example.com/senders" || c.Subject != "acme" || c.Client != "acme" || c.Scope != got.Scope ||
			!slices.Equal(c.Audience, []string{"bank", "shop"}) || c.Issued != now || c.Expires != now+600 || len(c.ID) < 26 {
			t.Errorf("claims = %+v", c)
		}
		if again := takeApart(t, s.issue(path, basic("acme", acmeSecret)).Token, 1); again.claims.ID == c.ID {
			t.Error("two tokens have one jti")
		}
		line := s.logs.String()
		for _, want := range []string{`"operation":"token"`, `"result":"issued"`, `"client":"acme"`, `"address":"192.0.2.1"`, `"policies":["bank","shop"]`, j.header.Key} {
			if !strings.Contains(line, want) {
				t.Errorf("the log lacks %s:\n%s", want, line)
			}
		}
		if strings.Contains(line, strings.Split(got.Token, ".")[2]) {
			t.Errorf("the log holds the token:\n%s", line)
		}
	})
}

func TestScopes(t *testing.T) {
	tests := []struct {
		name, client, secret, asked string
		scope                       string
		policies                    []string
	}{
		{name: "none asked: all", client: "acme", secret: acmeSecret, scope: "orders refunds unused", policies: []string{"bank", "shop"}},
		{name: "some", client: "acme", secret: acmeSecret, asked: "orders", scope: "orders", policies: []string{"shop"}},
		{name: "in another order", client: "acme", secret: acmeSecret, asked: "refunds orders", scope: "refunds orders", policies: []string{"bank", "shop"}},
		{name: "one twice", client: "acme", secret: acmeSecret, asked: "orders orders", scope: "orders", policies: []string{"shop"}},
		{name: "a client without scopes", client: "olaf", secret: olafSecret, policies: []string{"post"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, jwtYAML, nil)
			w := s.serve(post(path, grant+"&"+form("scope", tt.asked), basic(tt.client, tt.secret)))
			if w.Code != http.StatusOK {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			got := read(t, w)
			c := takeApart(t, got.Token, 1).claims
			if got.Scope != tt.scope || c.Scope != tt.scope || !slices.Equal(c.Audience, tt.policies) {
				t.Errorf("scope = %q and %q, audience = %q, want %q, %q", got.Scope, c.Scope, c.Audience, tt.scope, tt.policies)
			}
		})
	}
}

// What a token has not is not in the log either.
func TestIssuedIsLogged(t *testing.T) {
	signed := build(t, jwtYAML, nil)
	opaque, _ := opaqueSubject(t)
	const always = "time level msg operation result client address policies expires "
	tests := []struct {
		name           string
		of             *subject
		target, client string
		secret         string
		want           string // the attributes
	}{
		{name: "signed", of: signed, target: path, client: "acme", secret: acmeSecret, want: always + "scopes key"},
		{name: "signed, without scopes", of: signed, target: path, client: "olaf", secret: olafSecret, want: always + "key"},
		{name: "opaque", of: opaque, target: "/token", client: "acme", secret: acmeSecret, want: always + "scopes"},
		{name: "opaque, without scopes", of: opaque, target: "/token", client: "olaf", secret: olafSecret, want: strings.TrimSpace(always)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.of.logs.Reset()
			tt.of.issue(tt.target, basic(tt.client, tt.secret))
			var line map[string]any
			if err := json.Unmarshal(tt.of.logs.Bytes(), &line); err != nil {
				t.Fatalf("%v in\n%s", err, &tt.of.logs)
			}
			want := strings.Fields(tt.want)
			slices.Sort(want)
			if got := slices.Sorted(maps.Keys(line)); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			for name, value := range line {
				if value == nil || value == "" {
					t.Errorf("%s is %v", name, value)
				}
			}
		})
	}
}

func opaqueSubject(t *testing.T) (*subject, *server) {
	t.Helper()
	redis := start(t)
	return build(t, opaqueYAML, open(t, redis.url())), redis
}

func TestOpaque(t *testing.T) {
	s, redis := opaqueSubject(t)
	got := s.issue("/token", basic("acme", acmeSecret))
	if got.Type != "Bearer" || got.Expires != 600 || len(got.Token) != 43 {
		t.Errorf("got %+v", got)
	}
	kept, err := s.store.Find(t.Context(), got.Token, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(kept.Expires); kept.Issuer != "https://hooks.example.com" || kept.Client != "acme" ||
		!slices.Equal(kept.Policies, []string{"bank", "shop"}) || !slices.Equal(kept.Scopes, []string{"orders", "refunds", "unused"}) ||
		left > 10*time.Minute || left < 9*time.Minute {
		t.Errorf("the grant is %+v", kept)
	}
	if strings.Contains(s.logs.String(), got.Token) {
		t.Errorf("the log holds the token:\n%s", &s.logs)
	}

	redis.kill(t)
	w := s.serve(post("/token", grant, basic("acme", acmeSecret)))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || s.last() != "token unavailable" || read(t, w).Token != "" {
		t.Errorf("without its store: got %d %s, counted as %q", w.Code, w.Body, s.last())
	}
}

func TestOpaqueWithoutAStore(t *testing.T) {
	s := build(t, opaqueYAML, nil)
	for _, target := range []string{"/token", "/revoke"} {
		if w := s.serve(post(target, grant+"&token=x", basic("acme", acmeSecret))); w.Code != 500 {
			t.Errorf("%s: got %d %s, want 500", target, w.Code, w.Body)
		}
	}
}

func TestRevoke(t *testing.T) {
	s, redis := opaqueSubject(t)
	acme, olaf := basic("acme", acmeSecret), basic("olaf", olafSecret)
	one, other := s.issue("/token", acme).Token, s.issue("/token", olaf).Token
	elsewhere := put(t, s.store, authz.Grant{Issuer: "https://other.example", Client: "acme", Policies: []string{"shop"}, Expires: time.Now().Add(time.Hour)})
	unreadable := s.issue("/token", acme).Token
	if err := redis.client(t).Set(t.Context(), name(t, unreadable), `{"iss":"i","v":2}`, 0).Err(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		body   string
		client func(*http.Request)
		status int
		code   string
		result string
	}{
		{name: "nobody", body: form("token", one), client: func(*http.Request) {}, status: 401, code: "invalid_client", result: "invalid_client"},
		{name: "wrong secret", body: form("token", one), client: basic("acme", "x"), status: 401, code: "invalid_client", result: "invalid_client"},
		{name: "no token", body: "", client: acme, status: 400, code: "invalid_request", result: "invalid_request"},
		{name: "token twice", body: form("token", one, "token", one), client: acme, status: 400, code: "invalid_request", result: "invalid_request"},
		{name: "another client's", body: form("token", one), client: olaf, status: 400, code: "unauthorized_client", result: "unauthorized_client"},
		{name: "another issuer's", body: form("token", elsewhere), client: acme, status: 200, result: "nothing_to_revoke"},
		{name: "none", body: form("token", "x"), client: acme, status: 200, result: "nothing_to_revoke"},
		{name: "unknown", body: form("token", strings.Repeat("A", 43)), client: acme, status: 200, result: "nothing_to_revoke"},
		{name: "one that can't be read", body: form("token", unreadable), client: acme, status: 503, code: "temporarily_unavailable", result: "unavailable"},
		{name: "its own", body: form("token", one, "token_type_hint", "refresh_token"), client: acme, status: 200, result: "revoked"},
		{name: "again", body: form("token", one), client: acme, status: 200, result: "nothing_to_revoke"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := s.serve(post("/revoke", tt.body, tt.client))
			if w.Code != tt.status || s.last() != "revoke "+tt.result {
				t.Errorf("got %d %s, counted as %q, want %d, %q", w.Code, w.Body, s.last(), tt.status, tt.result)
			}
			if tt.code != "" && read(t, w).Error != tt.code {
				t.Errorf("got %s, want %q", w.Body, tt.code)
			}
			want := authz.ReasonVerified
			if tt.result == "revoked" || tt.name == "again" {
				want = authz.ReasonTokenInvalid
			}
			_, err := s.store.Find(t.Context(), one, time.Now())
			authztest.WantReason(t, err, want)
		})
	}
	for _, text := range []string{other, elsewhere} {
		if _, err := s.store.Find(t.Context(), text, time.Now()); err != nil {
			t.Errorf("a token that is not to be revoked: %v", err)
		}
	}
	redis.kill(t)
	// Section 2.2.1: the client must assume that the token still exists.
	w := s.serve(post("/revoke", form("token", other), olaf))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("without its store: got %d %s", w.Code, w.Body)
	}
}

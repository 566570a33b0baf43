//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// bearing is a request of a route /e2e/POLICY that carries a token.
func bearing(policy, token string) request {
	return request{path: "/e2e/" + policy, body: event}.with("Authorization", "Bearer "+token)
}

// Tokens that hold, from wherever the issuer's key is taken.
func TestBearerKeySources(t *testing.T) {
	w := identity()
	good := goodClaims(w.issuer.url, audience)
	tests := []struct {
		name, policy, token string
		key                 string // as the decision log tells it; "" is not looked at
	}{
		{name: "discovery, EdDSA", policy: "jwt-discovery", token: w.keys["EdDSA"].token(good)},
		{name: "discovery, ES256", policy: "jwt-discovery", token: w.keys["ES256"].token(good)},
		{name: "discovery, RS256", policy: "jwt-discovery", token: w.keys["RS256"].token(good)},
		{name: "discovery, PS256", policy: "jwt-discovery", token: w.keys["PS256"].token(good)},
		{name: "JWKS at a URL", policy: "jwt-url", token: w.keys["ES256"].token(good)},
		{name: "PEM in Vault", policy: "jwt-pem", token: w.stored["pem"].token(good)},
		{name: "certificate in Vault", policy: "jwt-x509", token: w.stored["x509"].token(good)},
		{name: "JWK in Vault", policy: "jwt-jwk", token: w.stored["jwk"].token(good)},
		{name: "JWKS in Vault", policy: "jwt-jwks", token: w.stored["jwks"].token(good)},
		{name: "JWKS in a file", policy: "jwt-file", token: w.stored["file"].token(good)},
		{name: "JWKS in the environment", policy: "jwt-env", token: w.stored["env"].token(good)},
		{name: "no key id", policy: "jwt-discovery", token: w.keys["EdDSA"].named("").token(good)},
		{name: "several audiences", policy: "jwt-url", token: w.keys["ES256"].changed(good, "aud", []string{"https://elsewhere.example", audience})},
		{name: "type at+jwt", policy: "jwt-url", token: w.keys["ES256"].tokenOf(good, map[string]any{"typ": "at+jwt"})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen, d := w.allowed(t, w.send(t, bearing(tt.policy, tt.token)))
			if d.Policy != tt.policy || d.Principal != "partner" || seen.header.Get("Authorization") != "" {
				t.Errorf("policy %q, principal %q, Authorization upstream %q", d.Policy, d.Principal, seen.header.Get("Authorization"))
			}
			if got := seen.header.Get("X-Webhook-Sender"); tt.policy == "jwt-discovery" && got != "partner" {
				t.Errorf("X-Webhook-Sender = %q, want the subject", got)
			}
			// The key of one source opens no route of another.
			for _, other := range []string{"jwt-discovery", "jwt-pem", "jwt-x509", "jwt-jwk", "jwt-jwks", "jwt-file", "jwt-env"} {
				if strings.HasPrefix(tt.policy, "jwt-url") || strings.HasPrefix(tt.policy, "jwt-discovery") || other == tt.policy {
					continue
				}
				w.never(t, w.send(t, bearing(other, tt.token)), 401)
			}
		})
	}
}

// Where a token may stand.
func TestBearerPlaces(t *testing.T) {
	w := identity()
	token := w.keys["ES256"].token(goodClaims(w.issuer.url, audience))
	bare := request{path: "/e2e/jwt-url", body: event}
	for name, r := range map[string]request{
		"scheme in other letters": bare.with("Authorization", "bEARER "+token),
		"a header of its own":     bare.to("/e2e/jwt-header").with("X-Token", token),
		"a prefix of its own":     bare.to("/e2e/jwt-prefix").with("X-Token", "Token "+token),
	} {
		t.Run(name, func(t *testing.T) {
			seen, _ := w.allowed(t, w.send(t, r))
			if seen.header.Get("Authorization") != "" || seen.header.Get("X-Token") != "" {
				t.Error("the token reached the upstream")
			}
		})
	}
	prefixed := bare.to("/e2e/jwt-prefix")
	for _, tt := range []struct {
		name    string
		request request
		reason  authz.Reason
	}{
		{name: "none", request: bare, reason: authz.ReasonCredentialMissing},
		{name: "another scheme", request: bare.with("Authorization", "Basic "+token), reason: authz.ReasonCredentialMissing},
		{name: "in the query", request: bare.to("/e2e/jwt-url?access_token=" + token), reason: authz.ReasonCredentialMissing},
		{name: "in the wrong header", request: bare.with("X-Token", token), reason: authz.ReasonCredentialMissing},
		{name: "with a scheme where none is", request: bare.to("/e2e/jwt-header").with("X-Token", "Bearer "+token), reason: authz.ReasonCredentialMalformed},
		{name: "two in a header of its own", request: bare.to("/e2e/jwt-header").with("X-Token", token).with("X-Token", token), reason: authz.ReasonDuplicateHeader},
		{name: "no prefix of its own", request: prefixed.with("X-Token", token), reason: authz.ReasonCredentialMalformed},
		{name: "the usual prefix instead", request: prefixed.with("X-Token", "Bearer "+token), reason: authz.ReasonCredentialMalformed},
		{name: "the prefix in other letters", request: prefixed.with("X-Token", "token "+token), reason: authz.ReasonCredentialMalformed},
		{name: "the prefix and another blank", request: prefixed.with("X-Token", "Token  "+token), reason: authz.ReasonCredentialMalformed},
		{name: "the prefix alone", request: prefixed.with("X-Token", "Token "), reason: authz.ReasonCredentialMalformed},
		{name: "the prefix in the usual header", request: prefixed.with("Authorization", "Token "+token), reason: authz.ReasonCredentialMissing},
		{name: "two", request: bare.with("Authorization", "Bearer "+token).with("Authorization", "Bearer "+token), reason: authz.ReasonCredentialMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) { w.denied(t, w.send(t, tt.request), 401, tt.reason) })
	}
}

// Tokens that do not hold, each with the reason that operators see.
func TestBearerRefused(t *testing.T) {
	w := identity()
	good := goodClaims(w.issuer.url, audience)
	es, ed, rs := w.keys["ES256"], w.keys["EdDSA"], w.keys["RS256"]
	now := time.Now()
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	whole := es.token(good)
	header, rest, _ := strings.Cut(whole, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	claimsText := string(mustJSON(good))
	twice := func(more string) []byte { return []byte(strings.TrimSuffix(claimsText, "}") + "," + more + "}") }
	plain := []byte(`{"alg":"ES256","typ":"JWT","kid":"of-ES256"}`)

	tests := []struct {
		name, token string
		policy      string // "" is jwt-discovery
		status      int    // 0 is 401
		reason      authz.Reason
	}{
		{name: "alg none", token: encode(`{"alg":"none","kid":"of-ES256"}`) + "." + payload + ".", reason: authz.ReasonCredentialMalformed},
		{name: "alg none with a signature", token: encode(`{"alg":"none","kid":"of-ES256"}`) + "." + payload + "." + signature, reason: authz.ReasonAlgNotAllowed},
		{name: "alg None with a signature", token: encode(`{"alg":"None","kid":"of-ES256"}`) + "." + payload + "." + signature, reason: authz.ReasonAlgNotAllowed},
		{name: "alg twice", token: es.raw([]byte(`{"alg":"ES256","alg":"none","kid":"of-ES256"}`), []byte(claimsText)), reason: authz.ReasonCredentialMalformed},
		{name: "ALG beside alg", token: es.raw([]byte(`{"alg":"ES256","ALG":"none","kid":"of-ES256"}`), []byte(claimsText)), reason: authz.ReasonCredentialMalformed},
		{name: "no alg", token: es.raw([]byte(`{"typ":"JWT","kid":"of-ES256"}`), []byte(claimsText)), reason: authz.ReasonCredentialMalformed},
		{name: "HS256 under the public key", token: rs.confused(good), reason: authz.ReasonAlgNotAllowed},
		{name: "an algorithm that the policy lacks", policy: "jwt-rsa", token: es.token(good), reason: authz.ReasonAlgNotAllowed},
		{name: "PS256 where RS256 is meant", policy: "jwt-rsa", token: rs.as("PS256").token(good), reason: authz.ReasonAlgNotAllowed},
		{name: "a key of another type", token: es.as("EdDSA").token(good), reason: authz.ReasonAlgNotAllowed},
		{name: "another key's id", token: ed.named("of-ES256").token(good), reason: authz.ReasonAlgNotAllowed},
		{name: "another key under this id", token: newSigner(t, "of-ES256", "ES256").token(good), reason: authz.ReasonSignatureMismatch},
		{name: "an unknown key id", token: newSigner(t, "of-nobody", "ES256").token(good), reason: authz.ReasonKidUnknown},
		{name: "a key id that is a path", token: es.named("../../keys").token(good), reason: authz.ReasonKidUnknown},
		{name: "a key id with NUL", token: es.named("of-ES256\x00").token(good), reason: authz.ReasonCredentialMalformed},

		{name: "signature of another token", token: header + "." + encode(strings.Replace(claimsText, "partner", "parther", 1)) + "." + signature, reason: authz.ReasonSignatureMismatch},
		{name: "no signature", token: header + "." + payload + ".", reason: authz.ReasonCredentialMalformed},
		{name: "signature cut", token: whole[:len(whole)-2], reason: authz.ReasonSignatureMismatch},
		{name: "padded", token: whole + "==", reason: authz.ReasonCredentialMalformed},
		{name: "two parts", token: header + "." + payload, reason: authz.ReasonCredentialMalformed},
		{name: "four parts", token: whole + ".AAAA", reason: authz.ReasonCredentialMalformed},
		{name: "no token at all", token: "opaque", reason: authz.ReasonCredentialMalformed},
		{name: "JSON serialisation", token: encode(`{"payload":"e30","signatures":[]}`), reason: authz.ReasonCredentialMalformed},

		{name: "zip", token: es.tokenOf(good, map[string]any{"zip": "DEF"}), reason: authz.ReasonTokenInvalid},
		{name: "crit", token: es.tokenOf(good, map[string]any{"crit": []string{"exp"}, "exp": 1}), reason: authz.ReasonTokenInvalid},
		{name: "b64", token: es.tokenOf(good, map[string]any{"b64": false, "crit": []string{"b64"}}), reason: authz.ReasonTokenInvalid},
		{name: "key in the header", token: newSigner(t, "of-ES256", "ES256").tokenOf(good, map[string]any{"jwk": es.jwk()}), reason: authz.ReasonTokenInvalid},
		{name: "key URL in the header", token: es.tokenOf(good, map[string]any{"jku": w.issuer.url + "/spy"}), reason: authz.ReasonTokenInvalid},
		{name: "certificate URL in the header", token: es.tokenOf(good, map[string]any{"x5u": w.issuer.url + "/spy"}), reason: authz.ReasonTokenInvalid},
		{name: "another type", token: es.tokenOf(good, map[string]any{"typ": "dpop+jwt"}), reason: authz.ReasonTokenInvalid},

		{name: "expired", token: es.changed(good, "exp", in(-5*time.Minute)), reason: authz.ReasonTokenExpired},
		{name: "without an end", token: es.changed(good, "exp", nil), reason: authz.ReasonTokenInvalid},
		{name: "end as text", token: es.changed(good, "exp", fmt.Sprint(in(time.Hour))), reason: authz.ReasonTokenInvalid},
		{name: "not yet valid", token: es.changed(good, "nbf", in(5*time.Minute)), reason: authz.ReasonTokenNotYetValid},
		{name: "from the future", token: es.changed(good, "iat", in(5*time.Minute)), reason: authz.ReasonTokenNotYetValid},
		{name: "for somebody else", token: es.changed(good, "aud", "https://elsewhere.example"), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "for nobody", token: es.changed(good, "aud", nil), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "audience that begins right", token: es.changed(good, "aud", audience+".evil.example"), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "of another issuer", token: es.changed(good, "iss", "https://evil.example"), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "issuer with a slash", token: es.changed(good, "iss", w.issuer.url+"/"), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "issuer missing", token: es.changed(good, "iss", nil), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "expired, and for somebody else", token: es.changed(claimsWith(good, "aud", "x"), "exp", in(-time.Hour)), reason: authz.ReasonTokenExpired},

		{name: "a claim twice", token: es.raw(plain, twice(`"sub":"boss"`)), reason: authz.ReasonTokenInvalid},
		{name: "the end twice", token: es.raw(plain, twice(`"exp":99999999999`)), reason: authz.ReasonTokenInvalid},
		{name: "a claim in capitals beside it", token: es.raw(plain, twice(`"AUD":"x"`)), reason: authz.ReasonTokenInvalid},
		{name: "a claim twice, deep", token: es.raw(plain, twice(`"x":{"a":1,"a":2}`)), reason: authz.ReasonTokenInvalid},
		{name: "nested without end", token: es.raw(plain, twice(`"x":`+strings.Repeat("[", 2000)+strings.Repeat("]", 2000))), reason: authz.ReasonTokenInvalid},
		{name: "no object", token: es.raw(plain, []byte(`[1]`)), reason: authz.ReasonTokenInvalid},
		{name: "required claim missing", policy: "jwt-claims", token: whole, status: 403, reason: authz.ReasonClaimMismatch},
		{name: "required claim wrong", policy: "jwt-claims", token: es.changed(claimsWith(good, "groups", []string{"orders"}), "email", "boss@partner.example"), status: 403, reason: authz.ReasonClaimMismatch},

		{name: "10^5 dots", token: strings.Repeat(".", 1e5), reason: authz.ReasonCredentialMalformed},
		{name: "dots behind a token", token: whole + strings.Repeat(".", 1e5), reason: authz.ReasonCredentialMalformed},
		{name: "long", token: es.changed(good, "x", strings.Repeat("x", 100<<10)), reason: authz.ReasonCredentialMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy, status := tt.policy, tt.status
			if policy == "" {
				policy = "jwt-discovery"
			}
			if status == 0 {
				status = 401
			}
			d := w.denied(t, w.send(t, bearing(policy, tt.token).on(longHeaders.name)), status, tt.reason)
			if d.Policy != policy || d.Principal != "" {
				t.Errorf("policy %q, principal %q; want %q and nobody", d.Policy, d.Principal, policy)
			}
		})
	}
	if n := w.issuer.asked("/spy"); n > 0 {
		t.Errorf("what a token names was fetched %d times", n)
	}
	right := claimsWith(claimsWith(good, "groups", []string{"other", "orders"}), "email", "sender@partner.example")
	w.allowed(t, w.send(t, bearing("jwt-claims", es.token(right))))
	w.allowed(t, w.send(t, bearing("jwt-discovery", es.changed(good, "exp", in(-30*time.Second))))) // within the skew
}

// Of an issuer from which anybody gets tokens, it is the claims that say who sends.
func TestBearerOfStrangers(t *testing.T) {
	w := identity()
	good := claimsWith(goodClaims("https://accounts.google.com", audience), "email", "sender@partner.example")
	good["email_verified"] = true
	k := w.stored["jwks"]
	_, d := w.allowed(t, w.send(t, bearing("jwt-strangers", k.token(good))))
	if d.Principal != "partner" {
		t.Errorf("principal %q, want partner", d.Principal)
	}
	for name, token := range map[string]string{
		"somebody else":         k.changed(good, "email", "someone@gmail.example"),
		"nobody":                k.changed(good, "email", nil),
		"in capitals":           k.changed(good, "email", "Sender@partner.example"),
		"with something behind": k.changed(good, "email", "sender@partner.example.evil.example"),
		"without proof":         k.changed(good, "email_verified", false),
		"with another issuer":   k.changed(good, "iss", w.issuer.url),
	} {
		t.Run(name, func(t *testing.T) {
			w.denied(t, w.send(t, bearing("jwt-strangers", token)), 403, authz.ReasonClaimMismatch)
		})
	}
}

func claimsWith(c claims, name string, value any) claims {
	more := claims{name: value}
	for key, old := range c {
		if key != name {
			more[key] = old
		}
	}
	return more
}

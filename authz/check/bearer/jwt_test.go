package bearer_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Claims are judged in their order, and only of authentic tokens.
func TestClaims(t *testing.T) {
	const ok, invalid, expired, early, mismatch = authz.ReasonVerified, authz.ReasonTokenInvalid, authz.ReasonTokenExpired, authz.ReasonTokenNotYetValid, authz.ReasonClaimMismatch
	now := authztest.Received().Unix()
	tests := []struct {
		name    string
		changes map[string]any
		want    authz.Reason
	}{
		{name: "right", want: ok},
		{name: "several audiences", changes: map[string]any{"aud": []string{"x", "other"}}, want: ok},
		{name: "expired within the skew", changes: map[string]any{"exp": now - 59}, want: ok},
		{name: "expired", changes: map[string]any{"exp": now - 61}, want: expired},
		{name: "expired, of another issuer", changes: map[string]any{"exp": now - 61, "iss": "x"}, want: expired},
		{name: "no exp", changes: map[string]any{"exp": nil}, want: invalid},
		{name: "exp is text", changes: map[string]any{"exp": "1767323345"}, want: invalid},
		{name: "nbf within the skew", changes: map[string]any{"nbf": now + 59}, want: ok},
		{name: "not yet", changes: map[string]any{"nbf": now + 61}, want: early},
		{name: "issued in the future", changes: map[string]any{"iat": now + 61}, want: early},
		{name: "no iat", changes: map[string]any{"iat": nil}, want: ok},
		{name: "another issuer", changes: map[string]any{"iss": issuer + "/"}, want: mismatch},
		{name: "no issuer", changes: map[string]any{"iss": nil}, want: mismatch},
		{name: "issuers", changes: map[string]any{"iss": []string{issuer}}, want: mismatch},
		{name: "another audience", changes: map[string]any{"aud": "x"}, want: mismatch},
		{name: "audience in other case", changes: map[string]any{"aud": "OTHER"}, want: mismatch},
		{name: "no audience", changes: map[string]any{"aud": nil}, want: mismatch},
		{name: "empty list of audiences", changes: map[string]any{"aud": []string{}}, want: mismatch},
		{name: "required claim missing", changes: map[string]any{"tier": nil}, want: mismatch},
		{name: "required claim differs", changes: map[string]any{"tier": "silver"}, want: mismatch},
		{name: "required claim in a list", changes: map[string]any{"tier": []string{"silver", "gold"}}, want: ok},
		{name: "required claim of several values", changes: map[string]any{"level": 3}, want: ok},
		{name: "not one of the values", changes: map[string]any{"level": 30}, want: mismatch},
		{name: "client in place of a subject", changes: map[string]any{"sub": nil, "client_id": "crm"}, want: ok},
		{name: "nobody", changes: map[string]any{"sub": nil}, want: invalid},
		{name: "subject is a number", changes: map[string]any{"sub": 7}, want: invalid},
		{name: "subject is a number, beside a client", changes: map[string]any{"sub": 7, "client_id": "crm"}, want: invalid},
		{name: "subjects, beside a client", changes: map[string]any{"sub": []string{"a"}, "client_id": "crm"}, want: invalid},
		{name: "client is a number", changes: map[string]any{"sub": nil, "client_id": 7}, want: invalid},
		{name: "subject is empty", changes: map[string]any{"sub": "", "client_id": "crm"}, want: invalid},
		{name: "subject holds a line end", changes: map[string]any{"sub": "crm\r\nx: y"}, want: invalid},
		{name: "subject is not ASCII", changes: map[string]any{"sub": "crä"}, want: invalid},
		{name: "subject ends in a blank", changes: map[string]any{"sub": "crm "}, want: invalid},
		{name: "subject is long", changes: map[string]any{"sub": strings.Repeat("x", 513)}, want: invalid},
		{name: "wrong claim and no subject", changes: map[string]any{"sub": nil, "aud": "x"}, want: mismatch},
	}
	settings := jwt(func(s *policypb.Jwt) {
		s.RequiredClaims = []*policypb.RequiredClaim{{Name: "tier", Equals: "gold"}, {Name: "level", OneOf: []string{"2", "3"}}}
	})
	check := newCheck(t, settings, one())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changes := map[string]any{"tier": "gold", "level": 2}
			maps.Copy(changes, tt.changes)
			identity, err := verify(t, check, sign(t, keyOf("key"), claims(changes)))
			authztest.WantReason(t, err, tt.want)
			if err == nil && (identity != authz.Identity{Principal: "crm", Key: "k1", Credential: true}) {
				t.Errorf("identity = %+v", identity)
			}
			// The same claims, signed by somebody else, tell nothing.
			_, err = verify(t, check, sign(t, keyOf("other"), claims(changes)))
			authztest.WantReason(t, err, authz.ReasonSignatureMismatch)
		})
	}
}

// Headers that have brought down other verifiers.
func TestHeaders(t *testing.T) {
	const ok, malformed, alg, kid, invalid, mismatch = authz.ReasonVerified, authz.ReasonCredentialMalformed, authz.ReasonAlgNotAllowed,
		authz.ReasonKidUnknown, authz.ReasonTokenInvalid, authz.ReasonSignatureMismatch
	tests := []struct {
		name, header, payload string
		want                  authz.Reason
	}{
		{name: "right", header: `{"alg":"EdDSA","kid":"k1"}`, want: ok},
		{name: "no key id", header: `{"alg":"EdDSA"}`, want: ok},
		{name: "type JWT", header: `{"alg":"EdDSA","typ":"JWT"}`, want: ok},
		{name: "type jwt", header: `{"alg":"EdDSA","typ":"jwt"}`, want: ok},
		{name: "type of access tokens", header: `{"alg":"EdDSA","typ":"at+JWT"}`, want: ok},
		{name: "type in full", header: `{"alg":"EdDSA","typ":"application/at+jwt"}`, want: ok},
		{name: "type of something else", header: `{"alg":"EdDSA","typ":"dpop+jwt"}`, want: invalid},
		{name: "type of logout tokens", header: `{"alg":"EdDSA","typ":"logout+jwt"}`, want: invalid},
		{name: "type with a letter that is ASCII in lower case", header: `{"alg":"EdDSA","typ":"appl\u0130cation/at+jwt"}`, want: invalid},
		{name: "none", header: `{"alg":"none"}`, want: alg},
		{name: "none in other case", header: `{"alg":"nOnE"}`, want: alg},
		{name: "shared key", header: `{"alg":"HS256","kid":"k1"}`, want: alg},
		{name: "algorithm not listed", header: `{"alg":"PS256","kid":"k1"}`, want: alg},
		{name: "algorithm in other case", header: `{"alg":"eddsa","kid":"k1"}`, want: alg},
		{name: "algorithm of another type of key", header: `{"alg":"RS256","kid":"k1"}`, want: alg},
		{name: "no algorithm", header: `{"kid":"k1"}`, want: malformed},
		{name: "algorithm twice", header: `{"alg":"none","alg":"EdDSA"}`, want: malformed},
		{name: "algorithm in two cases", header: `{"alg":"EdDSA","Alg":"none"}`, want: malformed},
		{name: "unknown key", header: `{"alg":"EdDSA","kid":"k2"}`, want: kid},
		{name: "key id is a path", header: `{"alg":"EdDSA","kid":"../../dev/null"}`, want: kid},
		{name: "key id holds a quote", header: `{"alg":"EdDSA","kid":"' OR 1=1"}`, want: malformed},
		{name: "key id is long", header: `{"alg":"EdDSA","kid":"` + strings.Repeat("k", 129) + `"}`, want: malformed},
		{name: "key id is a number", header: `{"alg":"EdDSA","kid":1}`, want: malformed},
		{name: "brings a key", header: `{"alg":"EdDSA","jwk":{"kty":"OKP"}}`, want: invalid},
		{name: "brings a set's URL", header: `{"alg":"EdDSA","jku":"https://evil.example"}`, want: invalid},
		{name: "brings a certificate's URL", header: `{"alg":"EdDSA","x5u":"https://evil.example"}`, want: invalid},
		{name: "brings certificates", header: `{"alg":"EdDSA","x5c":["MIIB"]}`, want: invalid},
		{name: "compressed", header: `{"alg":"EdDSA","zip":"DEF"}`, want: invalid},
		{name: "critical", header: `{"alg":"EdDSA","crit":["exp"],"exp":1}`, want: invalid},
		{name: "unencoded payload", header: `{"alg":"EdDSA","b64":false}`, want: invalid},
		{name: "nested", header: `{"alg":"EdDSA","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, want: malformed},
		{name: "claim twice", header: `{"alg":"EdDSA"}`, payload: strings.Replace(claims(nil), "{", `{"sub":"boss",`, 1), want: invalid},
		{name: "claim in two cases", header: `{"alg":"EdDSA"}`, payload: strings.Replace(claims(nil), "{", `{"Sub":"boss",`, 1), want: invalid},
		{name: "nested claims", header: `{"alg":"EdDSA"}`, payload: strings.Replace(claims(nil), "{", `{"x":`+strings.Repeat("[", 99)+strings.Repeat("]", 99)+`,`, 1), want: invalid},
		{name: "no object", header: `{"alg":"EdDSA"}`, payload: `[]`, want: invalid},
		{name: "and more", header: `{"alg":"EdDSA"}`, payload: claims(nil) + "{}", want: invalid},
		{name: "no payload", header: `{"alg":"EdDSA"}`, payload: " ", want: invalid},
	}
	check := newCheck(t, jwt(nil), one())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.payload == "" {
				tt.payload = claims(nil)
			}
			_, err := verify(t, check, raw(tt.header, tt.payload))
			authztest.WantReason(t, err, tt.want)
		})
	}
	for name, change := range map[string]func(token string) string{
		"no signature":       func(token string) string { return token[:strings.LastIndexByte(token, '.')+1] },
		"two parts":          func(token string) string { return token[:strings.LastIndexByte(token, '.')] },
		"five parts":         func(token string) string { return token + ".a.b" },
		"padding":            func(token string) string { return token + "=" },
		"standard alphabet":  func(token string) string { return strings.Replace(token, ".", "+.", 1) },
		"opaque":             func(string) string { return "2YotnFZFEjr1zCsicMWpAA" },
		"JSON serialisation": func(string) string { return base64.RawURLEncoding.EncodeToString([]byte(`{"payload":""}`)) },
	} {
		_, err := verify(t, check, change(sign(t, keyOf("key"), claims(nil))))
		t.Run(name, func(t *testing.T) { authztest.WantReason(t, err, malformed) })
	}
	_, err := verify(t, check, sign(t, keyOf("other"), claims(nil)))
	authztest.WantReason(t, err, mismatch)
}

// A public key is never the shared key of an HMAC, whatever text it has.
func TestSharedKeyConfusion(t *testing.T) {
	check := newCheck(t, jwt(nil), env(map[string]authz.KeySet{"keys": set(public("k1", rsaKey()), public("k2", keyOf("key")))}))
	for _, text := range []string{pemOf("key"), pemOf("key") + "\n", string(keyOf("key")[32:]), ""} {
		encode := base64.RawURLEncoding.EncodeToString
		input := encode([]byte(`{"alg":"HS256","kid":"k2"}`)) + "." + encode([]byte(claims(nil)))
		mac := hmac.New(sha256.New, []byte(text))
		mac.Write([]byte(input))
		_, err := verify(t, check, input+"."+encode(mac.Sum(nil)))
		authztest.WantReason(t, err, authz.ReasonAlgNotAllowed)
	}
}

func TestKeyTypes(t *testing.T) {
	e := env(map[string]authz.KeySet{"keys": set(public("ed", keyOf("key")), public("ec", ecKey()), public("rsa", rsaKey()))})
	check := newCheck(t, jwt(nil), e)
	for id, token := range map[string]string{
		"ed":  signAs(t, keyOf("key"), "ed", "", claims(nil)),
		"ec":  signAs(t, ecKey(), "ec", "", claims(nil)),
		"rsa": signAs(t, rsaKey(), "rsa", "", claims(nil)),
	} {
		identity, err := verify(t, check, token)
		authztest.WantReason(t, err, authz.ReasonVerified)
		if identity.Key != id {
			t.Errorf("identity = %+v, want key %s", identity, id)
		}
	}
	// The id of a key of another type.
	_, err := verify(t, check, signAs(t, keyOf("key"), "rsa", "", claims(nil)))
	authztest.WantReason(t, err, authz.ReasonAlgNotAllowed)
}

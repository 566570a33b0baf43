package conformance

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/jws"
	"github.com/hookauthz/hookauthz/authz/keyset"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Where a policy of these tests has the token.
var (
	inBody   = &policypb.Jws{Body: &policypb.WholeBody{}}
	encoded  = &policypb.Jws{Header: "X-Token", Detached: "encoded"}
	asIs     = &policypb.Jws{Header: "X-Token", Detached: "unencoded"}
	eitherOf = &policypb.Jws{Header: "X-Token", Detached: "either"}
)

// jwsCheck is the check of a policy whose sender has that key.
func jwsCheck(t *testing.T, place *policypb.Jws, key string) authz.Check {
	t.Helper()
	env := authztest.Env(nil)
	env.Keys = storedKey(keyset.FormatJWK, key)
	settings := &policypb.Jws{Body: place.GetBody(), Header: place.GetHeader(), Detached: place.GetDetached(), Keys: []string{"key"}}
	for _, algorithm := range all {
		settings.Algorithms = append(settings.Algorithms, string(algorithm))
	}
	part, problems := jws.Kind().Build(settings, env)
	for _, p := range problems {
		t.Fatalf("problem: %v", p)
	}
	return part.Check
}

// tokenRequest is a request with a token where place says, and a body beside one
// in a header.
func tokenRequest(place *policypb.Jws, token, body string) *authz.Request {
	if place.GetHeader() == "" {
		return bodied([]byte(token))
	}
	return bodied([]byte(body), place.GetHeader(), token)
}

// joe is the payload of RFC 7515, appendix A, as bytes.
const joe = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

// hobbit is a token of RFC 7520, chapter 4, and its key as chapter 3 writes it.
// Wycheproof has both; the "alg" of its keys is its own addition.
func hobbit(t *testing.T, id int) (token, key string) {
	t.Helper()
	for _, g := range load[tokenGroup](t, "json_web_signature").TestGroups {
		for _, v := range g.Tests {
			if v.ID != id {
				continue
			}
			if err := json.Unmarshal(v.JWS, &token); err != nil {
				t.Fatal(err)
			}
			if g.Public == nil {
				return token, p256Key // no key of ours could be right
			}
			var members map[string]any
			if err := json.Unmarshal(g.Public, &members); err != nil {
				t.Fatal(err)
			}
			delete(members, "alg")
			text, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			return token, string(text)
		}
	}
	t.Fatalf("no vector %d", id)
	return "", ""
}

// The examples of the RFCs as requests to a policy of the kind jws.
func TestJWSKindExamples(t *testing.T) {
	in2011 := time.Date(2011, time.January, 1, 0, 0, 0, 0, time.UTC)
	rs256, rsKey := hobbit(t, 345)
	ps384, psKey := hobbit(t, 346)
	es512, esKey := hobbit(t, 347)
	hs256, _ := hobbit(t, 348)
	a2, a3 := "eyJhbGciOiJSUzI1NiJ9."+rfcClaims+"."+rsaSignature, "eyJhbGciOiJFUzI1NiJ9."+rfcClaims+"."+p256Signature
	part := strings.Split(hs256, ".")
	tests := []struct {
		name, token, body, key string
		place                  *policypb.Jws
		at                     time.Time // zero: 2026
		want                   authz.Reason
	}{
		{name: "RFC 7515 A.2: RS256", token: a2, key: rsaKey, place: inBody, at: in2011, want: authz.ReasonVerified},
		{name: "RFC 7515 A.2, after 2011", token: a2, key: rsaKey, place: inBody, want: authz.ReasonTokenExpired},
		{name: "RFC 7515 A.3: ES256", token: a3, key: p256Key, place: inBody, at: in2011, want: authz.ReasonVerified},
		{name: "RFC 7515 A.3, the key of A.2", token: a3, key: rsaKey, place: inBody, at: in2011, want: authz.ReasonKidUnknown},
		{name: "RFC 7515 A.4: ES512", token: p521Token, key: p521Key, place: inBody, want: authz.ReasonVerified},
		{name: "RFC 8037 A.4: EdDSA", token: edToken, key: edPublic, place: inBody, want: authz.ReasonVerified},

		{name: "RFC 7515 F: detached", token: "eyJhbGciOiJFUzI1NiJ9.." + p256Signature, body: joe, key: p256Key, place: encoded, at: in2011, want: authz.ReasonVerified},
		{name: "RFC 7515 F, either", token: "eyJhbGciOiJFUzI1NiJ9.." + p256Signature, body: joe, key: p256Key, place: eitherOf, at: in2011, want: authz.ReasonVerified},
		{name: "RFC 7515 F, RS256", token: "eyJhbGciOiJSUzI1NiJ9.." + rsaSignature, body: joe, key: rsaKey, place: encoded, at: in2011, want: authz.ReasonVerified},
		{name: "RFC 7515 F, another body", token: "eyJhbGciOiJFUzI1NiJ9.." + p256Signature, body: joe + " ", key: p256Key, place: encoded, at: in2011, want: authz.ReasonSignatureMismatch},
		{name: "RFC 7515 F, attached all the same", token: a3, body: joe, key: p256Key, place: encoded, at: in2011, want: authz.ReasonCredentialMalformed},

		{name: "RFC 7515 A.1: HS256", token: "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + rfcClaims + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", key: p256Key, place: inBody, at: in2011, want: authz.ReasonAlgNotAllowed},
		{name: "RFC 7515 A.5: none", token: "eyJhbGciOiJub25lIn0." + rfcClaims + ".", key: p256Key, place: inBody, at: in2011, want: authz.ReasonCredentialMalformed},
		{name: "none with a signature", token: "eyJhbGciOiJub25lIn0." + rfcClaims + "." + p256Signature, key: p256Key, place: inBody, at: in2011, want: authz.ReasonAlgNotAllowed},
		{
			name: "RFC 7515 A.6: JSON, two signatures", key: p256Key, place: inBody, at: in2011, want: authz.ReasonCredentialMalformed,
			token: `{"payload":"` + rfcClaims + `","signatures":[{"protected":"eyJhbGciOiJSUzI1NiJ9","header":{"kid":"2010-12-29"},"signature":"` +
				rsaSignature + `"},{"protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"` +
				p256Signature + `"}]}`,
		},
		{
			name: "RFC 7515 A.7: JSON, flattened", key: p256Key, place: inBody, at: in2011, want: authz.ReasonCredentialMalformed,
			token: `{"payload":"` + rfcClaims + `","protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"` +
				p256Signature + `"}`,
		},
		{
			name: "RFC 7515 E: crit", key: p256Key, place: inBody, want: authz.ReasonAlgNotAllowed, // "none" comes first there
			token: "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.AAAA",
		},

		{name: "RFC 7797 4.1: HS256", token: "eyJhbGciOiJIUzI1NiJ9.JC4wMg.5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ", key: p256Key, place: inBody, want: authz.ReasonAlgNotAllowed},
		{
			name: "RFC 7797 4.2: HS256, b64 false", key: p256Key, place: asIs, body: "$.02", want: authz.ReasonAlgNotAllowed,
			token: "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY",
		},

		{name: "RFC 7520 4.1: RS256", token: rs256, key: rsKey, place: inBody, want: authz.ReasonVerified},
		{name: "RFC 7520 4.2: PS384", token: ps384, key: psKey, place: inBody, want: authz.ReasonVerified},
		{name: "RFC 7520 4.3: ES512", token: es512, key: esKey, place: inBody, want: authz.ReasonVerified},
		{name: "RFC 7520 4.3, the key of 4.1 by the same kid", token: es512, key: rsKey, place: inBody, want: authz.ReasonAlgNotAllowed},
		{name: "RFC 7520 4.4: HS256", token: hs256, key: p256Key, place: inBody, want: authz.ReasonAlgNotAllowed},
		{name: "RFC 7520 4.5: HS256, detached", token: part[0] + ".." + part[2], body: string(unbase64(t, part[1])), key: p256Key, place: encoded, want: authz.ReasonAlgNotAllowed},
		{name: "RFC 7520 4.6: JSON", token: `{"payload":"` + part[1] + `","protected":"eyJhbGciOiJIUzI1NiJ9","signature":"` + part[2] + `"}`, key: p256Key, place: inBody, want: authz.ReasonCredentialMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tokenRequest(tt.place, tt.token, tt.body)
			if !tt.at.IsZero() {
				r.Received = tt.at
			}
			identity, err := jwsCheck(t, tt.place, tt.key).Verify(context.Background(), r)
			authztest.WantReason(t, err, tt.want)
			if identity.BodySigned != (err == nil) {
				t.Errorf("Verify() = %+v, %v", identity, err)
			}
		})
	}
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 7797 has examples with a shared key only, so its payload "$.02" is signed
// anew here: with "b64" false as it is, without as base64url. Neither passes for
// the other.
func TestJWSKindUnencoded(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	e := base64.RawURLEncoding.EncodeToString
	jwk := `{"kty":"EC","crv":"P-256","x":"` + e(point[1:33]) + `","y":"` + e(point[33:]) + `"}`
	sign := func(header, payload string) string {
		header = e([]byte(header))
		sum := sha256.Sum256([]byte(header + "." + payload))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return header + ".." + e(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	const body = "$.02"
	plain := sign(`{"alg":"ES256","b64":false,"crit":["b64"]}`, body)
	usual := sign(`{"alg":"ES256"}`, e([]byte(body)))
	said := sign(`{"alg":"ES256","b64":true,"crit":["b64"]}`, e([]byte(body)))
	tests := []struct {
		name, token, body string
		place             *policypb.Jws
		want              authz.Reason
	}{
		{name: "b64 false", token: plain, body: body, place: asIs, want: authz.ReasonVerified},
		{name: "b64 false, either", token: plain, body: body, place: eitherOf, want: authz.ReasonVerified},
		{name: "b64 false where it is encoded", token: plain, body: body, place: encoded, want: authz.ReasonTokenInvalid},
		{name: "b64 false, another body", token: plain, body: "$.03", place: asIs, want: authz.ReasonSignatureMismatch},
		{name: "encoded", token: usual, body: body, place: encoded, want: authz.ReasonVerified},
		{name: "encoded, either", token: usual, body: body, place: eitherOf, want: authz.ReasonVerified},
		{name: "encoded where it is not", token: usual, body: body, place: asIs, want: authz.ReasonTokenInvalid},
		{name: "b64 true, either", token: said, body: body, place: eitherOf, want: authz.ReasonVerified},
		{name: "b64 true where it goes without saying", token: said, body: body, place: encoded, want: authz.ReasonTokenInvalid},
		// RFC 7797, section 6: b64 must be critical, or others would read it differently.
		{name: "not critical", token: sign(`{"alg":"ES256","b64":false}`, body), body: body, place: asIs, want: authz.ReasonTokenInvalid},
		{name: "critical, and not there", token: sign(`{"alg":"ES256","crit":["b64"]}`, body), body: body, place: asIs, want: authz.ReasonTokenInvalid},
		{name: "the encoded text as the body", token: usual, body: e([]byte(body)), place: eitherOf, want: authz.ReasonSignatureMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jwsCheck(t, tt.place, jwk).Verify(context.Background(), tokenRequest(tt.place, tt.token, tt.body))
			authztest.WantReason(t, err, tt.want)
		})
	}
}

// Wycheproof's tokens through the kind: what the token parser alone makes of them
// the whole check does too.
func TestJWSKindVectors(t *testing.T) {
	f := load[tokenGroup](t, "json_web_signature")
	c := tally{file: "json_web_signature"}
	for _, g := range f.TestGroups {
		if g.Public == nil {
			continue
		}
		check := jwsCheck(t, inBody, string(g.Public))
		for _, v := range g.Tests {
			_, err := check.Verify(context.Background(), bodied([]byte(token(v.JWS))))
			c.check(t, v.ID, g.Comment+": "+v.Comment, v.Result == "valid", err)
		}
	}
	c.done(t, 36, 325)
}

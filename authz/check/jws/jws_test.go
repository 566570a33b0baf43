package jws_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const (
	verified  = authz.ReasonVerified
	missing   = authz.ReasonCredentialMissing
	malformed = authz.ReasonCredentialMalformed
	invalid   = authz.ReasonTokenInvalid
	algorithm = authz.ReasonAlgNotAllowed
	mismatch  = authz.ReasonSignatureMismatch
	unsigned  = authz.ReasonBodyUnsigned
)

// What a token may be, wherever it stands.
func TestTokens(t *testing.T) {
	good := token(t, keyOf("key"), edHeader, payload(t, nil))
	header, rest, _ := strings.Cut(good, ".")
	body, sig, _ := strings.Cut(rest, ".")
	signed := func(header string) string { return token(t, keyOf("key"), header, payload(t, nil)) }
	claims := func(changes map[string]any) string { return token(t, keyOf("key"), edHeader, payload(t, changes)) }
	tests := []struct {
		name   string
		token  string
		change func(*policypb.Jws)
		want   authz.Reason
	}{
		{name: "right", token: good, want: verified},
		{name: "ECDSA", token: token(t, ecKey(), ecHeader, payload(t, nil)), want: verified},
		{name: "RSA, a key without id", token: token(t, rsaKey(), rsHeader, payload(t, nil)), want: verified},
		{name: "no kid", token: signed(`{"alg":"EdDSA"}`), want: verified},
		{name: "another kid", token: signed(`{"alg":"EdDSA","kid":"k2"}`), want: authz.ReasonKidUnknown},
		{name: "kid of a path", token: signed(`{"alg":"EdDSA","kid":"../../dev/null"}`), want: authz.ReasonKidUnknown},
		{name: "kid of a query", token: signed(`{"alg":"EdDSA","kid":"' OR 1=1 --"}`), want: malformed},
		{name: "somebody else's", token: token(t, keyOf("other"), edHeader, payload(t, nil)), want: mismatch},

		{name: "none", token: b64(`{"alg":"none"}`) + "." + body + ".", want: malformed},
		{name: "none with a signature", token: signed(`{"alg":"none"}`), want: algorithm},
		{name: "nOnE", token: signed(`{"alg":"nOnE"}`), want: algorithm},
		{name: "HS256 with the public key", token: shared(t, keyOf("key").Public()), want: algorithm},
		{name: "HS256 with the public RSA key", token: shared(t, rsaKey().Public()), want: algorithm},
		{name: "not listed", token: good, change: func(s *policypb.Jws) { s.Algorithms = []string{"ES256"} }, want: algorithm},
		{name: "the key of another type", token: token(t, keyOf("key"), `{"alg":"ES256","kid":"k1"}`, "{}"), want: algorithm},
		{name: "another algorithm of the key", token: token(t, rsaKey(), `{"alg":"RS256"}`, "{}"), change: func(s *policypb.Jws) { s.Algorithms = []string{"RS256"} }, want: mismatch},

		{name: "stripped signature", token: header + "." + body + ".", want: malformed},
		{name: "two parts", token: header + "." + body, want: malformed},
		{name: "stripped payload", token: header + ".." + sig, want: mismatch},
		{name: "four dots", token: good + "." + sig + "." + sig, want: malformed},
		{name: "header twice", token: header + "." + good, want: malformed},
		{name: "one dot too many", token: good + ".", want: malformed},
		{name: "a line feed behind", token: good + "\n", want: malformed},
		{name: "a line feed before", token: "\n" + good, want: malformed},
		{name: "padding", token: good + "==", want: malformed},
		{name: "quoted", token: `"` + good + `"`, want: malformed},
		{name: "JSON serialisation", token: `{"payload":"` + body + `","protected":"` + header + `","signature":"` + sig + `"}`, want: malformed},
		{name: "JSON serialisation of many", token: `{"payload":"` + body + `","signatures":[{"protected":"` + header + `","signature":"` + sig + `"}]}`, want: malformed},

		{name: "unknown crit", token: signed(`{"alg":"EdDSA","kid":"k1","crit":["exp"],"exp":1}`), want: invalid},
		{name: "empty crit", token: signed(`{"alg":"EdDSA","kid":"k1","crit":[]}`), want: invalid},
		{name: "b64 false", token: signed(b64False), want: invalid},
		{name: "b64 true", token: signed(`{"alg":"EdDSA","kid":"k1","b64":true,"crit":["b64"]}`), want: invalid},
		{name: "zip", token: signed(`{"alg":"EdDSA","kid":"k1","zip":"DEF"}`), want: invalid},
		{name: "jku", token: signed(`{"alg":"EdDSA","kid":"k1","jku":"https://evil.example/keys"}`), want: invalid},
		{name: "x5u", token: signed(`{"alg":"EdDSA","kid":"k1","x5u":"https://evil.example/cert"}`), want: invalid},
		{name: "jwk", token: signed(`{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}`), want: invalid},
		{name: "x5c", token: signed(`{"alg":"EdDSA","kid":"k1","x5c":["MIIB"]}`), want: invalid},
		{name: "alg twice", token: signed(`{"alg":"EdDSA","alg":"none"}`), want: malformed},
		{name: "kid twice", token: signed(`{"alg":"EdDSA","kid":"k1","kid":"k1"}`), want: malformed},

		{name: "typ", token: good, change: func(s *policypb.Jws) { s.Typ = "JWT" }, want: verified},
		{name: "typ in full", token: signed(`{"alg":"EdDSA","typ":"application/SECEVENT+jwt"}`), change: func(s *policypb.Jws) { s.Typ = "secevent+jwt" }, want: verified},
		{name: "typ of the policy in full", token: signed(`{"alg":"EdDSA","typ":"secevent+jwt"}`), change: func(s *policypb.Jws) { s.Typ = "application/secevent+jwt" }, want: verified},
		{name: "another typ", token: good, change: func(s *policypb.Jws) { s.Typ = "secevent+jwt" }, want: invalid},
		{name: "no typ", token: signed(`{"alg":"EdDSA"}`), change: func(s *policypb.Jws) { s.Typ = "JWT" }, want: invalid},

		{name: "expired", token: claims(map[string]any{"exp": now() - 60}), want: authz.ReasonTokenExpired},
		{name: "just not expired", token: claims(map[string]any{"exp": now() - 59}), want: verified},
		{name: "not yet", token: claims(map[string]any{"nbf": now() + 61}), want: authz.ReasonTokenNotYetValid},
		{name: "exp is no time", token: claims(map[string]any{"exp": "soon"}), want: invalid},
		{name: "iat far ahead, and nobody asks", token: claims(map[string]any{"iat": now() + 9000}), want: verified},
		{name: "expired, and somebody else's", token: token(t, keyOf("other"), edHeader, payload(t, map[string]any{"exp": 1})), want: mismatch},
		{name: "no claims", token: token(t, keyOf("key"), edHeader, "plain text"), want: verified},
		{name: "an array", token: token(t, keyOf("key"), edHeader, `[{"exp":1}]`), want: verified},
		{name: "claims twice", token: token(t, keyOf("key"), edHeader, `{"exp":1,"exp":9999999999}`), want: invalid},
		{name: "blanks before claims", token: token(t, keyOf("key"), edHeader, " \r\n\t{\"exp\":1}"), want: authz.ReasonTokenExpired},
		{name: "no claims, and an issuer is asked", token: token(t, keyOf("key"), edHeader, "plain text"), change: func(s *policypb.Jws) { s.Issuer = "x" }, want: invalid},

		{name: "issuer", token: good, change: func(s *policypb.Jws) { s.Issuer = "https://sender.example" }, want: verified},
		{name: "another issuer", token: good, change: func(s *policypb.Jws) { s.Issuer = "https://sender.example/" }, want: authz.ReasonClaimMismatch},
		{name: "no issuer", token: claims(map[string]any{"iss": nil}), change: func(s *policypb.Jws) { s.Issuer = "x" }, want: authz.ReasonClaimMismatch},
		{name: "audience", token: good, change: func(s *policypb.Jws) { s.Audiences = []string{"x", "hooks"} }, want: verified},
		{name: "another audience", token: good, change: func(s *policypb.Jws) { s.Audiences = []string{"x"} }, want: authz.ReasonClaimMismatch},

		{name: "assertion", token: good, change: asserting("{claim:event}", "order.created"), want: verified},
		{name: "another event", token: good, change: asserting("{claim:event}", "order.deleted"), want: authz.ReasonAssertionFailed},
		{name: "claim absent", token: good, change: asserting("{claim:kind}", "order.created"), want: authz.ReasonPartMissing},
		{name: "claim of an object", token: claims(map[string]any{"event": map[string]any{}}), change: asserting("{claim:event}", "x"), want: authz.ReasonPartMissing},
		{name: "assertion of no claims", token: token(t, keyOf("key"), edHeader, "plain text"), change: asserting("{claim:event}", "x"), want: invalid},
		{name: "assertion about something else", token: token(t, keyOf("key"), edHeader, "plain text"), change: asserting("{method}", "POST"), want: verified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			if tt.change != nil {
				tt.change(s)
			}
			_, err := newCheck(t, s).Verify(t.Context(), post(tt.token, ""))
			authztest.WantReason(t, err, tt.want)
			if _, err := newCheck(t, s).VerifyToken(t.Context(), post("", ""), tt.token); true {
				authztest.WantReason(t, err, tt.want)
			}
		})
	}
}

// asserting adds that value equals one text.
func asserting(value, text string) func(*policypb.Jws) {
	return func(s *policypb.Jws) { s.Assert = []*policypb.Assertion{{Value: value, OneOf: []string{text}}} }
}

// shared returns a token whose shared key is the PEM of a public one.
func shared(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	input := b64(`{"alg":"HS256","kid":"k1"}`) + "." + b64(payload(t, nil))
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Where a token may stand in a body, and what may stand beside it.
func TestBodies(t *testing.T) {
	good := token(t, keyOf("key"), edHeader, payload(t, nil))
	inJSON := func(s *policypb.Jws) { s.Body, s.Json = nil, "/signedPayload" }
	inForm := func(s *policypb.Jws) { s.Body, s.Form = nil, "token" }
	accepted := func(change func(*policypb.Jws)) func(*policypb.Jws) {
		return func(s *policypb.Jws) { change(s); s.UnsignedBody = "accepted" }
	}
	tests := []struct {
		name    string
		change  func(*policypb.Jws)
		body    string
		replace bool // the payload takes the body's place
		want    authz.Reason
		part    bool // of the body is not signed
	}{
		{name: "body", body: good, want: verified},
		{name: "no body", want: missing},
		{name: "JSON", change: inJSON, body: ` { "signedPayload" : "` + good + `" } `, want: verified},
		{name: "JSON, escaped", change: inJSON, body: `{"signed\u0050ayload":"\u0065` + good[1:] + `"}`, want: verified},
		{name: "JSON, a second member", change: inJSON, body: `{"signedPayload":"` + good + `","amount":100}`, want: unsigned},
		{name: "JSON, a second member, accepted", change: accepted(inJSON), body: `{"signedPayload":"` + good + `","amount":100}`, want: verified, part: true},
		{name: "JSON, a second member, replaced", change: inJSON, body: `{"signedPayload":"` + good + `","amount":100}`, replace: true, want: verified},
		{name: "JSON, the member twice", change: inJSON, body: `{"signedPayload":"` + good + `","signedPayload":"` + good + `"}`, want: malformed},
		{name: "JSON, the member twice, replaced", change: inJSON, body: `{"signedPayload":"x","signedPayload":"` + good + `"}`, replace: true, want: malformed},
		{name: "JSON, the member in capitals", change: inJSON, body: `{"SignedPayload":"` + good + `"}`, want: malformed},
		{name: "JSON, another member", change: inJSON, body: `{"payload":"` + good + `"}`, want: missing},
		{name: "JSON, nothing", change: inJSON, body: `{}`, want: missing},
		{name: "JSON, a list", change: inJSON, body: `["` + good + `"]`, want: missing},
		{name: "JSON, a string", change: inJSON, body: `"` + good + `"`, want: missing},
		{name: "JSON, a number", change: inJSON, body: `{"signedPayload":1}`, want: malformed},
		{name: "JSON, null", change: inJSON, body: `{"signedPayload":null}`, want: malformed},
		{name: "no JSON", change: inJSON, body: good, want: malformed},
		{name: "form", change: inForm, body: "token=" + good, want: verified},
		{name: "form, escaped", change: inForm, body: "%74oken=" + url.QueryEscape(good), want: verified},
		{name: "form, two fields", change: inForm, body: "token=" + good + "&amount=100", want: unsigned},
		{name: "form, two fields, accepted", change: accepted(inForm), body: "token=" + good + "&amount=100", want: verified, part: true},
		{name: "form, two fields, replaced", change: inForm, body: "amount=100&token=" + good, replace: true, want: verified},
		{name: "form, twice", change: inForm, body: "token=" + good + "&token=" + good, want: malformed},
		{name: "form, another field", change: inForm, body: "jwt=" + good, want: missing},
		{name: "no form", change: inForm, body: good, want: missing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			if tt.change != nil {
				tt.change(s)
			}
			part := build(t, s, one(t, func(e *authz.Env) { e.Payload = tt.replace }))
			r := post(tt.body, "")
			identity, err := part.Check.Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
			if err == nil && identity.BodySigned == tt.part {
				t.Errorf("BodySigned = %v", identity.BodySigned)
			}
			if err == nil && tt.replace && string(identity.Content.Payload) != payload(t, nil) {
				t.Errorf("payload = %q", identity.Content.Payload)
			}
		})
	}
}

// What a body that was not delivered whole is.
func TestBodyDelivery(t *testing.T) {
	good := token(t, keyOf("key"), edHeader, payload(t, nil))
	for name, change := range map[string]func(*policypb.Jws){
		"body": func(*policypb.Jws) {},
		"json": func(s *policypb.Jws) { s.Body, s.Json = nil, "/a" },
		"form": func(s *policypb.Jws) { s.Body, s.Form = nil, "a" },
	} {
		check := newCheck(t, settings(change))
		r := post(good, "")
		r.Body.Delivery = authz.DeliveryUnsaid
		_, err := check.Verify(t.Context(), r)
		authztest.WantReason(t, err, authz.ReasonBodyNotForwarded)
		r.Body = authz.Body{}
		_, err = check.Verify(t.Context(), r)
		authztest.WantReason(t, err, authz.ReasonBodyNotForwarded)
		r.Body = authz.Body{Raw: []byte(good), Delivery: authz.DeliveryCut}
		_, err = check.Verify(t.Context(), r)
		authztest.WantReason(t, err, authz.ReasonBodyTruncated)
		r = post("", "")
		r.Rules.AllowEmpty = true
		_, err = check.Verify(t.Context(), r)
		authztest.WantReason(t, err, missing)
		t.Log(name)
	}
}

// Tokens in bodies may be longer than in headers, up to the policy's own limit.
func TestLongTokens(t *testing.T) {
	long := token(t, keyOf("key"), edHeader, `{"text":"`+strings.Repeat("a", 200<<10)+`","exp":1}`)
	check := newCheck(t, settings())
	_, err := check.Verify(t.Context(), post(long, ""))
	authztest.WantReason(t, err, authz.ReasonTokenExpired)
	r := post(long, "")
	r.Rules.MaxBody = int64(len(long)) - 1
	_, err = check.Verify(t.Context(), r)
	authztest.WantReason(t, err, malformed)
	for _, s := range []*policypb.Jws{settings(inHeader), settings(apart("encoded"))} {
		_, err = newCheck(t, s).Verify(t.Context(), post("{}", long))
		authztest.WantReason(t, err, malformed)
	}
}

// Two tokens of one text are one message, whoever signed it and however; two texts
// are two.
func TestMessages(t *testing.T) {
	replays := func(e *authz.Env) { e.Replay = true }
	message := func(s *policypb.Jws, r *authz.Request, changes ...func(*authz.Env)) authz.Message {
		t.Helper()
		identity, err := build(t, s, one(t, append(changes, replays)...)).Check.Verify(t.Context(), r)
		if err != nil || len(identity.Content.Messages) != 1 || identity.Content.HasPayload {
			t.Fatalf("%v, %+v", err, identity)
		}
		return identity.Content.Messages[0]
	}
	first := token(t, ecKey(), ecHeader, payload(t, nil))
	again := token(t, ecKey(), ecHeader, payload(t, nil)) // ECDSA signatures are never the same
	if first == again || message(settings(), post(first, "")) != message(settings(), post(again, "")) {
		t.Error("two signatures of one text are two messages")
	}
	h := authz.NewMessage("test")
	h.Write([]byte(first[:strings.LastIndex(first, ".")]))
	if message(settings(), post(first, "")) != authz.SumMessage(h) {
		t.Error("the message is not what was signed")
	}
	other := token(t, ecKey(), ecHeader, payload(t, map[string]any{"event": "x"}))
	if message(settings(), post(first, "")) == message(settings(), post(other, "")) {
		t.Error("two texts are one message")
	}
	if message(settings(), post(first, "")) == message(settings(), post(first, ""), func(e *authz.Env) { e.Policy = "b" }) {
		t.Error("two policies have one message")
	}
	over := func(body string) authz.Message {
		return message(settings(apart("encoded")), post(body, detached(t, keyOf("key"), edHeader, body, true)))
	}
	a, b := over("a"), over("b")
	if again := over("a"); a == b || a != again {
		t.Error("the message of a detached token is not that of the body")
	}
}

// What is told of who sent the request.
func TestIdentity(t *testing.T) {
	tests := []struct {
		name   string
		change func(*policypb.Jws)
		token  string
		want   authz.Identity
	}{
		{
			name: "the keys' name", token: token(t, keyOf("key"), edHeader, payload(t, nil)),
			want: authz.Identity{Principal: "keys", Key: "k1", Credential: true, BodySigned: true},
		},
		{
			name: "the issuer that the policy names", token: token(t, keyOf("key"), edHeader, payload(t, nil)),
			change: func(s *policypb.Jws) { s.Issuer = "https://sender.example" },
			want:   authz.Identity{Principal: "https://sender.example", Key: "k1", Credential: true, BodySigned: true},
		},
		{
			name: "a key without id", token: token(t, rsaKey(), rsHeader, "text"),
			want: authz.Identity{Principal: "keys", Key: "keys", Credential: true, BodySigned: true},
		},
		{
			name: "when it was signed", token: token(t, keyOf("key"), edHeader, payload(t, map[string]any{"iat": now() - 7})),
			change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{} },
			want:   authz.Identity{Principal: "keys", Key: "k1", Credential: true, BodySigned: true, Signed: authztest.Received().Add(-7 * time.Second)},
		},
	}
	for _, tt := range tests {
		s := settings()
		if tt.change != nil {
			tt.change(s)
		}
		got, err := newCheck(t, s).Verify(t.Context(), post(tt.token, ""))
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

// Settings without a place are for tokens that are handed over.
func TestWithoutPlace(t *testing.T) {
	s := settings(func(s *policypb.Jws) { s.Body = nil })
	good := token(t, keyOf("key"), edHeader, payload(t, nil))
	_, err := newCheck(t, s).Verify(t.Context(), post(good, good))
	authztest.WantReason(t, err, missing)
	identity, err := newCheck(t, s).VerifyToken(t.Context(), post("x", ""), good)
	if err != nil || !identity.BodySigned {
		t.Errorf("%+v, %v", identity, err)
	}
	// A digest of the body is one of what arrived.
	inHeader(s)
	s.Header = ""
	bound := token(t, keyOf("key"), edHeader, payload(t, map[string]any{"body": hash("x")}))
	_, err = newCheck(t, s).VerifyToken(t.Context(), post("x", ""), bound)
	authztest.WantReason(t, err, verified)
	_, err = newCheck(t, s).VerifyToken(t.Context(), post("y", ""), bound)
	authztest.WantReason(t, err, authz.ReasonAssertionFailed)
}

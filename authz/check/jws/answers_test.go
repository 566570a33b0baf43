package jws_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers in docs/checks/jws.md")

// TestAnswers holds the page's table to what happens.
func TestAnswers(t *testing.T) {
	good := token(t, keyOf("key"), edHeader, payload(t, nil))
	over := detached(t, keyOf("key"), edHeader, event, true)
	asked := func(s *policypb.Jws, e *authz.Env, r *authz.Request) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := build(t, s, e).Check.Verify(t.Context(), r)
			return err
		}
	}
	is := func(text string, changes ...func(*policypb.Jws)) func(*testing.T) error {
		return asked(settings(changes...), one(t), post(text, ""))
	}
	signed := func(header string) func(*testing.T) error {
		return is(token(t, keyOf("key"), header, payload(t, nil)))
	}
	says := func(changes map[string]any, more ...func(*policypb.Jws)) func(*testing.T) error {
		return is(token(t, keyOf("key"), edHeader, payload(t, changes)), more...)
	}
	json := func(s *policypb.Jws) { s.Body, s.Json = nil, "/token" }
	timed := func(s *policypb.Jws) { s.Time = &policypb.TokenTime{} }
	failing := func(reason authz.Reason) func(*testing.T) error {
		set := &authztest.KeySet{Err: authz.Deny(reason, "")}
		return asked(settings(), env(map[string]authz.KeySet{"keys": set}), post(good, ""))
	}
	bringing := func(header string, key string, change func(*policypb.TokenCertificates)) func(*testing.T) error {
		return asked(settings(certified(change)), one(t, withRoot(t)), post(token(t, keyOf(key), header, "text"), ""))
	}
	delivered := func(delivery authz.Delivery) *authz.Request {
		r := post(event, over)
		r.Body.Delivery = delivery
		return r
	}
	leaf := issue(t, testRoot(), "leaf", keyOf("key"))
	old := issue(t, testRoot(), "leaf", keyOf("key"), notAfter(-time.Minute))
	twice := post(event, over)
	authztest.AddHeader(twice, "X-Token", over)
	const (
		nothing   = "no token: no body, header or field, JSON without the member, another authentication scheme"
		twoOfThem = "header twice"
		unread    = "not three parts of base64url; header not JSON, or with a name twice; over 16 KiB in a header; prefix missing"
		body      = "body not JSON, or with a name twice; form with the field twice; what stands in the token's place is no text"
		besides   = "something besides the token in the body; body that a token in a header does not cover"
		algorithm = "algorithm not listed, or not that of the key; `none`, `HS256`"
		header    = "`typ` of something else; `jku`, `x5u`, `jwk`, `zip`; `crit` or `b64` where it is not understood; no `x5c`, or one that nobody asked for"
		claims    = "claims that can't be read; time absent or not in its unit"
		secret    = "secret of a key or anchor missing, forbidden or not a key"
		other     = "signed by somebody else, or changed; another body"
		failed    = "assertion does not hold, such as the digest of another body"
	)
	authztest.AnswerTable(t, "../../../docs/checks/jws.md", *update, []authztest.AnswerRow{
		{Failure: nothing, Verify: is("")},
		{Failure: nothing, Verify: is("{}", json)},
		{Failure: nothing, Verify: asked(settings(apart("encoded")), one(t), post(event, ""))},
		{Failure: twoOfThem, Verify: asked(settings(apart("encoded")), one(t), twice)},
		{Failure: unread, Verify: is(good + "\n")},
		{Failure: unread, Verify: signed(`{"alg":"EdDSA","alg":"EdDSA"}`)},
		{Failure: unread, Verify: asked(settings(apart("encoded")), one(t), post(event, over+strings.Repeat("A", 16<<10)))},
		{Failure: body, Verify: is(good, json)},
		{Failure: body, Verify: is(`{"token":"a","token":"b"}`, json)},
		{Failure: besides, Verify: is(`{"token":"`+good+`","amount":1}`, json)},
		{Failure: besides, Verify: asked(settings(func(s *policypb.Jws) { s.Body, s.Header = nil, "X-Token" }), one(t), post(event, good))},
		{Failure: "empty body under a detached token", Verify: asked(settings(apart("encoded")), one(t), post("", over))},
		{Failure: algorithm, Verify: signed(`{"alg":"none"}`)},
		{Failure: algorithm, Verify: is(good, func(s *policypb.Jws) { s.Algorithms = []string{"ES256"} })},
		{Failure: header, Verify: is(good, func(s *policypb.Jws) { s.Typ = "secevent+jwt" })},
		{Failure: header, Verify: signed(`{"alg":"EdDSA","crit":["exp"],"exp":1}`)},
		{Failure: header, Verify: signed(`{"alg":"EdDSA","jku":"https://sender.example/keys"}`)},
		{Failure: header, Verify: bringing(edHeader, "key", nil)},
		{Failure: "no key of that `kid`", Verify: signed(`{"alg":"EdDSA","kid":"k2"}`)},
		{Failure: other, Verify: is(token(t, keyOf("other"), edHeader, payload(t, nil)))},
		{Failure: other, Verify: asked(settings(apart("encoded")), one(t), post(event+" ", over))},
		{Failure: "certificate of another root, of an authority, or with a weak key or signature", Verify: bringing(x5c(t, "EdDSA", issue(t, nil, "Root", keyOf("key"))), "key", nil)},
		{Failure: "certificate, or one above it, not valid at the time", Verify: bringing(x5c(t, "EdDSA", old), "key", nil)},
		{Failure: "certificate without a name or an extension that is asked for", Verify: bringing(x5c(t, "EdDSA", leaf), "key", func(c *policypb.TokenCertificates) { c.Names = []string{"hooks.example.org"} })},
		{Failure: "certificate on its issuer's revocation list", Verify: revoked(t, leaf)},
		{Failure: claims, Verify: is(token(t, keyOf("key"), edHeader, `{"a":1,"a":2}`))},
		{Failure: claims, Verify: says(map[string]any{"iat": nil}, timed)},
		{Failure: "signed too long ago", Verify: says(map[string]any{"iat": now() - 301}, timed)},
		{Failure: "signed in the future", Verify: says(map[string]any{"iat": now() + 301}, timed)},
		{Failure: "has ended (`exp`)", Verify: says(map[string]any{"exp": now() - 60})},
		{Failure: "is not good yet (`nbf`)", Verify: says(map[string]any{"nbf": now() + 61})},
		{Failure: "another issuer or audience", Verify: says(nil, func(s *policypb.Jws) { s.Issuer = "x" })},
		{Failure: "claim that an assertion reads is absent", Verify: says(nil, asserting("{claim:x}", "x"))},
		{Failure: failed, Verify: says(nil, asserting("{claim:event}", "x"))},
		{Failure: "body not forwarded, or only in part", Verify: asked(settings(apart("encoded")), one(t), delivered(authz.DeliveryUnsaid))},
		{Failure: "body cut by the gateway", Verify: asked(settings(apart("encoded")), one(t), delivered(authz.DeliveryCut))},
		{Failure: secret, Verify: failing(authz.ReasonSecretMissing)},
		{Failure: secret, Verify: failing(authz.ReasonSecretForbidden)},
		{Failure: secret, Verify: failing(authz.ReasonSecretInvalid)},
		{Failure: "secret of a key or anchor could not be read for too long", Verify: failing(authz.ReasonSecretUnavailable)},
		{Failure: "the sender's keys could not be fetched for too long", Verify: failing(authz.ReasonKeySetUnavailable)},
	})
}

package bearer_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers in docs/checks/bearer.md")

// TestAnswers holds the page's table to what happens.
func TestAnswers(t *testing.T) {
	now := authztest.Received().Unix()
	good := sign(t, keyOf("key"), claims(nil))
	header := func(lines ...string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			r := authztest.Request("POST", "/h", "")
			for _, line := range lines {
				authztest.AddHeader(r, "Authorization", line)
			}
			_, err := newCheck(t, jwt(nil), one()).Verify(t.Context(), r)
			return err
		}
	}
	token := func(s *policypb.Bearer, e *authz.Env, token string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := verify(t, newCheck(t, s, e), token)
			return err
		}
	}
	changed := func(changes map[string]any) func(*testing.T) error {
		return token(jwt(nil), one(), sign(t, keyOf("key"), claims(changes)))
	}
	failing := func(reason authz.Reason) *authz.Env {
		err := authz.Deny(reason, "")
		return env(map[string]authz.KeySet{"keys": &keySet{KeySet: authztest.KeySet{Err: err}, err: err}})
	}
	said := func(reason authz.Reason) func(*testing.T) error {
		return token(introspection(nil), asking(&oracle{err: authz.Deny(reason, "")}, nil), "token")
	}
	authztest.AnswerTable(t, "../../../docs/checks/bearer.md", *update, []authztest.AnswerRow{
		{Failure: "header missing or empty, or of another scheme (`Basic ...`)", Verify: header("Basic YTpi")},
		{Failure: "header missing or empty, or of another scheme (`Basic ...`)", Verify: header()},
		{Failure: "no scheme or prefix, nothing behind it, more than one space", Verify: header("Bearer  " + good)},
		{Failure: "over 16 KiB, or characters that no token has", Verify: header("Bearer " + strings.Repeat("a", 16<<10+1))},
		{Failure: "over 16 KiB, or characters that no token has", Verify: header("Bearer a,b")},
		{Failure: "header twice", Verify: header("Bearer "+good, "Bearer "+good)},
		{Failure: "not a JWT with one signature", Verify: header("Bearer 2YotnFZFEjr1zCsicMWpAA")},
		{Failure: "algorithm not listed, or not that of the key; `none`", Verify: token(jwt(nil), one(), raw(`{"alg":"none"}`, claims(nil)))},
		{Failure: "`typ` of something else; a key brought along, `crit`, `zip`", Verify: token(jwt(nil), one(), raw(`{"alg":"EdDSA","typ":"logout+jwt"}`, claims(nil)))},
		{Failure: "no key of that `kid`", Verify: token(jwt(nil), one(), signAs(t, keyOf("key"), "k2", "", claims(nil)))},
		{Failure: "signed by somebody else, or changed", Verify: token(jwt(nil), one(), sign(t, keyOf("other"), claims(nil)))},
		{Failure: "no `exp`, no `sub` and no `client_id`, or one that is not printable ASCII", Verify: changed(map[string]any{"exp": nil})},
		{Failure: "no `exp`, no `sub` and no `client_id`, or one that is not printable ASCII", Verify: changed(map[string]any{"sub": "crä"})},
		{Failure: "has ended", Verify: changed(map[string]any{"exp": now - 61})},
		{Failure: "is not good yet", Verify: changed(map[string]any{"nbf": now + 61})},
		{Failure: "another issuer, audience or required claim", Verify: changed(map[string]any{"aud": "x"})},
		{Failure: "the authorization server, or our store, knows no such token", Verify: said(authz.ReasonTokenInvalid)},
		{Failure: "the authorization server, or our store, knows no such token", Verify: token(clients("acme"), issuing(grants{}), "token")},
		{Failure: "token of our own for another policy, client or scope", Verify: token(clients("bob"), issuing(nil), signAs(t, keyOf("key"), "k1", "at+jwt", ownClaims(nil)))},
		{Failure: "secret of a key missing, forbidden or not a key", Verify: token(jwt(nil), failing(authz.ReasonSecretMissing), good)},
		{Failure: "secret of a key missing, forbidden or not a key", Verify: token(jwt(nil), failing(authz.ReasonSecretForbidden), good)},
		{Failure: "secret of a key missing, forbidden or not a key", Verify: token(jwt(nil), failing(authz.ReasonSecretInvalid), good)},
		{Failure: "the authorization server refuses our client secret", Verify: said(authz.ReasonSecretInvalid)},
		{Failure: "secret of a key could not be read for too long; or not lately, and the token names another key", Verify: token(jwt(nil), failing(authz.ReasonSecretUnavailable), good)},
		{Failure: "the issuer's keys could not be fetched for too long", Verify: token(jwt(nil), failing(authz.ReasonKeySetUnavailable), good)},
		{Failure: "the authorization server gives no answer, or none that can be read", Verify: said(authz.ReasonIntrospectionUnavailable)},
		{Failure: "the store of tokens does not answer", Verify: token(clients("acme"), issuing(grants{}), "down")},
	})
}

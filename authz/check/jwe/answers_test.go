package jwe_test

import (
	"flag"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers in docs/checks/jwe.md")

// TestAnswers holds the page's table to what happens.
func TestAnswers(t *testing.T) {
	right := toRSA(t, "payload")
	token := func(s *policypb.Jwe, token string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := verify(t, s, with(set(rsaKey())), body(token))
			return err
		}
	}
	header := func(lines ...string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := verify(t, public(inHeader), with(set(rsaKey())), authztest.Request("POST", "/h", "", lines...))
			return err
		}
	}
	written := func(text string) func(*testing.T) error {
		return token(public(), replaced(right, 0, encode([]byte(text))))
	}
	beside := func(s *policypb.Jwe, r *authz.Request) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := verify(t, s, with(set(sharedKey("key", 32))), r)
			return err
		}
	}
	failing := func(reason authz.Reason) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := verify(t, public(), with(&keySet{err: authz.Deny(reason, "")}), body(right))
			return err
		}
	}
	undelivered := body(right)
	undelivered.Body = authz.Body{Size: -1}
	ours := toShared(t, "key", "payload")
	authztest.AnswerTable(t, "../../../docs/checks/jwe.md", *update, []authztest.AnswerRow{
		{Failure: "header missing or empty, or of another scheme; no such field or member; empty body", Verify: header()},
		{Failure: "header missing or empty, or of another scheme; no such field or member; empty body", Verify: token(public(inJSON), `{"id":1}`)},
		{Failure: "header missing or empty, or of another scheme; no such field or member; empty body", Verify: token(public(), "")},
		{Failure: "header twice", Verify: header("x-token", right, "x-token", right)},
		{Failure: "body is not JSON or no form, or the token stands twice in it", Verify: token(public(inJSON), `{"data":{"token":"a","token":"b"}}`)},
		{Failure: "not a token of five parts, or a part has a length that its algorithm does not have", Verify: token(public(), "a.b.c")},
		{Failure: "not a token of five parts, or a part has a length that its algorithm does not have", Verify: token(public(), right[:len(right)-4])},
		{Failure: "`epk` missing, or no point on its curve", Verify: written(`{"alg":"ECDH-ES","enc":"A256GCM"}`)},
		{Failure: "`alg` or `enc` not listed, or not that of the key; `RSA1_5`, `PBES2-...`, `none`", Verify: written(`{"alg":"RSA1_5","enc":"A256GCM"}`)},
		{Failure: "`alg` or `enc` not listed, or not that of the key; `RSA1_5`, `PBES2-...`, `none`", Verify: token(public(), encrypt(t, ecKey(), jwe.ECDHES, jwe.A256GCM, "k1", "x"))},
		{Failure: "`zip`, `crit`, `p2s`, `p2c`, or a key brought along", Verify: written(`{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}`)},
		{Failure: "no key of that `kid`", Verify: token(public(), encrypt(t, rsaKey(), jwe.RSAOAEP, jwe.A256GCM, "k2", "x"))},
		{Failure: "encrypted to another key, or changed", Verify: token(public(), flipped(t, right, 4))},
		{Failure: "encrypted to another key, or changed", Verify: token(public(), encrypt(t, newRSA(), jwe.RSAOAEP, jwe.A256GCM, "k1", "x"))},
		{Failure: "the body holds something else as well", Verify: beside(shared(inForm), body("token="+ours+"&a=b"))},
		{Failure: "token in a header, and a body that it says nothing of", Verify: beside(shared(inHeader), authztest.Request("POST", "/h", "body", "x-token", ours))},
		{Failure: "what is inside is no signed token, or one that fails: see [jws](jws.md)", Verify: token(inner(), right)},
		{Failure: "what is inside is no signed token, or one that fails: see [jws](jws.md)", Verify: token(inner(), toRSA(t, sign(t, other(), "x")))},
		{Failure: "the body was not forwarded", Verify: beside(shared(), undelivered)},
		{Failure: "secret of a key missing, forbidden or not a key", Verify: failing(authz.ReasonSecretMissing)},
		{Failure: "secret of a key missing, forbidden or not a key", Verify: failing(authz.ReasonSecretForbidden)},
		{Failure: "secret of a key missing, forbidden or not a key", Verify: failing(authz.ReasonSecretInvalid)},
		{Failure: "secret of a key could not be read for too long; or not lately, and no other key opens the token", Verify: failing(authz.ReasonSecretUnavailable)},
	})
}

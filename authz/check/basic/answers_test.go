package basic_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/basic"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers into the page of this kind")

func TestAnswers(t *testing.T) {
	header := func(value string) *authz.Request { return authztest.Request("POST", "/h", "", "authorization", value) }
	fails := func(s *policypb.Basic, secret authz.Secrets, r *authz.Request) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := newCheck(t, s, map[string]authz.Secrets{"one": secret}).Verify(t.Context(), r)
			return err
		}
	}
	good, right := authztest.Values(password), header("Basic "+encode("ali:"+password))
	sent := func(value string) func(*testing.T) error { return fails(users(), good, header(value)) }
	pair := func(pair string) func(*testing.T) error { return sent("Basic " + encode(pair)) }
	stored := func(s *policypb.Basic, value string) func(*testing.T) error {
		return fails(s, authztest.Values(value), right)
	}
	refused := func(reason authz.Reason) func(*testing.T) error {
		return fails(users(), authztest.Failing(authz.Deny(reason, "")), right)
	}
	twice := header("Basic " + encode("ali:"+password))
	authztest.AddHeader(twice, "authorization", "Basic "+encode("ali:"+password))

	const (
		absent   = "header missing or empty, or of another scheme (`Bearer ...`)"
		shape    = "no scheme, nothing behind it, more than one space"
		content  = "no base64 with its padding, no colon, empty user or password, a control character, over 8 KiB"
		wrong    = "user and password are none of ours"
		unusable = "no such secret, no right to read it, not `user:password`, empty, padded with blanks, no 64 hex digits"
		noHash   = "no bcrypt hash, or its cost is under 10 or over 14"
	)
	authztest.AnswerTable(t, "../../../docs/checks/basic.md", *update, []authztest.AnswerRow{
		{Failure: absent, Verify: fails(users(), good, authztest.Request("POST", "/h", ""))},
		{Failure: absent, Verify: sent("")},
		{Failure: absent, Verify: sent("Bearer abc")},
		{Failure: shape, Verify: sent("=" + encode("ali:"+password))},
		{Failure: shape, Verify: sent("Basic")},
		{Failure: shape, Verify: sent("Basic  " + encode("ali:"+password))},
		{Failure: content, Verify: sent("Basic " + strings.TrimRight(encode("ali:"+password), "="))},
		{Failure: content, Verify: pair("ali")},
		{Failure: content, Verify: pair("ali:")},
		{Failure: content, Verify: pair("ali:a\x07")},
		{Failure: content, Verify: pair("ali:" + strings.Repeat("x", 8<<10))},
		{Failure: "header twice", Verify: fails(users(), good, twice)},
		{Failure: wrong, Verify: pair("ali:wrong")},
		{Failure: wrong, Verify: pair("eve:" + password)},
		{Failure: wrong, Verify: fails(hashes(users()), authztest.Values(hashAt("p", 10)), header("Basic "+encode("ali:"+strings.Repeat("p", 73))))},
		{Failure: "with bcrypt: this address fails too often", Verify: limited},
		{Failure: unusable, Verify: refused(authz.ReasonSecretMissing)},
		{Failure: unusable, Verify: refused(authz.ReasonSecretForbidden)},
		{Failure: unusable, Verify: stored(pairs(), "ali")},
		{Failure: unusable, Verify: stored(users(), " "+password)},
		{Failure: unusable, Verify: stored(digests(users()), password)},
		{Failure: noHash, Verify: stored(hashes(users()), password)},
		{Failure: noHash, Verify: stored(hashes(users()), strings.Replace(hashOf(password), "$04$", "$15$", 1))},
		{Failure: noHash, Verify: stored(hashes(users()), hashOf(password))},
		{Failure: "the secret could not be read for too long", Verify: refused(authz.ReasonSecretUnavailable)},
		{Failure: "with bcrypt: too many passwords wait to be hashed", Verify: overloaded},
	})
}

// limited guesses until nobody listens any more.
func limited(t *testing.T) error {
	t.Helper()
	check, _ := newMetered(t, hashes(users()), one(hashOf(password)))
	var err error
	for range basic.UserBurst + 1 {
		_, err = check.Verify(t.Context(), from("192.0.2.1", 0, "ali:wrong"))
	}
	return err
}

// overloaded asks while a hash is made, and again while that one is, until every
// place is taken.
func overloaded(t *testing.T) error {
	t.Helper()
	check, m := newMetered(t, hashes(users()), one(hashOf(password)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it does not wait for a place
	var full error
	n := 0
	m.during = func() {
		n++
		_, err := check.Verify(ctx, from(fmt.Sprintf("192.0.2.%d", n%250), 0, fmt.Sprintf("user%d:wrong", n)))
		if full == nil {
			full = err
		}
	}
	m.during()
	return full
}

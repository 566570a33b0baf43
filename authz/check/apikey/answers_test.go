package apikey_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers into the page of this kind")

func TestAnswers(t *testing.T) {
	header := func(name, value string) *authz.Request { return authztest.Request("POST", "/h", "", name, value) }
	query := func(query string) *authz.Request { return authztest.Request("POST", "/h?"+query, "") }
	fails := func(change func(*policypb.ApiKey), secret authz.Secrets, r *authz.Request) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := newCheck(t, settings(change), map[string]authz.Secrets{"one": secret}).Verify(t.Context(), r)
			return err
		}
	}
	prefixed := func(s *policypb.ApiKey) { s.Prefix = "Token " }
	schemed := func(s *policypb.ApiKey) { s.Header, s.Prefix = "Authorization", "Token " }
	inQuery := func(s *policypb.ApiKey) { s.Header, s.Query = "", "key" }
	digested := func(s *policypb.ApiKey) { s.Stored = "sha256" }
	good := authztest.Values(key)
	twice := header("x-api-key", key)
	authztest.AddHeader(twice, "x-api-key", key)
	stored := func(s authz.Secrets) func(*testing.T) error { return fails(nil, s, header("x-api-key", key)) }
	refused := func(reason authz.Reason) func(*testing.T) error {
		return stored(authztest.Failing(authz.Deny(reason, "")))
	}

	const (
		absent   = "header or parameter missing or empty"
		prefix   = "prefix missing, nothing behind it, value over 8 KiB"
		spelling = "query parameter twice, its name percent-encoded, or a bad percent sign"
		unusable = "no such secret, no right to read it, key too short, no 64 hex digits"
	)
	authztest.AnswerTable(t, "../../../docs/checks/api_key.md", *update, []authztest.AnswerRow{
		{Failure: absent, Verify: fails(nil, good, header("x-other", "x"))},
		{Failure: absent, Verify: fails(nil, good, header("x-api-key", ""))},
		{Failure: absent, Verify: fails(inQuery, good, query("other=x"))},
		{Failure: "`Authorization` of another scheme than the prefix's", Verify: fails(schemed, good, header("authorization", "Basic YTpi"))},
		{Failure: prefix, Verify: fails(prefixed, good, header("x-api-key", key))},
		{Failure: prefix, Verify: fails(prefixed, good, header("x-api-key", "Token "))},
		{Failure: prefix, Verify: fails(nil, good, header("x-api-key", strings.Repeat("k", 8<<10+1)))},
		{Failure: spelling, Verify: fails(inQuery, good, query("key="+key+"&key="+key))},
		{Failure: spelling, Verify: fails(inQuery, good, query("%6bey="+key))},
		{Failure: spelling, Verify: fails(inQuery, good, query("key=%zz"))},
		{Failure: "header twice", Verify: fails(nil, good, twice)},
		{Failure: "a key that is none of ours", Verify: fails(nil, good, header("x-api-key", other))},
		{Failure: unusable, Verify: refused(authz.ReasonSecretMissing)},
		{Failure: unusable, Verify: refused(authz.ReasonSecretForbidden)},
		{Failure: unusable, Verify: stored(authztest.Values("short"))},
		{Failure: unusable, Verify: fails(digested, good, header("x-api-key", key))},
		{Failure: "the secret could not be read for too long", Verify: refused(authz.ReasonSecretUnavailable)},
	})
}

package mac_test

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
	rows := append(credentialAnswers(t), bodyAnswers(t)...)
	authztest.AnswerTable(t, "../../../docs/checks/mac.md", *update, append(rows, secretAnswers(t)...))
}

// failing returns the failure of r under m, with a good key.
func failing(m *policypb.Mac, r *authz.Request) func(*testing.T) error {
	return keyed(m, live(secret), r)
}

func keyed(m *policypb.Mac, key *store, r *authz.Request) func(*testing.T) error {
	return func(t *testing.T) error {
		t.Helper()
		_, err := build(t, m, map[string]*store{"key": key}).Check.Verify(t.Context(), r)
		return err
	}
}

func credentialAnswers(t *testing.T) []authztest.AnswerRow {
	t.Helper()
	const (
		absent  = "header or parameter missing or empty, or an `Authorization` header of another scheme"
		shape   = "wrong prefix, grammar, encoding, length or spelling of the time; too many codes; a query parameter twice; a template's value that can't be read"
		window  = "signed too long ago, or in the future"
		between = "a value holds the text that should end it"
	)
	good, seconds := code(t, "body"), code(t, "seconds")
	signed := func(value string) *authz.Request { return post(body, "x-signature", value) }
	schemed := settings(func(m *policypb.Mac) { m.Credential = &policypb.Credential{Header: "Authorization", Prefix: "HMAC "} })
	list := settings(func(m *policypb.Mac) { m.Credential.List = &policypb.ListGrammar{} })
	query := settings(func(m *policypb.Mac) { m.Credential = &policypb.Credential{Query: "sig"} })
	parted := settings(func(m *policypb.Mac) { m.Message = "{header:X-Id}.{body}" })
	asserted := settings(func(m *policypb.Mac) {
		m.Assert = []*policypb.Assertion{{Value: "{header:X-Event}", OneOf: []string{"ping"}}}
	})
	return []authztest.AnswerRow{
		{Failure: absent, Verify: failing(settings(), post(body))},
		{Failure: absent, Verify: failing(settings(), signed(""))},
		{Failure: absent, Verify: failing(query, post(body))},
		{Failure: absent, Verify: failing(schemed, post(body, "authorization", "Basic YTpi"))},
		{Failure: "a value that the message needs is missing", Verify: failing(timed("seconds"), signed(seconds))},
		{Failure: shape, Verify: failing(schemed, post(body, "authorization", "HMAC"))},
		{Failure: shape, Verify: failing(stripe(), signed("t=1614265330"))},
		{Failure: shape, Verify: failing(settings(), signed("zz"))},
		{Failure: shape, Verify: failing(settings(), signed(good[:62]))},
		{Failure: shape, Verify: failing(timed("seconds"), post(body, "x-signature", seconds, "x-timestamp", "soon"))},
		{Failure: shape, Verify: failing(list, signed(strings.Repeat(good+",", 16)+good))},
		{Failure: shape, Verify: failing(query, path("/h?sig="+good+"&sig="+good, post(body)))},
		{Failure: "a header that may stand once stands twice", Verify: failing(settings(), post(body, "x-signature", good, "x-signature", good))},
		{Failure: between, Verify: failing(parted, post(body, "x-signature", good, "x-id", "a.b"))},
		{Failure: "no key matches", Verify: failing(settings(), signed(strings.Repeat("0", 64)))},
		{Failure: "an assertion does not hold", Verify: failing(asserted, post(body, "x-signature", good, "x-event", "pong"))},
		{Failure: window, Verify: failing(timed("seconds"), at(unix+301, post(body, "x-signature", seconds, "x-timestamp", "1614265330")))},
		{Failure: window, Verify: failing(timed("seconds"), at(unix-301, post(body, "x-signature", seconds, "x-timestamp", "1614265330")))},
	}
}

func bodyAnswers(t *testing.T) []authztest.AnswerRow {
	t.Helper()
	const (
		large   = "body over the limit, or cut"
		length  = "`Content-Length` repeated or no number"
		forward = "the gateway did not send the body, or not as bytes, or not provably whole"
	)
	good := code(t, "body")
	signed := func(edit func(*authz.Request)) *authz.Request { return withBody(post(body, "x-signature", good), edit) }
	pathOnly := settings(func(m *policypb.Mac) { m.Message, m.PublicUrl = "{path}", "https://hooks.example.com" })
	return []authztest.AnswerRow{
		{Failure: "there is a body, and the message does not cover it", Verify: failing(pathOnly, post(body, "x-signature", code(t, "path")))},
		{Failure: "there is no body, and `body.empty` is not `allow`", Verify: failing(settings(), post("", "x-signature", code(t, "empty")))},
		{Failure: large, Verify: sized(signed(func(r *authz.Request) { r.Rules.MaxBody = 1 }))},
		{Failure: large, Verify: failing(settings(), signed(func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut }))},
		{Failure: length, Verify: failing(settings(), signed(func(r *authz.Request) { authztest.AddHeader(r, "content-length", "8") }))},
		{Failure: length, Verify: failing(settings(), signed(func(r *authz.Request) { r.Header.Fields[0].Value = "eight" }))},
		{Failure: forward, Verify: failing(settings(), signed(func(r *authz.Request) { r.Body = authz.Body{Size: -1} }))},
		{Failure: forward, Verify: failing(settings(), signed(func(r *authz.Request) { r.Body.Raw, r.Body.Text = nil, body }))},
		{Failure: forward, Verify: failing(settings(), signed(func(r *authz.Request) { r.Header.Fields = r.Header.Fields[1:] }))},
	}
}

// sized returns what a policy says of the size before it asks a mac check.
func sized(r *authz.Request) func(*testing.T) error {
	return func(*testing.T) error { return r.CheckSize() }
}

func secretAnswers(t *testing.T) []authztest.AnswerRow {
	t.Helper()
	const unusable = "no such secret, no right to read it, too short, not usable"
	signed := post(body, "x-signature", code(t, "body"))
	refused := func(reason authz.Reason) func(*testing.T) error {
		return keyed(settings(), &store{err: authz.Deny(reason, "")}, signed)
	}
	return []authztest.AnswerRow{
		{Failure: unusable, Verify: refused(authz.ReasonSecretMissing)},
		{Failure: unusable, Verify: refused(authz.ReasonSecretForbidden)},
		{Failure: unusable, Verify: keyed(settings(), live("short"), signed)},
		{Failure: unusable, Verify: keyed(settings(), live(secret+"\n"), signed)},
		{Failure: "the secret could not be read for too long", Verify: refused(authz.ReasonSecretUnavailable)},
	}
}

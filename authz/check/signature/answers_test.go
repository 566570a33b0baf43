package signature_test

import (
	"flag"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers into the page of this kind")

func TestAnswers(t *testing.T) {
	rows := append(credentialAnswers(t), keyAnswers(t)...)
	authztest.AnswerTable(t, "../../../docs/checks/signature.md", *update, append(rows, bodyAnswers(t)...))
}

// failing returns the failure of r under s, with the sets of e.
func failing(s *policypb.Signature, e *authz.Env, r *authz.Request) func(*testing.T) error {
	return func(t *testing.T) error {
		t.Helper()
		_, err := build(t, s, e).Check.Verify(t.Context(), r)
		return err
	}
}

func credentialAnswers(t *testing.T) []authztest.AnswerRow {
	t.Helper()
	const (
		absent  = "header or parameter missing or empty, or an `Authorization` header of another scheme"
		part    = "a value that the message needs is missing, or the key's id or address"
		shape   = "wrong prefix, grammar, encoding, length or spelling of the time; too many signatures; a query parameter twice; a template's value that can't be read"
		window  = "signed too long ago, or in the future"
		between = "a value holds the text that should end it"
	)
	e := keys(recordedSet(t, "ed25519"))
	good, timed := b64Of(t, "ed25519"), b64Of(t, "telnyx")
	signed := func(value string, headers ...string) *authz.Request {
		return post(body, append([]string{"x-signature", value}, headers...)...)
	}
	schemed := settings(func(s *policypb.Signature) {
		s.Credential = &policypb.Credential{Header: "Authorization", Prefix: "Ed25519 "}
	})
	parted := settings(func(s *policypb.Signature) { s.Message = "{header:X-Id}.{body}" })
	asserted := settings(func(s *policypb.Signature) {
		s.Assert = []*policypb.Assertion{{Value: "{header:X-Event}", OneOf: []string{"ping"}}}
	})
	return []authztest.AnswerRow{
		{Failure: absent, Verify: failing(settings(), e, post(body))},
		{Failure: absent, Verify: failing(settings(), e, signed(""))},
		{Failure: absent, Verify: failing(schemed, e, post(body, "authorization", "Basic YTpi"))},
		{Failure: part, Verify: failing(telnyx(), e, signed(timed))},
		{Failure: part, Verify: failing(settings(identified), e, signed(good))},
		{Failure: part, Verify: failing(settings(), addressed(&address{err: authz.Deny(authz.ReasonPartMissing, "")}, nil), signed(good))},
		{Failure: shape, Verify: failing(schemed, e, post(body, "authorization", "Ed25519"))},
		{Failure: shape, Verify: failing(settings(), e, signed("zz"))},
		{Failure: shape, Verify: failing(telnyx(), e, signed(timed, "x-timestamp", "soon"))},
		{Failure: "a header that may stand once stands twice", Verify: failing(settings(), e, signed(good, "x-signature", good))},
		{Failure: between, Verify: failing(parted, e, signed(good, "x-id", "a.b"))},
		{Failure: "no key matches, or the key is not at hand and the time is too old to fetch it", Verify: failing(settings(), e, post(body+" ", "x-signature", good))},
		{
			Failure: "no key matches, or the key is not at hand and the time is too old to fetch it",
			Verify:  failing(telnyx(), addressed(&address{}, nil), later(time.Hour, signed(timed, "x-timestamp", "1614265330"))),
		},
		{Failure: "an assertion does not hold", Verify: failing(asserted, e, signed(good, "x-event", "pong"))},
		{Failure: window, Verify: failing(telnyx(), e, later(301*time.Second, signed(timed, "x-timestamp", "1614265330")))},
		{Failure: window, Verify: failing(telnyx(), e, later(-301*time.Second, signed(timed, "x-timestamp", "1614265330")))},
	}
}

func keyAnswers(t *testing.T) []authztest.AnswerRow {
	t.Helper()
	const (
		unknown  = "no key has the id, or the address is none of the sender's"
		unusable = "no such secret, no right to read it, not usable, of another type"
		away     = "keys could not be read or fetched"
	)
	signed := post(body, "x-signature", b64Of(t, "ed25519"), "x-key-id", "a")
	of := func(key string) *authz.Env { return keys(set(authz.PublicKey{ID: "a", Key: public(t, key)})) }
	refused := func(reason authz.Reason) func(*testing.T) error {
		return failing(settings(), keys(unavailable(reason)), signed)
	}
	return []authztest.AnswerRow{
		{Failure: unknown, Verify: failing(settings(identified), keys(recordedSet(t, "ed25519")), signed)},
		{Failure: unknown, Verify: failing(settings(), addressed(&address{err: authz.Deny(authz.ReasonKidUnknown, "")}, nil), signed)},
		{Failure: "the key that is named is for another algorithm", Verify: failing(settings(identified), of("rsa"), signed)},
		{Failure: unusable, Verify: refused(authz.ReasonSecretMissing)},
		{Failure: unusable, Verify: refused(authz.ReasonSecretForbidden)},
		{Failure: unusable, Verify: failing(settings(), keys(set(authz.PublicKey{Key: public(t, "rsa"), Secret: "pem"})), signed)},
		{Failure: away, Verify: refused(authz.ReasonSecretUnavailable)},
		{Failure: away, Verify: refused(authz.ReasonKeySetUnavailable)},
		{Failure: away, Verify: failing(settings(), addressed(&address{}, nil), signed)},
	}
}

func bodyAnswers(t *testing.T) []authztest.AnswerRow {
	t.Helper()
	const (
		large   = "body over the limit, or cut"
		forward = "the gateway did not send the body, or not as bytes, or not provably whole"
	)
	e := keys(recordedSet(t, "ed25519"))
	signed := func(edit func(*authz.Request)) *authz.Request {
		r := post(body, "x-signature", b64Of(t, "ed25519"))
		edit(r)
		return r
	}
	idOnly := settings(func(s *policypb.Signature) { s.Message = "{header:X-Signature}" })
	large1 := signed(func(r *authz.Request) { r.Rules.MaxBody = 1 })
	return []authztest.AnswerRow{
		{Failure: "there is a body, and the message does not cover it", Verify: failing(idOnly, e, signed(func(*authz.Request) {}))},
		{Failure: "there is no body, and `body.empty` is not `allow`", Verify: failing(settings(), e, post("", "x-signature", b64Of(t, "ed25519 empty")))},
		// A policy looks at the size before it asks a check.
		{Failure: large, Verify: func(*testing.T) error { return large1.CheckSize() }},
		{Failure: large, Verify: failing(settings(), e, signed(func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut }))},
		{Failure: "`Content-Length` repeated or no number", Verify: failing(settings(), e, signed(func(r *authz.Request) { authztest.AddHeader(r, "content-length", "8") }))},
		{Failure: forward, Verify: failing(settings(), e, signed(func(r *authz.Request) { r.Body = authz.Body{Size: -1} }))},
		{Failure: forward, Verify: failing(settings(), e, signed(func(r *authz.Request) { r.Body.Raw, r.Body.Text = nil, body }))},
		{Failure: forward, Verify: failing(settings(), e, signed(func(r *authz.Request) { r.Header.Fields = r.Header.Fields[1:] }))},
	}
}

package httpsig_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers into the page of this kind")

func TestAnswers(t *testing.T) {
	rows := append(credentialAnswers(), proofAnswers()...)
	rows = append(rows, bodyAnswers()...)
	authztest.AnswerTable(t, "../../../docs/checks/http_signature.md", *update, append(rows, keyAnswers(t)...))
}

// failing returns the failure of r under s.
func failing(s *policypb.HttpSignature, r *authz.Request) func(*testing.T) error {
	return func(t *testing.T) error {
		t.Helper()
		_, err := verify(t, s, r)
		return err
	}
}

func credentialAnswers() []authztest.AnswerRow {
	const (
		absent  = "`Signature-Input` missing or empty; with `cavage`: its header missing, or `Authorization` of another scheme"
		shape   = "headers that can't be read, a label, component or parameter twice, or none or several signatures that the policy may mean"
		cover   = "a required component is not covered"
		compute = "a covered component is unknown, or can't be computed: a parameter that requests don't have, our address without `public_url`, a query parameter twice, a value that the gateway may have altered"
		said    = "a covered header, or `created`, or the required `nonce`, is missing"
	)
	const base = `("@method" "@path" "content-digest")`
	const rest = ";created=" + created + `;keyid="k1"`
	with := func(component string) *authz.Request {
		return signed(`("@method" "@path" "content-digest" `+component+")"+rest, plain()...)
	}
	return []authztest.AnswerRow{
		{Failure: absent, Verify: failing(settings(), post())},
		{Failure: absent, Verify: failing(draft(), post())},
		{Failure: absent, Verify: failing(draft(inAuthorization), post("authorization", "Basic YTpi"))},
		{Failure: shape, Verify: failing(settings(), replaced(right(), "signature-input", "x"))},
		{Failure: shape, Verify: failing(settings(), replaced(right(), "signature-input", "sig1="+input+", sig1="+input))},
		{Failure: shape, Verify: failing(settings(), replaced(right(), "signature-input", "sig1="+input+", sig2="+input))},
		{Failure: shape, Verify: failing(draft(), replaced(oldRight(), "signature", "x"))},
		{Failure: "`Signature`, `Signature-Input`, `Content-Digest`, or another header that may stand once, stands twice", Verify: failing(settings(), change(right(), func(r *authz.Request) {
			authztest.AddHeader(r, "signature", "sig2=:AA==:")
		}))},
		{Failure: cover, Verify: failing(settings(), signed(`("@method" "content-digest")`+rest, plain()[0], plain()[2]))},
		{Failure: compute, Verify: failing(settings(), with(`"@status"`))},
		{Failure: compute, Verify: failing(settings(), with(`"content-type";req`))},
		{Failure: compute, Verify: failing(settings(), with(`"@authority"`))},
		{Failure: compute, Verify: failing(settings(), change(with(`"@query-param";name="a"`), func(r *authz.Request) { r.Path = "/h?a=1&a=2" }))},
		{Failure: said, Verify: failing(settings(), with(`"x-gone"`))},
		{Failure: said, Verify: failing(settings(), signed(base+`;keyid="k1"`, plain()...))},
		{Failure: said, Verify: failing(settings(func(s *policypb.HttpSignature) { s.Nonce = "required" }), right())},
	}
}

func proofAnswers() []authztest.AnswerRow {
	const base = `("@method" "@path" "content-digest");created=` + created
	const window = "made too long ago, or in the future, or `expires` has passed"
	return []authztest.AnswerRow{
		{Failure: "`alg` not listed, or not that of the key", Verify: failing(settings(), signed(input+`;alg="none"`, plain()...))},
		{Failure: "`alg` not listed, or not that of the key", Verify: failing(settings(), signed(input+`;alg="rsa-pss-sha512"`, plain()...))},
		{Failure: "no `keyid`, or no key of that id", Verify: failing(settings(), signed(base, plain()...))},
		{Failure: "no `keyid`, or no key of that id", Verify: failing(settings(), signed(base+`;keyid="k2"`, plain()...))},
		{Failure: "signed by somebody else, or a covered part was changed", Verify: failing(settings(), change(right(), func(r *authz.Request) { r.Method = "PUT" }))},
		{Failure: "the body is another than its digest says", Verify: failing(settings(), change(right(), func(r *authz.Request) { r.Body.Raw[0] ^= 1 }))},
		{Failure: window, Verify: failing(settings(), later(right(), time.Hour))},
		{Failure: window, Verify: failing(settings(), later(right(), -time.Hour))},
		{Failure: window, Verify: failing(settings(), signed(input+";expires="+created, plain()...))},
	}
}

func bodyAnswers() []authztest.AnswerRow {
	const (
		length  = "`Content-Length` repeated or no number"
		forward = "the gateway did not send the body, or not as bytes, or not provably whole"
	)
	broken := func(edit func(*authz.Request)) func(*testing.T) error {
		return failing(settings(), change(right(), edit))
	}
	return []authztest.AnswerRow{
		{Failure: "no digest that we know, or not written as it should be", Verify: failing(settings(), replaced(right(), "content-digest", "md5=:AAAA:"))},
		{Failure: "there is a body, and its digest is not covered", Verify: failing(settings(components("@method")),
			signed(`("@method");created=`+created+`;keyid="k1"`, plain()[0]))},
		{Failure: "there is no body, and `body.empty` is not `allow`", Verify: broken(func(r *authz.Request) {
			r.Body = authz.Body{}
			replaced(r, "content-length", "0")
		})},
		{Failure: "body over the limit, or cut", Verify: func(*testing.T) error { // by the policy, before any check is asked
			return change(right(), func(r *authz.Request) { r.Rules.MaxBody = 1 }).CheckSize()
		}},
		{Failure: "body over the limit, or cut", Verify: broken(func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut })},
		{Failure: length, Verify: broken(func(r *authz.Request) { authztest.AddHeader(r, "content-length", "8") })},
		{Failure: forward, Verify: broken(func(r *authz.Request) { r.Body = authz.Body{Size: -1} })},
		{Failure: forward, Verify: broken(func(r *authz.Request) { r.Body.Raw, r.Body.Text = nil, body })},
		{Failure: forward, Verify: broken(func(r *authz.Request) { *r = *without(r, "content-length") })},
	}
}

func keyAnswers(t *testing.T) []authztest.AnswerRow {
	t.Helper()
	const unusable = "no such secret, no right to read it, too short, not usable"
	const in = `("@method" "@path" "content-digest");created=` + created
	r := present(post(), in, signature(t, secret(sharedKey), "hmac-sha256", baseOf(in, plain()...)))
	held := func(s authz.Secrets) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			part := newPart(t, settings(shared), func(e *authz.Env) { e.Secret = authztest.Env(map[string]authz.Secrets{"acme": s}).Secret })
			_, err := part.Check.Verify(t.Context(), r)
			return err
		}
	}
	return []authztest.AnswerRow{
		{Failure: unusable, Verify: held(authztest.Failing(authz.Deny(authz.ReasonSecretMissing, "")))},
		{Failure: unusable, Verify: held(authztest.Failing(authz.Deny(authz.ReasonSecretForbidden, "")))},
		{Failure: unusable, Verify: held(authztest.Values("short"))},
		{Failure: unusable, Verify: held(authztest.Values(strings.Repeat("7", 32)))},
		{Failure: "the secret could not be read for too long", Verify: held(authztest.Failing(authz.Deny(authz.ReasonSecretUnavailable, "")))},
		{Failure: "the sender's keys could not be fetched for too long", Verify: func(t *testing.T) error {
			t.Helper()
			keys := &authztest.KeySet{Err: authz.Deny(authz.ReasonKeySetUnavailable, "")}
			part := newPart(t, settings(), func(e *authz.Env) { e.Keys = environment(map[string]authz.KeySet{"keys": keys}, nil).Keys })
			_, err := part.Check.Verify(t.Context(), right())
			return err
		}},
	}
}

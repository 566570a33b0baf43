package jwe

import (
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	configured "github.com/hookauthz/hookauthz/authz/scheme/settings"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A bodyRule is what the check demands and tells of the body besides the token.
type bodyRule uint8

const (
	// bodyIgnored: the check proves nothing of the sender, or the policy accepts
	// a body that nobody signed.
	bodyIgnored bodyRule = iota
	// bodyToken: the body must hold the token and nothing else.
	bodyToken
	// bodyReplaced: what was decrypted takes the body's place, so what stands
	// beside the token arrives nowhere.
	bodyReplaced
	// bodyInner: the token is in a header, and what is inside binds the body.
	bodyInner
	// bodyRead: the token is in a header, and what is inside is compared with
	// something in the body that nobody signed.
	bodyRead
	// bodyAbsent: the token is in a header, and nothing binds the body.
	bodyAbsent
)

const accepted = "accepted"

func bodyRuleOf(c *Check, settings *policypb.Jwe, inner *authz.Part) bodyRule {
	switch {
	case !c.shared && c.inner == nil:
		return bodyIgnored
	case c.payload && (c.inner == nil || inner.Payload):
		return bodyReplaced
	case !c.place.InBody() && c.inner != nil && inner.BindsBody:
		return bodyInner
	case settings.GetInner().GetJws().GetUnsignedBody() == accepted:
		if !c.place.InBody() && readsBody(settings.GetInner().GetJws()) {
			return bodyRead
		}
		return bodyIgnored
	case c.place.InBody():
		return bodyToken
	}
	return bodyAbsent
}

// readsBody reports whether an assertion needs the body. Mistakes in one are told
// by the inner check.
func readsBody(jws *policypb.Jws) bool {
	assertions, problems := scheme.NewAssertions(configured.Assertions(jws.GetAssert()), template.Options{
		PublicURL: jws.GetPublicUrl(), AcceptWeak: true, Claims: true,
	})
	return len(problems) == 0 && assertions.NeedsBody()
}

// check returns nil if r's body is as the rule demands. alone says that the token
// is all of it. What the inner check needs of the body is asked for before any key
// is used: else a body that was cut would tell whether the token decrypts.
func (b bodyRule) check(r *authz.Request, alone bool) error {
	switch b {
	case bodyToken:
		if !alone {
			return authz.Deny(authz.ReasonBodyUnsigned, "the body holds something besides the token")
		}
	case bodyAbsent:
		return r.NoBody() //nolint:wrapcheck // a denial
	case bodyInner, bodyRead:
		_, err := r.WholeBody()
		return err //nolint:wrapcheck // a denial
	case bodyIgnored, bodyReplaced:
	}
	return nil
}

// signed reports whether the check vouches for the whole body; inner is what the
// check of the signed token says.
func (b bodyRule) signed(inner bool) bool {
	switch b {
	case bodyToken, bodyReplaced, bodyAbsent:
		return true
	case bodyInner:
		return inner
	case bodyIgnored, bodyRead:
	}
	return false
}

package jws

import (
	"slices"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const name = "jws"

// The codes of problems that [Kind] returns besides those of the packages that it
// uses.
const (
	Code = name
	// CodeUnsignedBody marks a warning: without a claim that binds the body, only
	// requests that are proven to have none will pass.
	CodeUnsignedBody = "unsigned_body"
)

// challenge is of no registered scheme: none fits, and RFC 9110, section 15.5.2,
// wants one with every 401.
const challenge = `Signature realm="webhook"`

// Kind returns what authz/builtin lists for this package. Settings that name no
// place for the token are for a token that another check finds: theirs implements
// [authz.TokenCheck], and finds none by itself.
func Kind() authz.Kind { return authz.NewKind(name, name, build) }

func build(settings *policypb.Jws, env *authz.Env) (authz.Part, []authz.Problem) {
	b := builder{settings: settings, env: env}
	check := b.check()
	if slices.ContainsFunc(b.problems, func(p authz.Problem) bool { return !p.Warning }) {
		return authz.Part{}, b.problems
	}
	part := authz.Part{
		Check:         check,
		Name:          settings.GetName(),
		Authenticates: true,
		// Of a token that is handed over it says that a claim binds the body.
		BindsBody: check.body != bodyIgnored && (check.place != nil || check.assertions.BindBodyByClaim()),
		Signs:     true,
		Payload:   check.payload,
		Challenge: challenge,
		Captures:  check.captures(),
		Unfit:     check.signer.unfit,
	}
	if check.clock != nil {
		part.Window = check.clock.window.Past + check.clock.window.Future
	}
	if check.place != nil {
		part.Credentials = check.place.Locations()
		// Who reads a token that is good for any body can send another one.
		part.SharedSecret = check.body == bodyIgnored || check.body == bodyRead
	}
	return part, b.problems
}

// captures are the route captures that any template reads, sorted.
func (c *Check) captures() []string {
	names := slices.Clone(c.assertions.Captures())
	slices.Sort(names)
	return slices.Compact(names)
}

// A builder collects the problems of one message.
type builder struct {
	settings *policypb.Jws
	env      *authz.Env
	problems []authz.Problem
}

func (b *builder) report(path string, problems []authz.Problem) {
	b.problems = append(b.problems, scheme.Below(path, problems)...)
}

func (b *builder) mistake(path, message string) {
	b.problems = append(b.problems, authz.Problem{Path: path, Message: message, Code: Code})
}

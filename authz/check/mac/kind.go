package mac

import (
	"slices"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const name = "mac"

const accepted = "accepted"

// The codes of problems that [Kind] returns besides those of the packages that
// it uses. An entry of the catalogue is built to see whether it is sound: there
// a problem with [CodeSecretsRequired] or [scheme.CodeWideWindow] does not count,
// and the environment may be nil.
const (
	CodeSecretsRequired   = "secrets_required"
	CodeWeakAlgorithm     = "weak_algorithm"
	CodeUnsignedTimestamp = "unsigned_timestamp"
	// CodeUnsignedBody marks a warning: without a way to cover the body, only
	// requests that are proven to have none will pass.
	CodeUnsignedBody = "unsigned_body"
)

// challenge is of no registered scheme: none fits, and RFC 9110, section 15.5.2,
// wants one with every 401.
const challenge = `Signature realm="webhook"`

// Kind returns what authz/builtin lists for this package. A check that it builds
// verifies an HMAC over chosen parts of a request.
func Kind() authz.Kind { return authz.NewKind(name, name, build) }

func build(m *policypb.Mac, env *authz.Env) (authz.Part, []authz.Problem) {
	b := builder{settings: m}
	algorithm := b.algorithm()
	encoding, mistakes := scheme.ParseEncoding(m.GetEncoding())
	b.report("encoding", mistakes)
	credential, mistakes := scheme.NewReader(readCredential(m.GetCredential()))
	b.report("credential", mistakes)

	o := b.options(credential)
	clock := b.clock(o)
	message, mistakes := template.Compile(m.GetMessage(), o)
	b.report("message", mistakes)
	assertions, mistakes := scheme.NewAssertions(readAssertions(m.GetAssert()), o)
	b.report("assert", mistakes)
	b.timeIsSigned(clock, message)
	derivation := b.derivation()
	refs := b.references(env)
	if b.mistaken() {
		return authz.Part{}, b.problems
	}

	check := &Check{
		credential: credential,
		encoding:   encoding,
		algorithm:  algorithm,
		message:    message,
		clock:      clock,
		assertions: assertions,
		body:       b.bodyRule(clock, message, assertions),
		keys: scheme.NewKeyring(refs, func(ref authz.Reference, secret authz.Secret) (*key, error) {
			bytes, err := derivation.Derive(ref, secret)
			if err != nil {
				return nil, err
			}
			return newKey(algorithm, bytes), nil
		}),
		work: sync.Pool{New: func() any { return new(work) }},
	}
	return authz.Part{
		Check:         check,
		Name:          m.GetName(),
		Authenticates: true,
		BindsBody:     check.body != bodyIgnored,
		Credentials:   credential.Locations(),
		Challenge:     challenge,
		Captures:      check.captures(),
		Unfit:         check.keys.Unfit,
	}, b.problems
}

// captures are the route captures that any template reads, sorted.
func (c *Check) captures() []string {
	names := slices.Concat(c.message.Captures(), c.assertions.Captures())
	if c.clock != nil {
		names = append(names, c.clock.Captures()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

package mac

import (
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/settings"
	"github.com/hookauthz/hookauthz/authz/scheme/signed"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const name = "mac"

// The codes of problems that [Kind] returns besides those of the packages that
// it uses. An entry of the catalogue is built to see whether it is sound: there
// a problem with [CodeSecretsRequired] or [scheme.CodeWideWindow] does not count,
// and the environment may be nil.
const (
	CodeSecretsRequired = "secrets_required"
	CodeWeakAlgorithm   = "weak_algorithm"
)

// Kind returns what authz/builtin lists for this package. A check that it builds
// verifies an HMAC over chosen parts of a request.
func Kind() authz.Kind { return authz.NewKind(name, name, build) }

func build(m *policypb.Mac, env *authz.Env) (authz.Part, []authz.Problem) {
	if env == nil {
		env = &authz.Env{}
	}
	b := builder{settings: m}
	algorithm := b.algorithm()
	config := settings.ReadSigned(m)
	config.Least, config.Most = algorithm.size, algorithm.size
	config.Replay, config.Policy = env.Replay, env.Policy
	how, problems := signed.New(config)
	b.problems = append(b.problems, problems...)
	derivation := b.derivation()
	refs := b.references(env)
	if b.mistaken() {
		return authz.Part{}, b.problems
	}

	check := &Check{
		scheme: how,
		keys: scheme.NewKeyring(refs, func(ref authz.Reference, secret authz.Secret) (*key, error) {
			bytes, err := derivation.Derive(ref, secret)
			if err != nil {
				return nil, err
			}
			return newKey(algorithm, bytes), nil
		}),
	}
	part := how.Part(check)
	part.Name = m.GetName()
	part.Unfit = check.keys.Unfit
	return part, b.problems
}

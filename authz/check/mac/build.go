package mac

import (
	"slices"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/settings"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A builder collects the problems of one message.
type builder struct {
	settings *policypb.Mac
	problems []authz.Problem
}

func (b *builder) report(path string, problems []authz.Problem) {
	b.problems = append(b.problems, scheme.Below(path, problems)...)
}

// mistaken reports whether there is a problem that is no warning.
func (b *builder) mistaken() bool {
	return slices.ContainsFunc(b.problems, func(p authz.Problem) bool { return !p.Warning })
}

func (b *builder) algorithm() algorithm {
	a, ok := algorithms(b.settings.GetAlgorithm())
	switch {
	case !ok:
		b.report("algorithm", []authz.Problem{{
			Code: scheme.CodeSetting, Message: "unknown algorithm, want hmac-sha256, hmac-sha384, hmac-sha512 or hmac-sha1",
		}})
	case a.weak && b.settings.GetWeakAlgorithm() != settings.Accepted:
		b.report("algorithm", []authz.Problem{{
			Code: CodeWeakAlgorithm, Message: "hmac-sha1 needs weak_algorithm: accepted",
		}})
	}
	return a
}

func (b *builder) derivation() scheme.Derivation {
	key := b.settings.GetKey()
	decode, mistakes := scheme.ParseDecoding(key.GetDecode())
	b.report("key.decode", mistakes)
	return scheme.Derivation{StripPrefix: key.GetStripPrefix(), Decode: decode}
}

func (b *builder) references(env *authz.Env) []authz.Reference {
	names := b.settings.GetSecrets()
	if len(names) == 0 {
		b.report("secrets", []authz.Problem{{Code: CodeSecretsRequired, Message: "want at least one secret"}})
		return nil
	}
	if env.Secret == nil {
		env = &authz.Env{Secret: func(string) (authz.Reference, bool) { return authz.Reference{}, false }}
	}
	refs, mistakes := env.References("secrets", names)
	b.problems = append(b.problems, mistakes...)
	return refs
}

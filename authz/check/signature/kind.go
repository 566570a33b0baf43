package signature

import (
	"fmt"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/settings"
	"github.com/hookauthz/hookauthz/authz/scheme/signed"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const name = "signature"

// CodeKeysRequired marks a problem that [Kind] returns besides those of the
// packages that it uses.
const CodeKeysRequired = "keys_required"

// Kind returns what authz/builtin lists for this package. A check that it builds
// verifies a signature with a public key over chosen parts of a request.
func Kind() authz.Kind { return authz.NewKind(name, name, build) }

func build(s *policypb.Signature, env *authz.Env) (authz.Part, []authz.Problem) {
	if env == nil {
		env = &authz.Env{}
	}
	algorithm, problems := readAlgorithm(s)
	sets, mistakes := readKeys(s, env)

	config := settings.ReadSigned(s)
	config.Least, config.Most = algorithm.least, algorithm.most
	config.KeyID = s.GetKeyId()
	config.Replay, config.Policy = env.Replay, env.Policy
	for i := range sets {
		config.NeedsBody = config.NeedsBody || sets[i].Named != nil && sets[i].Named.NeedsBody()
	}
	how, found := signed.New(config)
	problems = append(append(problems, found...), mistakes...)
	for i := range problems {
		if !problems[i].Warning {
			return authz.Part{}, problems
		}
	}

	check := &Check{
		scheme: how, algorithm: algorithm, sets: sets, named: s.GetKeyId() != "",
		states: sync.Pool{New: func() any { return &state{hash: algorithm.newHash()} }},
	}
	part := how.Part(check)
	part.Name = s.GetName()
	part.Unfit = check.unfit
	return part, problems
}

func readAlgorithm(s *policypb.Signature) (algorithm, []authz.Problem) {
	raw := s.GetEcdsaFormat() == "raw"
	a, ok := parseAlgorithm(s.GetAlgorithm(), raw)
	switch {
	case !ok:
		return algorithm{}, mistake("algorithm", "unknown algorithm, want ed25519, ecdsa-p256-sha256, rsa-pkcs1-sha256, rsa-pss-sha256 or another of their families")
	case s.GetEcdsaFormat() != "" && !isECDSA(s.GetAlgorithm()):
		return a, mistake("ecdsa_format", "only signatures of ecdsa have two formats")
	case s.GetEcdsaFormat() != "" && s.GetEcdsaFormat() != "der" && !raw:
		return a, mistake("ecdsa_format", "unknown format, want der or raw")
	}
	return a, nil
}

func readKeys(s *policypb.Signature, env *authz.Env) ([]authz.KeyReference, []authz.Problem) {
	if len(s.GetKeys()) == 0 {
		return nil, []authz.Problem{{Path: "keys", Code: CodeKeysRequired, Message: "want at least one entry of keys"}}
	}
	sets, problems := env.KeyReferences("keys", s.GetKeys())
	if len(problems) > 0 {
		return nil, problems
	}
	for i := range sets {
		path := fmt.Sprintf("keys[%d]", i)
		switch {
		case sets[i].Set == nil && sets[i].Named == nil:
			problems = append(problems, authz.Problem{Path: path, Message: "the entry gives no keys", Code: "bug"})
		case sets[i].Named != nil && s.GetKeyId() != "":
			problems = append(problems, mistake(path,
				"requests name the key of this entry by its address, so key_id chooses nothing: leave one of both out")...)
		}
	}
	return sets, problems
}

func mistake(path, message string) []authz.Problem {
	return []authz.Problem{{Path: path, Message: message, Code: scheme.CodeSetting}}
}

// unfit tells of stored keys that can't be used, or not with the algorithm;
// fetched ones are their owner's.
func (c *Check) unfit(now time.Time, tell func(secret string, why error)) {
	type judged interface {
		Unfit(now time.Time, tell func(secret string, why error))
	}
	for i := range c.sets {
		set := c.sets[i].Set
		if set == nil {
			continue
		}
		if set, ok := set.(judged); ok {
			set.Unfit(now, tell)
		}
		if keys, err := set.Keys(now); err == nil && keys != nil {
			if secret := c.misfit(keys); secret != "" {
				tell(secret, errMisfit(secret))
			}
		}
	}
}

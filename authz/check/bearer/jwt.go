package bearer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// defaultSkew is how far an issuer's clock may be from ours if the policy says
// nothing. RFC 7519, section 4.1.4, permits "some small leeway, usually no more
// than a few minutes".
const defaultSkew = time.Minute

// maxSkew is the most that a policy may set. For that long an expired token
// lives on.
const maxSkew = 10 * time.Minute

// A jwtJudge takes tokens of one issuer.
type jwtJudge struct {
	verifier verifier
	rules    jose.Rules
}

func (j *jwtJudge) judge(ctx context.Context, token string, now time.Time) (authz.Identity, error) {
	claims, signed, err := j.verifier.verify(ctx, token, now)
	if err != nil {
		return authz.Identity{}, err
	}
	if err := j.rules.Check(claims, now); err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	name, err := principal(claims)
	if err != nil {
		return authz.Identity{}, err
	}
	return signed.Identify(name), nil
}

func buildJWT(settings *policypb.Jwt, env *authz.Env) (mode, []authz.Problem) {
	sets, problems := env.KeyReferences("jwt.keys", settings.GetKeys())
	if len(problems) == 0 {
		problems = checkIssuers(settings.GetIssuer(), sets)
	}
	if len(settings.GetKeys()) == 0 {
		problems = append(problems, mistake("jwt.keys", "required"))
	}
	problems = append(problems, checkIssuer(settings.GetIssuer())...)
	problems = append(problems, checkAudiences("jwt.audiences", settings.GetAudiences())...)
	if len(settings.GetAudiences()) == 0 {
		problems = append(problems, mistake("jwt.audiences", "required"))
	}
	algorithms, wrong := algorithmsOf(settings.GetAlgorithms())
	problems = append(problems, wrong...)
	required, wrong := requiredOf("jwt.required_claims", settings.GetRequiredClaims(), "iss", "aud", "exp", "nbf", "iat")
	problems = append(problems, wrong...)
	problems = append(problems, checkStrangers(settings.GetIssuer(), required)...)

	skew := defaultSkew
	if settings.GetClockSkew() != nil {
		skew = settings.GetClockSkew().AsDuration()
	}
	if skew < 0 || skew > maxSkew {
		problems = append(problems, mistake("jwt.clock_skew", "want 0s to 10m"))
	}
	if len(problems) > 0 {
		return mode{}, problems
	}
	judge := &jwtJudge{
		verifier: verifier{Prover: jose.Prover{Sets: sets, Algorithms: algorithms}, types: []string{"", "jwt", "at+jwt"}},
		rules:    jose.Rules{Issuer: settings.GetIssuer(), Audiences: settings.GetAudiences(), Required: required, Skew: skew},
	}
	return mode{judge: judge, name: "jwt", unfit: judge.verifier.Unfit}, nil
}

// checkIssuers finds keys of another issuer. "https://" may be left out by the
// tokens: Google's have been seen with and without.
func checkIssuers(issuer string, sets []authz.KeyReference) []authz.Problem {
	var problems []authz.Problem
	for i := range sets {
		if sets[i].Set == nil {
			problems = append(problems, mistake(fmt.Sprintf("jwt.keys[%d]", i), "keys that requests name by a URL are for the kind signature"))
		}
		if of := sets[i].Issuer; of != "" && of != issuer && of != "https://"+issuer {
			problems = append(problems, mistake(fmt.Sprintf("jwt.keys[%d]", i),
				"these are the keys of another issuer than jwt.issuer; issuers are compared byte by byte, with a slash at the end if there is one"))
		}
	}
	return problems
}

func checkIssuer(issuer string) []authz.Problem {
	switch {
	case issuer == "":
		return []authz.Problem{mistake("jwt.issuer", "required")}
	case strings.ContainsFunc(issuer, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return []authz.Problem{mistake("jwt.issuer", "no issuer holds white space or control characters")}
	case strings.ContainsAny(issuer, "{}"):
		return []authz.Problem{mistake("jwt.issuer", "this is the pattern of many issuers; name one")}
	}
	return nil
}

func algorithmsOf(names []string) ([]jose.Algorithm, []authz.Problem) {
	if len(names) == 0 {
		return nil, []authz.Problem{mistake("jwt.algorithms", "required")}
	}
	var algorithms []jose.Algorithm
	var problems []authz.Problem
	for i, name := range names {
		algorithm, ok := jose.ParseAlgorithm(name)
		if !ok {
			problems = append(problems, mistake(fmt.Sprintf("jwt.algorithms[%d]", i), "want an algorithm with a public key, such as ES256"))
		}
		algorithms = append(algorithms, algorithm)
	}
	return algorithms, problems
}

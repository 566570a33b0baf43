package bearer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// An introspectionJudge takes what an authorization server says of a token.
type introspectionJudge struct {
	server authz.Introspector
	rules  jose.Rules
}

func (j *introspectionJudge) judge(ctx context.Context, token string, now time.Time) (authz.Identity, error) {
	answer, err := j.server.Introspect(ctx, token, now)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	claims, err := jose.ParseClaims(answer)
	if err != nil {
		// Not the sender's fault.
		return authz.Identity{}, authz.Deny(authz.ReasonIntrospectionUnavailable, "the authorization server's answer can't be read")
	}
	if err := j.rules.Check(claims, now); err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	name, err := principal(claims)
	if err != nil {
		return authz.Identity{}, err
	}
	return authz.Identity{Principal: name}, nil
}

// tells reports whether a claim tells one token of a server from another.
func tells(claim jose.Claim) bool { return claim.Name != "iss" && claim.Name != "token_type" }

func buildIntrospection(settings *policypb.Introspection, env *authz.Env) (mode, []authz.Problem) {
	refs, problems := env.References("introspection.secrets", settings.GetSecrets())
	if len(settings.GetSecrets()) == 0 {
		problems = append(problems, mistake("introspection.secrets", "required"))
	}
	if !strings.HasPrefix(settings.GetUrl(), "https://") && !strings.HasPrefix(settings.GetUrl(), "http://") {
		problems = append(problems, mistake("introspection.url", "want an https URL"))
	}
	if settings.GetClientId() == "" || strings.ContainsFunc(settings.GetClientId(), unprintable) {
		problems = append(problems, mistake("introspection.client_id", "want printable ASCII"))
	}
	problems = append(problems, checkAudiences("introspection.audiences", settings.GetAudiences())...)
	required, wrong := requiredOf("introspection.required_claims", settings.GetRequiredClaims(), "active", "aud", "exp", "nbf", "iat")
	problems = append(problems, wrong...)
	if len(settings.GetAudiences()) == 0 && !slices.ContainsFunc(required, tells) {
		problems = append(problems, mistake("introspection",
			"want audiences or required_claims other than iss and token_type: otherwise every token that the server ever issued is good here"))
	}
	if len(problems) > 0 {
		return mode{}, problems
	}
	if env.Introspector == nil {
		return mode{}, []authz.Problem{{Path: "introspection", Message: "nobody is there to ask", Code: "bug"}}
	}

	server := env.Introspector(authz.IntrospectionServer{
		Policy: env.Policy, URL: settings.GetUrl(), ClientID: settings.GetClientId(), Secrets: refs,
		PrivateNetwork: settings.GetPrivateNetwork() == "accepted",
	})
	ring := scheme.NewKeyring(refs, func(ref authz.Reference, secret authz.Secret) (struct{}, error) {
		return struct{}{}, ref.CheckPassword(secret.Reveal())
	})
	return mode{
		judge: &introspectionJudge{server: server, rules: jose.Rules{
			Audiences: settings.GetAudiences(), Required: required, Skew: defaultSkew, ExpiryOptional: true,
		}},
		name: "introspection", unfit: ring.Unfit,
	}, nil
}

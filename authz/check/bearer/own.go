package bearer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// CodeUndeclaredClient and CodeUndeclaredScope mark an [authz.Problem] about a
// client, or a scope, that the token endpoint does not know. The loader words
// it, since it knows which names are close.
const (
	CodeUndeclaredClient = "undeclared_client"
	CodeUndeclaredScope  = "undeclared_scope"
)

// ownSkew is how far the clocks of two of our own processes may be apart.
const ownSkew = 10 * time.Second

// ownType is the header's "typ" of our tokens (RFC 9068, section 2.1).
const ownType = "at+jwt"

// An ownJudge takes tokens of our own token endpoint.
type ownJudge struct {
	policy   string
	issuer   string
	declared map[string][]string // clients and their scopes
	clients  []string            // of which the token must be one's, or
	scopes   []string            // all of which must have been granted

	verifier verifier // of JWTs
	rules    jose.Rules
	grants   authz.GrantStore // of opaque tokens; nil for JWTs
}

func (j *ownJudge) judge(ctx context.Context, token string, now time.Time) (authz.Identity, error) {
	if j.grants != nil {
		return j.opaque(ctx, token, now)
	}
	claims, signed, err := j.verifier.verify(ctx, token, now)
	if err != nil {
		return authz.Identity{}, err
	}
	if err := j.rules.Check(claims, now); err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	client, ok := claims.Text("client_id")
	if !ok {
		return authz.Identity{}, authz.Deny(authz.ReasonTokenInvalid, `the token has no "client_id"`)
	}
	granted, _ := claims.Text("scope")
	if err := j.permit(client, strings.Split(granted, " ")); err != nil {
		return authz.Identity{}, err
	}
	return signed.Identify(client), nil
}

func (j *ownJudge) opaque(ctx context.Context, token string, now time.Time) (authz.Identity, error) {
	grant, err := j.grants.Find(ctx, token, now)
	switch {
	case err != nil:
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	case !now.Before(grant.Expires):
		return authz.Identity{}, authz.Deny(authz.ReasonTokenExpired, "the token has ended")
	case grant.Issuer != j.issuer:
		// Two token endpoints may share a store.
		return authz.Identity{}, authz.Deny(authz.ReasonClaimMismatch, "another token endpoint issued the token")
	case !slices.Contains(grant.Policies, j.policy):
		return authz.Identity{}, authz.Deny(authz.ReasonClaimMismatch, "the token is for other policies")
	}
	if err := j.permit(grant.Client, grant.Scopes); err != nil {
		return authz.Identity{}, err
	}
	return authz.Identity{Principal: grant.Client}, nil
}

// permit returns nil if a token of client with the scopes granted is good here.
// The policy file of today counts besides that of the day when the token was
// issued: who is not listed any more, or not with these scopes, is out at once.
func (j *ownJudge) permit(client string, granted []string) error {
	may, declared := j.declared[client]
	switch {
	case !declared:
		return authz.Deny(authz.ReasonClaimMismatch, "the token's client is not declared any more")
	case len(j.clients) > 0 && !slices.Contains(j.clients, client):
		return authz.Deny(authz.ReasonClaimMismatch, "the token's client is not listed here")
	}
	for _, scope := range j.scopes {
		if !slices.Contains(granted, scope) || !slices.Contains(may, scope) {
			return authz.Deny(authz.ReasonClaimMismatch, "the token lacks a scope that is required here")
		}
	}
	return nil
}

func buildOwn(settings *policypb.OwnToken, env *authz.Env) (mode, []authz.Problem) {
	if env.Own == nil {
		return mode{}, []authz.Problem{mistake("own", "the file declares no token_endpoint")}
	}
	problems := checkGrantees(settings, env.Own)
	if env.Own.Keys == nil && env.Own.Grants == nil {
		problems = append(problems, authz.Problem{Path: "own", Message: "there are neither keys nor a store of tokens", Code: "bug"})
	}
	if len(problems) > 0 {
		return mode{}, problems
	}
	j := &ownJudge{
		policy: env.Policy, issuer: env.Own.Issuer, declared: env.Own.Clients, clients: settings.GetClients(), scopes: settings.GetScopes(),
	}
	if env.Own.Keys == nil {
		j.grants = env.Own.Grants
		return mode{judge: j, name: "own"}, nil
	}
	j.verifier = verifier{types: []string{ownType}, Prover: jose.Prover{
		Sets:       []authz.KeyReference{{Name: "token_endpoint", Set: env.Own.Keys}},
		Algorithms: []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256},
	}}
	j.rules = jose.Rules{Issuer: env.Own.Issuer, Audiences: []string{env.Policy}, Skew: ownSkew}
	return mode{judge: j, name: "own"}, nil
}

// checkGrantees finds clients and scopes that no token can have.
func checkGrantees(settings *policypb.OwnToken, own *authz.OwnTokens) []authz.Problem {
	if (len(settings.GetClients()) > 0) == (len(settings.GetScopes()) > 0) {
		return []authz.Problem{mistake("own", "want either clients or scopes")}
	}
	var problems []authz.Problem
	for i, client := range settings.GetClients() {
		if _, ok := own.Clients[client]; !ok {
			problems = append(problems, authz.Problem{
				Path: fmt.Sprintf("own.clients[%d]", i), Code: CodeUndeclaredClient,
				Message: "the client is not declared under token_endpoint.clients",
			})
		}
	}
	for i, scope := range settings.GetScopes() {
		if !anyClient(own, []string{scope}) {
			problems = append(problems, authz.Problem{
				Path: fmt.Sprintf("own.scopes[%d]", i), Code: CodeUndeclaredScope,
				Message: "no client under token_endpoint.clients may get the scope",
			})
		}
	}
	if len(problems) == 0 && len(settings.GetScopes()) > 0 && !anyClient(own, settings.GetScopes()) {
		problems = append(problems, mistake("own.scopes", "no client under token_endpoint.clients may get all of these"))
	}
	return problems
}

// anyClient reports whether some client may get all of scopes.
func anyClient(own *authz.OwnTokens, scopes []string) bool {
	for _, may := range own.Clients {
		if !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(may, scope) }) {
			return true
		}
	}
	return false
}

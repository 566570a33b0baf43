package bearer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// strangers are issuers from which anybody gets tokens, most of them for any
// audience they like. That such a token is authentic and for us says nothing of
// who sent it; one of claims must.
var strangers = []struct { //nolint:gochecknoglobals // a table that nobody writes
	issuers []string
	claims  []string
}{
	{
		// Every Google account, and every service account, which chooses the
		// audience: https://cloud.google.com/docs/authentication/get-id-token.
		// Both spellings: https://developers.google.com/identity/openid-connect/openid-connect.
		// "azp" is the application, not its user.
		issuers: []string{"https://accounts.google.com", "accounts.google.com"},
		claims:  []string{"sub", "email", "hd"},
	},
	{
		// Every workflow of every repository, which chooses the audience:
		// https://docs.github.com/en/actions/reference/security/oidc. "actor" is
		// who caused a run, in whatever repository, and "job_workflow_ref" a
		// workflow that others may call; neither is the sender.
		issuers: []string{"https://token.actions.githubusercontent.com"},
		claims: []string{
			"sub", "repository", "repository_id", "repository_owner", "repository_owner_id",
			"workflow_ref", "enterprise", "enterprise_id",
		},
	},
	{
		// Every job of every project on GitLab.com, which chooses the audience:
		// https://docs.gitlab.com/ci/secrets/id_token_authentication/.
		issuers: []string{"https://gitlab.com"},
		claims:  []string{"sub", "namespace_id", "namespace_path", "project_id", "project_path"},
	},
	{
		// Every run of every organization, whose workspace chooses the audience:
		// https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens.
		issuers: []string{"https://app.terraform.io"},
		claims: []string{
			"sub", "terraform_organization_id", "terraform_organization_name",
			"terraform_project_id", "terraform_workspace_id",
		},
	},
	{
		// Every job of every organization, which chooses the audience:
		// https://buildkite.com/docs/agent/v3/cli-oidc. The slug of a pipeline is
		// its organization's own; the ids are nobody else's.
		issuers: []string{"https://agent.buildkite.com"},
		claims:  []string{"sub", "organization_slug", "organization_id", "pipeline_id"},
	},
	{
		// Every Apple account:
		// https://developer.apple.com/documentation/signinwithapple/verifying-a-user.
		issuers: []string{"https://appleid.apple.com"},
		claims:  []string{"sub", "email"},
	},
	{
		// Every personal Microsoft account; the id is that tenant's:
		// https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference.
		// "email" and "preferred_username" there can be changed by their owner.
		issuers: []string{
			"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
			"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad",
			"https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad",
		},
		claims: []string{"sub", "oid"},
	},
}

// checkStrangers wants a claim that says who sends, where the issuer gives tokens
// to anybody.
func checkStrangers(issuer string, required []jose.Claim) []authz.Problem {
	plain := strings.ToLower(strings.TrimRight(issuer, "/"))
	if rest, ok := strings.CutPrefix(plain, "https://login.microsoftonline.com/"); ok {
		tenant, _, _ := strings.Cut(rest, "/")
		if tenant == "common" || tenant == "organizations" || tenant == "consumers" {
			return []authz.Problem{mistake("jwt.issuer", "tokens name the tenant that issued them: write its id in place of "+tenant)}
		}
	}
	for _, stranger := range strangers {
		if !slices.Contains(stranger.issuers, plain) {
			continue
		}
		for _, claim := range required {
			if slices.Contains(stranger.claims, claim.Name) {
				return nil
			}
		}
		return []authz.Problem{mistake("jwt.required_claims", fmt.Sprintf(
			"anybody can get a token from this issuer: say who sends by one of %s", strings.Join(stranger.claims, ", ")))}
	}
	return nil
}

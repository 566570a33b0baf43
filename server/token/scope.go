package token

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz/policy"
)

// grantedScopes returns the scopes that a token of client gets: those asked for, or
// all if none is. policies are those that take such a token; there is one.
func grantedScopes(client *policy.TokenClient, f form) (scopes, policies []string, bad *refusal) {
	if len(client.Policies(client.Scopes)) == 0 {
		return nil, nil, &refusal{
			status: http.StatusBadRequest, result: ResultUnauthorizedClient, code: ResultUnauthorizedClient,
			text: "this client may not get tokens", reason: "no policy takes tokens of this client",
		}
	}
	scopes = client.Scopes
	if asked, ok := f["scope"]; ok {
		scopes = nil
		for scope := range strings.SplitSeq(asked, " ") {
			if !slices.Contains(client.Scopes, scope) {
				return nil, nil, badScope("a scope is unknown, malformed or not this client's")
			}
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	policies = client.Policies(scopes)
	if len(policies) == 0 {
		return nil, nil, badScope("a token with these scopes alone is good for nothing")
	}
	return scopes, policies, nil
}

func badScope(text string) *refusal {
	return &refusal{status: http.StatusBadRequest, result: ResultInvalidScope, code: ResultInvalidScope, text: text}
}

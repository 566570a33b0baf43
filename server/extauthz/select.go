package extauthz

import (
	"context"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/gate"
)

// choose returns the policy of the request and by which step it was found: the
// context extensions come before all steps of [gate.Choose]. It sets r.Captures.
// On an error, which is a denial, the policy is nil.
func choose(ctx context.Context, c *checkRequest, table *policy.Table, r *authz.Request) (*policy.Policy, string, error) {
	if name := &c.extensions.policy; name.present {
		chosen, err := gate.Named(table, name.name)
		return chosen, gate.ByContextExtension, err //nolint:wrapcheck // the denial is the answer
	}
	route := gate.Name{Present: c.routePolicy.present, Valid: c.routePolicy.valid, Text: c.routePolicy.name}
	return gate.Choose(ctx, table, route, r) //nolint:wrapcheck // as above
}

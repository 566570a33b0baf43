package extauthz

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

// Where a policy was named or found, as the decision log tells it.
const (
	byContextExtension = "context_extension"
	byGRPCMetadata     = "grpc_metadata"
	byRouteMetadata    = "route_metadata"
	byRoute            = "route"
)

// metadataPolicy is the gRPC metadata of the Check call that names a policy. It
// is set in the gateway's configuration: no header of the request gets there.
const metadataPolicy = "x-hookauthz-policy"

// choose returns the policy of the request and by which step it was found. Once
// a step gives a name the steps after it don't count, whatever the name: a
// misspelt one must not fall through to a weaker policy. It sets r.Captures. On
// an error, which is a denial, the policy is nil.
func choose(ctx context.Context, c *checkRequest, table *policy.Table, r *authz.Request) (*policy.Policy, string, error) {
	if name := &c.extensions.policy; name.present {
		chosen, err := namedPolicy(table, name.name)
		return chosen, byContextExtension, err
	}
	if names := metadata.ValueFromIncomingContext(ctx, metadataPolicy); len(names) > 0 {
		if len(names) > 1 {
			return nil, byGRPCMetadata, authz.Deny(authz.ReasonPolicyNotFound, "the gateway names more than one policy in gRPC metadata")
		}
		chosen, err := namedPolicy(table, names[0])
		return chosen, byGRPCMetadata, err
	}
	if name := &c.routePolicy; name.present {
		if !name.valid {
			return nil, byRouteMetadata, authz.Deny(authz.ReasonPolicyNotFound, "the policy in the route's metadata is not a string")
		}
		chosen, err := namedPolicy(table, name.name)
		return chosen, byRouteMetadata, err
	}
	chosen, captures, err := table.Route(r)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // the denial is the answer
	}
	r.Captures = captures
	return chosen, byRoute, nil
}

func namedPolicy(table *policy.Table, name string) (*policy.Policy, error) {
	if chosen := table.Named(name); chosen != nil {
		return chosen, nil
	}
	return nil, authz.Deny(authz.ReasonPolicyNotFound, "the gateway names a policy that does not exist")
}

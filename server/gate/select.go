package gate

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

// Where a policy was named or found, as the decision log tells it.
const (
	ByContextExtension = "context_extension"
	ByGRPCMetadata     = "grpc_metadata"
	ByRouteMetadata    = "route_metadata"
	ByRoute            = "route"
)

// metadataPolicy is the gRPC metadata of a call that names a policy. It is set in
// the gateway's configuration: no header of the request gets there.
const metadataPolicy = "x-hookauthz-policy"

// A Name is a policy's name where one may stand.
type Name struct {
	Present bool
	Valid   bool // the name is text
	Text    string
}

// Choose returns the policy of r and by which step it was found: in the gRPC
// metadata of the call that ctx is of, in the route's metadata, or by a route of
// the policy file. Once a step gives a name the steps after it don't count,
// whatever the name: a misspelt one must not fall through to a weaker policy. It
// sets r.Captures. On an error, which is a denial, the policy is nil.
func Choose(ctx context.Context, table *policy.Table, route Name, r *authz.Request) (*policy.Policy, string, error) {
	if names := metadata.ValueFromIncomingContext(ctx, metadataPolicy); len(names) > 0 {
		if len(names) > 1 {
			return nil, ByGRPCMetadata, authz.Deny(authz.ReasonPolicyNotFound, "the gateway names more than one policy in gRPC metadata")
		}
		chosen, err := Named(table, names[0])
		return chosen, ByGRPCMetadata, err
	}
	if route.Present {
		if !route.Valid {
			return nil, ByRouteMetadata, authz.Deny(authz.ReasonPolicyNotFound, "the policy in the route's metadata is not a string")
		}
		chosen, err := Named(table, route.Text)
		return chosen, ByRouteMetadata, err
	}
	chosen, captures, err := table.Route(r)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // the denial is the answer
	}
	r.Captures = captures
	return chosen, ByRoute, nil
}

// Named returns the policy of that name. The error is a denial.
func Named(table *policy.Table, name string) (*policy.Policy, error) {
	if chosen := table.Named(name); chosen != nil {
		return chosen, nil
	}
	return nil, authz.Deny(authz.ReasonPolicyNotFound, "the gateway names a policy that does not exist")
}

// Package extauthz answers Envoy's external authorization calls,
// envoy.service.auth.v3.Authorization/Check over gRPC.
//
// It turns the bytes of a CheckRequest into an [authz.Request], finds the policy
// that the gateway named or that a route gives, lets it decide, and writes the
// decision as a CheckResponse. Three rules hold for every call that brought a
// message, whatever is in it:
//
//   - It is answered by a CheckResponse, never by a gRPC error: a gateway that is
//     set to fail open would turn an error into an allow. What can't be decoded,
//     a panic and an overload are denials too.
//   - It is let through by one function only, which wants an [authz.Decision] that
//     verified the request, or one of a policy that only watches. Everything else
//     is a denial with a status, in either mode: what happens before a policy is
//     found, or beside it, is no verdict of a policy.
//   - It is recorded once.
//
// Messages are decoded and encoded here, without generated types: they are most
// of what a Check costs. The tests hold both codecs equal to the generated ones.
package extauthz

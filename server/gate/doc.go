// Package gate holds what the adapters have in common: the server options and
// the codec of the gRPC server that they share, the limits on what is in flight,
// how a policy is named, what may be let through, and how a denial is answered.
//
// It knows nothing of either protocol's messages.
package gate

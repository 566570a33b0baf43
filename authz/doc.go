// Package authz decides whether a webhook request may pass.
//
// It is the domain of hookauthz and knows no Envoy, no gRPC and no Vault. An
// adapter fills a [Request]; a policy holds a [Requirement], a tree whose
// leaves are checks; [Decide] walks the tree and returns a [Decision].
//
// Two rules hold everywhere in this package and below it. The zero value of
// every verdict denies, and whatever is not understood (an error of an unknown
// type, a panic, a cancelled context, an empty requirement) denies.
package authz

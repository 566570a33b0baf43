// Package e2e tests hookauthz as it is deployed: the real Envoy with the
// configuration of deploy/envoy, the real OpenBao, and the binary itself. The
// tests have the build tag e2e; ../README.md says how to run them.
package e2e

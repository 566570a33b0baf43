// Package authztest helps to test checks: secrets in memory, requests, the
// conformance suite that every kind's tests call, and the replay of recorded
// webhooks.
package authztest

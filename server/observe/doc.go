// Package observe tells operators what was decided: one line in the decision
// log and a few counters for every request, and the state of secrets, Vault and
// configuration as metrics.
//
// It is called once a request, at the edge. Nothing below the adapters logs or
// counts. No header value, body or secret reaches it: an [Event] has no field
// for one, apart from the body, of which only a digest is written.
package observe

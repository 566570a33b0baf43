package policy

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A Table is a compiled policy file. It is immutable and may be used by many
// goroutines.
type Table struct {
	hash     string
	gateway  authz.Gateway
	policies []*Policy // sorted by name
	byName   map[string]*Policy
	routes   router
	reserved []string
	largest  int64
	answers  [maxClass]Answer
	tokens   *TokenEndpoint
	// unfit tells of the token endpoint's signing keys; nil without them.
	unfit func(now time.Time, tell func(secret string, why error))
}

// Hash identifies the file's content: "sha256:" and hex digits.
func (t *Table) Hash() string { return t.hash }

// Gateway returns what the file states of the gateway for all routes.
func (t *Table) Gateway() authz.Gateway { return t.gateway }

// Policies returns every policy, sorted by name. The caller must not modify it.
func (t *Table) Policies() []*Policy { return t.policies }

// Named returns the policy of that name, nil if there is none.
func (t *Table) Named(name string) *Policy { return t.byName[name] }

// Reserved returns the header names that any policy sets for the upstream, in
// lower case and sorted. A request that passes without a policy's setting one of
// them must lose it. The caller must not modify it.
func (t *Table) Reserved() []string { return t.reserved }

// Unfit returns, by name, the secrets that are there at now and that a check can't
// use, and why; requests that need them are answered as not configured.
func (t *Table) Unfit(now time.Time) map[string]error {
	unfit := map[string]error{}
	tell := func(name string, why error) { unfit[name] = why }
	for _, p := range t.policies {
		for _, f := range p.unfit {
			f(now, tell)
		}
	}
	if t.unfit != nil {
		t.unfit(now, tell)
	}
	return unfit
}

// TokenEndpoint returns what the file says of the token endpoint, nil if nothing.
func (t *Table) TokenEndpoint() *TokenEndpoint { return t.tokens }

// Monitored returns how many policies only watch.
func (t *Table) Monitored() int {
	n := 0
	for _, p := range t.policies {
		if p.monitored {
			n++
		}
	}
	return n
}

// Claiming returns the names of the policies that claim in that store, "memory" or
// "redis", sorted.
func (t *Table) Claiming(store string) []string {
	var names []string
	for _, p := range t.policies {
		if p.replay != nil && p.replay.name == store {
			names = append(names, p.name)
		}
	}
	return names
}

// LargestBody returns the largest body, in bytes, that a policy may accept or
// that the gateway is stated to send. A gRPC server must receive more than that.
func (t *Table) LargestBody() int64 { return t.largest }

// DefaultAnswer returns how a denial without a policy is answered. The caller
// must not modify it. A nil Table has the same answers.
func (t *Table) DefaultAnswer(class authz.Class) *Answer {
	if t == nil {
		answers := defaultAnswers()
		return answerOf(&answers, class)
	}
	return answerOf(&t.answers, class)
}

// Route returns the policy of the most specific route that r matches, and the
// path segments that the route captures. The error is an [*authz.Denial]:
// [authz.ReasonRouteNotFound], [authz.ReasonPathAmbiguous] or
// [authz.ReasonHostAmbiguous].
func (t *Table) Route(r *authz.Request) (*Policy, []authz.Field, error) {
	path, err := plainPath(r.PathOnly())
	if err != nil {
		return nil, nil, err
	}
	host, err := plainHost(r.Host)
	if err != nil {
		return nil, nil, err
	}
	found, captures, ok := t.routes.find(host, path, r.Method)
	if !ok {
		return nil, nil, authz.Deny(authz.ReasonRouteNotFound, "no route matches")
	}
	return found.policy, captures, nil
}

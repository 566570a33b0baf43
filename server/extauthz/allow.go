package extauthz

import (
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

var (
	errNoProof = errors.New("an allow was wanted for a decision that denies")
	errWatches = errors.New("a decision says that its policy only watches, and the policy enforces")
)

// appendAllow is the only function that makes a response that allows. Status
// code 0 is what allows. It wants a proof: a decision that verified the request,
// or one of a policy that says itself that it only watches.
func appendAllow(dst []byte, v *verdict) ([]byte, error) {
	if !v.decision.Passes() || v.policy == nil || v.table == nil {
		return nil, errNoProof
	}
	if v.decision.IsMonitored() && !v.policy.Monitored() {
		return nil, errWatches
	}
	w := writer{dst}
	w.close(w.open(responseStatus))
	response := w.open(responseOK)
	var fits bool
	if v.decision.IsMonitored() {
		fits = w.untouched(v.table)
	} else {
		fits = w.changes(v)
	}
	w.close(response)
	if !fits || !w.metadata(v) {
		return nil, errNotPlain
	}
	return w.b, nil
}

// changes writes what a verified request gets and loses. It returns false if
// Envoy might not take it as it is.
func (w *writer) changes(v *verdict) bool {
	if len(v.headers) > maxResponseHeaders {
		return false
	}
	for i := range v.headers {
		if !w.header(v.headers[i].Name, v.headers[i].Value) {
			return false
		}
	}
	if !w.removals(v.headers, v.policy.RemoveHeaders()) {
		return false
	}
	for _, name := range v.policy.RemoveQuery() {
		if name == "" || !utf8.ValidString(name) {
			return false
		}
		w.text(okRemoveQuery, name)
	}
	return true
}

// untouched writes what a request of a policy that only watches loses: the names
// by which policies tell the upstream who was verified, since here nobody was, and
// a sender could write them. All else stays as it came, credentials too. It
// returns false if Envoy might not take it as it is.
func (w *writer) untouched(table *policy.Table) bool {
	return w.removals(nil, table.Reserved())
}

// removals writes the headers that the request loses on its way upstream. The
// gateway removes after it has set, so a name that is set must not be among
// them.
func (w *writer) removals(set []authz.Field, names []string) bool {
	for _, name := range names {
		if classify(name) != nameLower {
			return false
		}
		if !hasName(set, name) {
			w.text(okRemoveHeaders, name)
		}
	}
	// Whatever the policy says: what only the gateway and this server may say.
	for _, name := range [...]string{partialBody, decisionIDHeader} {
		if !slices.Contains(names, name) && !hasName(set, name) {
			w.text(okRemoveHeaders, name)
		}
	}
	return true
}

func hasName(fields []authz.Field, name string) bool {
	for i := range fields {
		if fields[i].Name == name {
			return true
		}
	}
	return false
}

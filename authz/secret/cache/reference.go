package cache

import (
	"crypto/subtle"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

var _ authz.Secrets = (*reference)(nil)

// A reference is one name for one field of a location.
type reference struct {
	key     key
	denials map[authz.Reason]error // made once, so that to deny costs nothing
	settled chan struct{}          // closed at the first value or authoritative answer
	view    atomic.Pointer[view]

	users int // guarded by Cache.mu

	// The rest is guarded by feed.mu.
	entry    *entry
	answered bool // settled is closed
	known    bool // entry.held was read with this reference there
	current  value
	previous grace
	with     *authz.Versions // what was published with the previous version
	without  *authz.Versions // and without it
	state    secret.State    // that was told to the observer
}

// A value is a field of a version: a secret, or why it is none.
type value struct {
	number  int
	created time.Time
	secret  authz.Secret
	bad     secret.Cause
}

func (v value) good() bool { return v.bad == "" && !v.secret.Empty() }

func (v value) failure() *secret.Error {
	return &secret.Error{Class: secret.ClassUnusable, Cause: v.bad, Operation: secret.OperationRead}
}

// A grace is the version before the newest, while it counts.
type grace struct {
	value   value
	until   deadline // none: there is no previous version
	fetched time.Time
	unknown bool // it should be accepted, but could not be read yet
}

func newReference(k key) *reference {
	r := &reference{key: k, settled: make(chan struct{}), denials: map[authz.Reason]error{}}
	for reason, what := range map[authz.Reason]string{
		authz.ReasonSecretMissing:     "does not exist",
		authz.ReasonSecretForbidden:   "may not be read",
		authz.ReasonSecretInvalid:     "is not usable",
		authz.ReasonSecretUnavailable: "could not be read for too long, or not yet",
	} {
		r.denials[reason] = authz.Deny(reason, fmt.Sprintf("secret %q %s", k.name, what))
	}
	r.view.Store(&view{phases: []phase{{err: r.denials[authz.ReasonSecretUnavailable], state: secret.StateLoading}}})
	return r
}

// Versions implements [authz.Secrets]. It takes no lock and does not allocate.
func (r *reference) Versions(now time.Time) (*authz.Versions, error) {
	p := r.view.Load().phase(now)
	return p.versions, p.err
}

// fix makes r answer err for ever.
func (r *reference) fix(state secret.State, err error) {
	r.view.Store(&view{phases: []phase{{err: err, state: state}}, settled: true})
	close(r.settled)
}

func (r *reference) status(now time.Time) Status {
	v := r.view.Load()
	p := v.phase(now)
	return Status{
		Name: r.key.name, Kind: r.key.loc.Kind, State: p.state, Settled: v.settled, Age: v.age(now),
		Version: v.version, Previous: p.versions != nil && hasPrevious(p.versions), Err: v.err,
	}
}

func hasPrevious(v *authz.Versions) bool {
	for i := range v.Accepted {
		if v.Accepted[i].Previous {
			return true
		}
	}
	return false
}

// held returns the phases while the entry's value counts: at most one with the
// previous version, then one without.
func (r *reference) held(now time.Time, state secret.State) []phase {
	if !r.current.good() {
		state = secret.StateUnusable
	}
	first := &authz.Versions{Stale: state == secret.StateStale}
	if r.current.good() {
		first.Accepted = []authz.Version{{Number: r.current.number, Created: r.current.created, Secret: r.current.secret}}
	} else {
		first.Unusable = r.denials[authz.ReasonSecretInvalid]
	}
	r.without = unchanged(r.without, first)
	phases := []phase{r.phase(r.without, state)}

	if r.previous.until.none() || r.previous.until.reached(now) {
		r.with = nil
		return phases
	}
	both := &authz.Versions{Unusable: first.Unusable, Stale: first.Stale}
	both.Accepted = append(both.Accepted, first.Accepted...)
	if r.previous.unknown {
		both.Unusable = r.denials[authz.ReasonSecretUnavailable]
	} else {
		both.Accepted = append(both.Accepted, authz.Version{
			Number: r.previous.value.number, Previous: true, Created: r.previous.value.created,
			Secret: r.previous.value.secret,
		})
	}
	r.with = unchanged(r.with, both)
	p := r.phase(r.with, state)
	p.until = r.previous.until
	return append([]phase{p}, phases...)
}

// phase answers v, or what makes it unusable if it accepts nothing.
func (r *reference) phase(v *authz.Versions, state secret.State) phase {
	if len(v.Accepted) == 0 {
		return phase{err: v.Unusable, state: state}
	}
	return phase{versions: v, state: state}
}

// unchanged returns was if it says the same as is.
func unchanged(was, is *authz.Versions) *authz.Versions {
	if was == nil || len(was.Accepted) != len(is.Accepted) || was.Unusable != is.Unusable || was.Stale != is.Stale { //nolint:errorlint // one of ours
		return is
	}
	for i, v := range is.Accepted {
		w := was.Accepted[i]
		if w.Number != v.Number || w.Previous != v.Previous || !w.Created.Equal(v.Created) || !same(w.Secret, v.Secret) {
			return is
		}
	}
	return was
}

func same(a, b authz.Secret) bool {
	return subtle.ConstantTimeCompare(a.Reveal(), b.Reveal()) == 1
}

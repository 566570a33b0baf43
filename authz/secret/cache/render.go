package cache

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// render returns what r answers from now on.
func (e *entry) render(r *reference, maxStale time.Duration, now time.Time) *view {
	v := &view{err: e.err, settled: true}
	switch {
	case e.negative != nil:
		state, reason := verdict(e.negative.Class)
		v.phases = []phase{{state: state, err: r.denials[reason]}}
		return v
	case e.expired && r.answered:
		v.phases = []phase{{state: secret.StateExpired, err: r.denials[authz.ReasonSecretUnavailable]}}
		return v
	case e.held == nil || !r.known:
		v.settled = r.answered
		v.phases = []phase{{state: secret.StateLoading, err: r.denials[authz.ReasonSecretUnavailable]}}
		return v
	}
	v.fetched, v.version = e.held.fetched, e.held.version
	state := secret.StateFresh
	if e.fails > 0 || e.doubt != nil && e.doubt.err != nil {
		state = secret.StateStale
	}
	v.phases = r.held(now, state)
	if r.current.bad != "" {
		v.err = r.current.failure()
	}
	if end, state, reason := e.end(maxStale); !end.none() {
		for i := range v.phases {
			v.phases[i].until = v.phases[i].until.earlier(end)
		}
		v.phases = append(v.phases, phase{state: state, err: r.denials[reason]})
	}
	return v
}

// end returns when the value that is held ends without another read, and what
// is answered then.
func (e *entry) end(maxStale time.Duration) (deadline, secret.State, authz.Reason) {
	end, state, reason := deadline{}, secret.StateExpired, authz.ReasonSecretUnavailable
	if maxStale > 0 {
		end = after(e.held.fetched, maxStale)
	}
	if d := e.held.deletes; !d.none() && end.earlier(d) == d {
		end, state, reason = d, secret.StateGone, authz.ReasonSecretMissing
	}
	if e.doubt != nil && !e.doubt.drop.none() && end.earlier(e.doubt.drop) == e.doubt.drop {
		end = e.doubt.drop
		state, reason = verdict(e.doubt.err.Class)
	}
	return end, state, reason
}

// verdict returns how the source's word is answered.
func verdict(class secret.Class) (secret.State, authz.Reason) {
	switch class {
	case secret.ClassGone:
		return secret.StateGone, authz.ReasonSecretMissing
	case secret.ClassDenied:
		return secret.StateDenied, authz.ReasonSecretForbidden
	default:
		return secret.StateUnusable, authz.ReasonSecretInvalid
	}
}

package authztest

import (
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Secrets is one secret in memory. It may be changed while checks read it. The
// zero Secrets has no versions.
type Secrets struct{ state atomic.Pointer[state] }

type state struct {
	versions *authz.Versions
	err      error
}

var _ authz.Secrets = (*Secrets)(nil)

// Values returns a secret with these values, the newest first.
func Values(values ...string) *Secrets {
	s := &Secrets{}
	s.Set(values...)
	return s
}

// Failing returns a secret that can't be read.
func Failing(err error) *Secrets {
	s := &Secrets{}
	s.Fail(err)
	return s
}

// Set makes values the accepted versions, the newest first. Versions count up
// from 1, so that the first of three has number 3.
func (s *Secrets) Set(values ...string) {
	versions := &authz.Versions{}
	for i, value := range values {
		versions.Accepted = append(versions.Accepted, authz.Version{
			Number: len(values) - i, Previous: i > 0, Secret: authz.NewSecret([]byte(value)),
		})
	}
	s.SetVersions(versions)
}

// SetVersions makes versions what is read.
func (s *Secrets) SetVersions(versions *authz.Versions) { s.state.Store(&state{versions: versions}) }

// Fail makes every read fail with err.
func (s *Secrets) Fail(err error) { s.state.Store(&state{err: err}) }

// Versions implements [authz.Secrets].
func (s *Secrets) Versions(time.Time) (*authz.Versions, error) {
	state := s.state.Load()
	if state == nil {
		return &authz.Versions{}, nil
	}
	return state.versions, state.err
}

package authztest

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Env returns what a kind is built with: a reference for each of secrets, under
// its name. There are no keys, no anchors and no introspection.
func Env(secrets map[string]authz.Secrets) *authz.Env {
	return &authz.Env{Policy: "test", Secret: func(name string) (authz.Reference, bool) {
		s, ok := secrets[name]
		return authz.Reference{Name: name, Secrets: s}, ok
	}}
}

// A KeySet is a key set that does not change.
type KeySet struct {
	// Accepted is returned by every read, unless Err is set.
	Accepted []authz.PublicKey
	Err      error
}

var _ authz.KeySet = (*KeySet)(nil)

// Keys implements [authz.KeySet].
func (s *KeySet) Keys(time.Time) (*authz.Keys, error) {
	if s.Err != nil {
		return nil, s.Err
	}
	return &authz.Keys{Accepted: s.Accepted}, nil
}

// Refresh implements [authz.KeySet].
func (s *KeySet) Refresh(_ context.Context, _ string, now time.Time) (*authz.Keys, error) {
	return s.Keys(now)
}

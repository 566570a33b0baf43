package policy

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Sources give a table what is not in its file. What is nil is never available.
type Sources struct {
	// Secret gives the secret declared under a name of [File.Secrets]. It is
	// asked once for each that is used.
	Secret func(name string) authz.Secrets
	// Keys gives the key set declared under a name of [File.KeySets].
	Keys func(name string) authz.KeySet
	// Introspector gives who asks an authorization server.
	Introspector func(authz.IntrospectionServer) authz.Introspector
	// Grants finds the opaque tokens of the token endpoint.
	Grants authz.GrantStore
	// Replay gives the store that remembers claims: "memory" or "redis". It
	// returns nil if there is none.
	Replay func(store string) authz.ReplayStore
	// ByURL fetches certificates whose URL requests name.
	ByURL CertificateFinder
	// SigningDelay is how long after it was written a new signing key begins to
	// sign, so that every replica knows it by then. 0 means two minutes.
	SigningDelay time.Duration
}

// defaultSigningDelay is several times what a replica needs, at the default
// refresh, to see a new version.
const defaultSigningDelay = 2 * time.Minute

func (s Sources) filled() Sources {
	if s.Secret == nil {
		s.Secret = func(string) authz.Secrets { return closed{} }
	}
	if s.Keys == nil {
		s.Keys = func(string) authz.KeySet { return closed{} }
	}
	if s.Introspector == nil {
		s.Introspector = func(authz.IntrospectionServer) authz.Introspector { return closed{} }
	}
	if s.Grants == nil {
		s.Grants = closed{}
	}
	if s.ByURL == nil {
		s.ByURL = closedFinder{}
	}
	if s.Replay == nil {
		s.Replay = func(string) authz.ReplayStore { return nil }
	}
	if s.SigningDelay == 0 {
		s.SigningDelay = defaultSigningDelay
	}
	return s
}

// closed stands in for sources while a file is only checked.
type closed struct{}

var (
	_ authz.Secrets      = closed{}
	_ authz.KeySet       = closed{}
	_ authz.AnchorSet    = closed{}
	_ authz.Introspector = closed{}
	_ authz.GrantStore   = closed{}
	_ authz.ReplayStore  = closed{}
)

// Versions implements [authz.Secrets].
func (closed) Versions(time.Time) (*authz.Versions, error) {
	return nil, authz.Deny(authz.ReasonSecretUnavailable, "secrets are not read while a file is checked")
}

// Keys implements [authz.KeySet].
func (closed) Keys(time.Time) (*authz.Keys, error) {
	return nil, authz.Deny(authz.ReasonKeySetUnavailable, "keys are not read while a file is checked")
}

// Anchors implements [authz.AnchorSet].
func (closed) Anchors(time.Time) (*authz.Anchors, error) {
	return nil, authz.Deny(authz.ReasonSecretUnavailable, "trust anchors are not read while a file is checked")
}

// Refresh implements [authz.KeySet].
func (c closed) Refresh(_ context.Context, _ string, now time.Time) (*authz.Keys, error) {
	return c.Keys(now)
}

// Introspect implements [authz.Introspector].
func (closed) Introspect(context.Context, string, time.Time) ([]byte, error) {
	return nil, authz.Deny(authz.ReasonIntrospectionUnavailable, "no server is asked while a file is checked")
}

// Find implements [authz.GrantStore].
func (closed) Find(context.Context, string, time.Time) (authz.Grant, error) {
	return authz.Grant{}, authz.Deny(authz.ReasonTokenStoreUnavailable, "there is no token store")
}

// Claim implements [authz.ReplayStore].
func (closed) Claim(context.Context, *authz.Claim) (authz.ClaimResult, error) {
	return authz.ClaimNone, authz.Deny(authz.ReasonReplayStoreUnavailable, "there is no such replay store")
}

// closedPrivate is closed for private keys.
type closedPrivate struct{}

// Keys implements [authz.PrivateKeySet].
func (closedPrivate) Keys(time.Time) (*authz.PrivateKeys, error) {
	return nil, authz.Deny(authz.ReasonSecretUnavailable, "keys are not read while a file is checked")
}

package authz

import (
	"context"
	"time"
)

// An IntrospectionServer is where a policy has tokens judged (RFC 7662).
type IntrospectionServer struct {
	// Policy is the name of the policy that asks. Verdicts are not shared
	// between policies.
	Policy string
	// URL of the endpoint.
	URL string
	// ClientID and Secrets are how we authenticate there.
	ClientID string
	Secrets  []Reference
	// PrivateNetwork permits an address that is not on the public internet.
	PrivateNetwork bool
}

// An Introspector asks an authorization server about tokens. Many goroutines may
// use it.
type Introspector interface {
	// Introspect returns the JSON object by which the server says that token is
	// active. The error is a denial: [ReasonTokenInvalid] if the server says
	// that it is not, [ReasonIntrospectionUnavailable] if nobody can tell, or
	// one wrapping [ErrNotConfigured] for our own credentials there. It waits no
	// longer than ctx lives.
	Introspect(ctx context.Context, token string, now time.Time) ([]byte, error)
}

// OwnTokens are the tokens that this product issues itself.
type OwnTokens struct {
	// Issuer is the "iss" of the tokens.
	Issuer string
	// Clients are the declared clients and the scopes each may get.
	Clients map[string][]string
	// Keys verify tokens that are JWTs; nil where tokens are opaque, and then
	// Grants has them.
	Keys   KeySet
	Grants GrantStore
}

// A Grant is what an opaque token stands for.
type Grant struct {
	// Issuer is who issued the token, as in [OwnTokens]. Another issuer's token
	// in the same store is none of ours.
	Issuer string
	Client string
	// Scopes that were granted, and the policies that accept the token.
	Scopes   []string
	Policies []string
	// Expires is when the token ends.
	Expires time.Time
}

// A GrantStore finds what opaque tokens stand for. Many goroutines may use it.
type GrantStore interface {
	// Find returns the grant of token. The error is a denial:
	// [ReasonTokenInvalid] if there is none, [ReasonTokenExpired] if it ended,
	// [ReasonTokenStoreUnavailable] if nobody can tell. It waits no longer than
	// ctx lives.
	Find(ctx context.Context, token string, now time.Time) (Grant, error)
}

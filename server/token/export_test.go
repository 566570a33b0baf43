package token

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// What tests in other packages look at.

// Put keeps a grant.
func (s *Store) Put(ctx context.Context, grant authz.Grant, now time.Time) (string, error) {
	return s.put(ctx, grant, now)
}

// NameOf is the key of a token in Redis.
func NameOf(token string) (string, bool) { return nameOf(token) }

// ParseForm reads a body.
func ParseForm(text string) (parameters map[string]string, ok bool) {
	f, bad := parseForm(text)
	return f, bad == nil
}

// ParseBasic reads an Authorization header.
func ParseBasic(value string) (client, secret string, ok bool) { return parseBasic(value) }

// Limits that tests count up to.
const (
	AddressBurst = addressBurst
	AddressEvery = addressEvery
	FailureBurst = failureBurst
	FailureEvery = failureEvery
	ClientBurst  = clientBurst
	ClientEvery  = clientEvery
	MaxBuckets   = maxBuckets
)

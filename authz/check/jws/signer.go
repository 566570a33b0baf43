package jws

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A signer proves who signed a token. Many goroutines may use it.
type signer interface {
	// prove returns who signed token: the principal is what is known of the
	// signer, the key which key it was. The error is a denial.
	prove(ctx context.Context, token *jose.Token, now time.Time) (authz.Identity, error)
	unfit(now time.Time, tell func(secret string, why error))
}

// A known signer has one of our keys.
type known struct{ prover jose.Prover }

func (k *known) prove(ctx context.Context, token *jose.Token, now time.Time) (authz.Identity, error) {
	proof, err := k.prover.Prove(ctx, token, now)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	return proof.Identify(proof.Set.Name), nil
}

func (k *known) unfit(now time.Time, tell func(secret string, why error)) { k.prover.Unfit(now, tell) }

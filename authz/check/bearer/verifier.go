package bearer

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A verifier proves who made a JWT.
type verifier struct {
	jose.Prover
	// types are the headers' "typ" that are taken, in lower case.
	types []string
}

// verify returns the claims of the JWT text, and the proof that one of our keys
// signed them. Nothing of them has been judged yet.
func (v *verifier) verify(ctx context.Context, text string, now time.Time) (*jose.Claims, jose.Proof, error) {
	token, err := jose.ParseCompact(text)
	if err != nil {
		return nil, jose.Proof{}, err //nolint:wrapcheck // a denial
	}
	if !token.HasType(v.types...) {
		return nil, jose.Proof{}, authz.Deny(authz.ReasonTokenInvalid, `the token's "typ" is that of something else`)
	}
	signed, err := v.Prove(ctx, token, now)
	if err != nil {
		return nil, jose.Proof{}, err //nolint:wrapcheck // a denial
	}
	claims, err := jose.ParseClaims(token.Payload())
	if err != nil {
		return nil, jose.Proof{}, err //nolint:wrapcheck // a denial
	}
	return claims, signed, nil
}

package token

import (
	"context"
	"errors"
	"net/http"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

// revoke is the revocation endpoint (RFC 7009). Revoking what is no token succeeds,
// as section 2.2 has it; another client's token stays, and the client is told
// (section 2.1). token_type_hint has nothing to choose from.
func (h *Handler) revoke(ctx context.Context, x *exchange, client *policy.TokenClient, f form) (outcome, *refusal) {
	token, ok := f["token"]
	if !ok {
		return outcome{}, badRequest("token is missing")
	}
	if h.Store == nil {
		return outcome{}, troubled(authz.Deny(authz.ReasonBug, "there is no token store"))
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	grant, err := h.Store.Find(ctx, token, x.now)
	switch {
	case errors.Is(err, authz.ErrRejected) || err == nil && grant.Issuer != x.endpoint.Issuer:
		return outcome{result: ResultNothing}, nil
	case err != nil:
		return outcome{}, troubled(err)
	case grant.Client != client.Name:
		return outcome{}, &refusal{
			status: http.StatusBadRequest, result: ResultUnauthorizedClient, code: ResultUnauthorizedClient,
			text: "the token is not this client's",
		}
	}
	if err := h.Store.remove(ctx, token); err != nil {
		return outcome{}, troubled(err)
	}
	return outcome{result: ResultRevoked}, nil
}

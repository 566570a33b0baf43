package token

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

const grantType = "client_credentials"

// storeTime is how long the store may take, a new connection included.
const storeTime = 2 * time.Second

// issued is the answer of RFC 6749, section 5.1.
type issued struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"` // seconds
	Scope   string `json:"scope,omitempty"`
}

// claims are those of RFC 9068, section 2.2. The audience are policies.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Client   string   `json:"client_id"`
	Audience []string `json:"aud"`
	Scope    string   `json:"scope,omitempty"`
	Issued   int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	ID       string   `json:"jti"`
}

// issue is the token endpoint.
func (h *Handler) issue(ctx context.Context, x *exchange, client *policy.TokenClient, f form) (outcome, *refusal) {
	switch f["grant_type"] {
	case grantType:
	case "":
		return outcome{}, badRequest("grant_type is missing")
	default:
		return outcome{}, &refusal{
			status: http.StatusBadRequest, result: ResultUnsupportedGrant, code: ResultUnsupportedGrant,
			text: "grant_type must be client_credentials",
		}
	}
	scopes, policies, bad := grantedScopes(client, f)
	if bad != nil {
		return outcome{}, bad
	}
	grant := authz.Grant{
		Issuer: x.endpoint.Issuer, Client: client.Name, Scopes: scopes, Policies: policies,
		// JWTs count in seconds: so do all.
		Expires: x.now.Truncate(time.Second).Add(x.endpoint.Lifetime.Truncate(time.Second)),
	}
	token, id, err := h.make(ctx, x, &grant)
	if err != nil {
		return outcome{}, troubled(err)
	}
	return outcome{
		result: ResultIssued,
		body: issued{
			Token: token, Type: "Bearer", Expires: int64(x.endpoint.Lifetime / time.Second), Scope: strings.Join(scopes, " "),
		},
		log: told(&grant, id),
	}, nil
}

// told is what the log is told of a token. id is that of the key that signed it,
// empty if none did.
func told(grant *authz.Grant, id string) []slog.Attr {
	attributes := []slog.Attr{slog.Any("policies", grant.Policies), slog.Time("expires", grant.Expires.UTC())}
	if len(grant.Scopes) > 0 {
		attributes = append(attributes, slog.Any("scopes", grant.Scopes))
	}
	if id != "" {
		attributes = append(attributes, slog.String("key", id))
	}
	return attributes
}

// make returns a token for grant, and the id of the key that signed it if one did.
func (h *Handler) make(ctx context.Context, x *exchange, grant *authz.Grant) (token, key string, err error) {
	if !x.endpoint.Opaque {
		return sign(x, grant)
	}
	if h.Store == nil {
		return "", "", authz.Deny(authz.ReasonBug, "there is no token store")
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	token, err = h.Store.put(ctx, *grant, x.now)
	return token, "", err
}

func sign(x *exchange, grant *authz.Grant) (token, key string, err error) {
	if x.endpoint.Signer == nil {
		return "", "", authz.Deny(authz.ReasonBug, "there is no signer")
	}
	signing, err := x.endpoint.Signer.Signing(x.now)
	if err != nil {
		return "", "", err //nolint:wrapcheck // a denial
	}
	payload, err := json.Marshal(claims{
		Issuer: grant.Issuer, Subject: grant.Client, Client: grant.Client, Audience: grant.Policies,
		Scope:  strings.Join(grant.Scopes, " "),
		Issued: x.now.Unix(), Expires: grant.Expires.Unix(), ID: rand.Text(),
	})
	if err != nil {
		return "", "", authz.Deny(authz.ReasonBug, "the claims can't be written")
	}
	token, err = jose.Sign(signing.Key, jose.Algorithm(signing.Algorithm), signing.ID, "at+jwt", payload)
	if err != nil {
		return "", "", authz.Deny(authz.ReasonBug, "the signing key does not sign")
	}
	return token, signing.ID, nil
}

// Package jws is the check of kind jws: the request holds a JSON Web Signature in
// compact form (RFC 7515) by a key that we have, or by one whose certificate leads
// to our trust anchors. The body is the token, or holds it; or the token stands in
// a header and covers the body: as its detached payload, or by a claim that is a
// digest of it.
package jws

import (
	"context"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/place"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A Check passes requests with a token that holds. It is built by [Kind], immutable
// but for what its signer remembers, and may be used by many goroutines.
type Check struct {
	place  *place.Place // nil: the token is handed over
	form   jose.Form
	body   bodyRule
	signer signer

	typ    string // in lower case, without "application/"; empty: any
	issuer string
	rules  jose.Rules
	clock  *clock // nil: no time is looked at, but for "exp" and "nbf"
	// claimed says that something is asked of the claims, so there must be some.
	claimed    bool
	assertions *scheme.Assertions

	policy  string
	replay  bool
	payload bool
}

var _ authz.TokenCheck = (*Check)(nil)

// Verify implements [authz.Check]. It looks, in this order, whether a token is
// there, whether the body came whole, whether the token can be read, whether it
// holds, whether it is recent, and whether issuer, audience and assertions hold.
// So a token is called stale only if it is authentic.
//
// The principal is the issuer where the policy names one. Otherwise it is what is
// known of the signer without the token's own word: the name of the keys, or of the
// certificate.
func (c *Check) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	if c.place == nil {
		return authz.Identity{}, authz.Deny(authz.ReasonCredentialMissing, "nothing says where the token stands")
	}
	f, err := c.find(r)
	if err != nil {
		return authz.Identity{}, err
	}
	return c.judge(ctx, r, f)
}

// VerifyToken implements [authz.TokenCheck].
func (c *Check) VerifyToken(ctx context.Context, r *authz.Request, token string) (authz.Identity, error) {
	f := found{text: token, whole: true}
	if c.assertions.NeedsBody() {
		var err error
		if f.body, err = r.WholeBody(); err != nil {
			return authz.Identity{}, err
		}
	}
	return c.judge(ctx, r, f)
}

func (c *Check) judge(ctx context.Context, r *authz.Request, f found) (authz.Identity, error) {
	if int64(len(f.text)) > max(r.Rules.MaxBody, jose.MaxToken) {
		return authz.Identity{}, authz.Deny(authz.ReasonCredentialMalformed, "the token is over the policy's limit for bodies")
	}
	token, err := c.form.Parse(f.text)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	if c.typ != "" && !token.HasType(c.typ) {
		return authz.Identity{}, authz.Deny(authz.ReasonTokenInvalid, `the token's "typ" is that of something else`)
	}
	if c.form.Detached != jose.Attached {
		token.Over(f.body)
	}
	identity, err := c.signer.prove(ctx, token, r.Received)
	if err != nil {
		return authz.Identity{}, err
	}
	if err := c.accept(r, f, token, &identity); err != nil {
		return authz.Identity{}, err
	}
	if c.issuer != "" {
		identity.Principal = c.issuer
	}
	identity.Credential, identity.BodySigned = true, f.whole
	identity.Content = c.content(token)
	return identity, nil
}

// accept judges what an authentic token says.
func (c *Check) accept(r *authz.Request, f found, token *jose.Token, identity *authz.Identity) error {
	claims, err := c.claims(token, max(r.Rules.MaxBody, jose.MaxClaims))
	if err != nil {
		return err
	}
	if c.clock != nil {
		if identity.Signed, err = c.clock.check(token, claims, r.Received); err != nil {
			return err
		}
	}
	input := template.Input{Request: r, Body: f.body, Claims: noClaims{}}
	if claims != nil {
		if err := c.rules.Check(claims, r.Received); err != nil {
			return err //nolint:wrapcheck // a denial
		}
		input.Claims = texts{claims}
	}
	_, err = c.assertions.Check(nil, &input)
	return err //nolint:wrapcheck // a denial
}

// content is what the policy asked for of a token that holds.
func (c *Check) content(token *jose.Token) *authz.Content {
	if !c.replay && !c.payload {
		return nil
	}
	content := &authz.Content{}
	if c.replay {
		h := authz.NewMessage(c.policy)
		_ = token.WriteSigned(h) // a hash takes all
		content.Messages = []authz.Message{authz.SumMessage(h)}
	}
	if c.payload {
		content.Payload, content.HasPayload = token.Payload(), true
	}
	return content
}

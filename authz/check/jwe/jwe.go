// Package jwe is the check of kind jwe: what was encrypted to us can be decrypted
// (RFC 7516). Anybody can encrypt to a public key, so that alone proves nothing of
// the sender. A shared key does, and so does a signed token inside.
package jwe

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	"github.com/hookauthz/hookauthz/authz/scheme/place"
)

// A Check passes requests whose token decrypts and, if there is a check for what
// is inside, passes that.
type Check struct {
	place   *place.Place
	allowed jwe.Allowed
	shared  bool
	inner   authz.TokenCheck // nil: what is inside is the payload
	keys    keys
	body    bodyRule
	// unfitInner is that of the inner check's [authz.Part], nil if it has none.
	unfitInner func(now time.Time, tell func(secret string, why error))

	policy          string
	replay, payload bool
}

var _ authz.Check = (*Check)(nil)

// Verify implements [authz.Check]. The principal is that of the signed token
// inside, or the name of the shared key; for a public key there is none.
func (c *Check) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	text, _, alone, err := c.place.Find(r)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	if err := c.body.check(r, alone); err != nil {
		return authz.Identity{}, err
	}
	token, err := jwe.Parse(text, c.allowed)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	plaintext, used, err := c.keys.decrypt(ctx, token, r.Received)
	if err != nil {
		return authz.Identity{}, err
	}
	identity := authz.Identity{}
	if c.inner != nil {
		identity, err = c.inner.VerifyToken(ctx, r, string(plaintext))
		if err != nil {
			return authz.Identity{}, err //nolint:wrapcheck // a denial
		}
	} else {
		identity.Key, identity.Content = used.name(), c.content(plaintext)
		if c.shared {
			identity.Principal = used.set.Name
		}
	}
	return c.complete(identity, &used), nil
}

// content is what is told of a plaintext that nobody looks at.
func (c *Check) content(plaintext []byte) *authz.Content {
	signs := c.replay && c.shared
	if !signs && !c.payload {
		return nil
	}
	content := &authz.Content{}
	if signs {
		h := authz.NewMessage(c.policy)
		h.Write(plaintext)
		content.Messages = []authz.Message{authz.SumMessage(h)}
	}
	if c.payload {
		content.Payload, content.HasPayload = plaintext, true
	}
	return content
}

// complete adds what decrypting tells to the identity of what was inside.
func (c *Check) complete(identity authz.Identity, used *used) authz.Identity {
	identity.Credential, identity.Decrypted = true, true
	identity.BodySigned = c.body.signed(identity.BodySigned)
	if told := identity.Content; told != nil && told.HasPayload && !c.payload {
		// Of a token in a header. Another check's payload takes the body's place.
		identity.Content = &authz.Content{Messages: told.Messages}
	}
	if identity.Secret == "" {
		identity.Secret, identity.Version, identity.Previous = used.key.Secret, used.key.Version, used.key.Previous
	}
	identity.Stale = identity.Stale || used.stale
	return identity
}

// Package httpsig verifies HTTP message signatures: those of RFC 9421, and those of
// draft-cavage-http-signatures, which came before it and which some gateways still
// write. The sender chooses what it signs and says so beside the signature; the
// policy says what must be among it.
//
// It is stricter than the RFC where that leaves room. Structured fields have one
// spelling, no member and no parameter stands twice, and what can't be computed from
// the request alone is refused. A digest of the body that is signed is always
// compared with the body.
package httpsig

import (
	"context"

	"github.com/hookauthz/hookauthz/authz"
)

// A Check verifies the signatures of one sender. It is built by [Kind], immutable,
// and may be used by many goroutines.
type Check struct {
	policy   string
	dialect  dialect
	required []string // components that must be covered
	nonce    bool     // there must be one
	body     bodyRule
	address  address
	clock    clock
	prover   prover
	replay   bool
}

var _ authz.Check = (*Check)(nil)

// A dialect is a way of writing signatures. The errors are denials.
type dialect interface {
	// locate finds the credential in r, without taking it apart.
	locate(r *authz.Request) (presented, error)
	// parse takes apart what locate found.
	parse(p presented) (*claim, error)
	// digest is the header with the body's digest, readDigests what it holds.
	digest() string
	readDigests(value string) (digests, error)
	locations() []authz.Location
}

// A presented is the text of a credential.
type presented struct {
	input     string // Signature-Input
	signature string // Signature, or what else holds it
}

// A prover knows the keys of the sender.
type prover interface {
	// prove returns who signed base. The error is that of [authz.Check].
	prove(ctx context.Context, r *authz.Request, c *claim, base []byte) (authz.Identity, error)
}

// A bodyRule is what a request must prove of its body. Its zero value is the
// strictest.
type bodyRule uint8

const (
	// bodyOptional: the digest of the body is covered, or there is none.
	bodyOptional bodyRule = iota
	// bodyCovered: the digest of the body is among what must be covered.
	bodyCovered
	// bodyIgnored: it need neither be covered nor be here.
	bodyIgnored
)

// Verify implements [authz.Check]. It looks, in this order, whether a signature is
// there, whether the body came whole, whether the signature can be read and covers
// what it must, whether it holds, whether the body is the one that was signed, and
// whether it is recent. So a signature is called stale only if it is authentic.
//
// The Identity's principal is the id of the public key that matched, as the sender
// writes it, or the name of the shared secret.
func (c *Check) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	found, err := c.dialect.locate(r)
	if err != nil {
		return authz.Identity{}, err
	}
	var body []byte
	if c.body == bodyCovered {
		if body, err = r.WholeBody(); err != nil {
			return authz.Identity{}, err //nolint:wrapcheck // a denial
		}
	}
	signed, err := c.dialect.parse(found)
	if err != nil {
		return authz.Identity{}, err
	}
	if err := c.demand(r, signed); err != nil {
		return authz.Identity{}, err
	}
	sums, covered, err := c.digests(r, signed)
	if err != nil {
		return authz.Identity{}, err
	}
	if covered && c.body != bodyCovered {
		if body, err = r.WholeBody(); err != nil {
			return authz.Identity{}, err //nolint:wrapcheck // a denial
		}
	}
	base, err := c.base(r, signed)
	if err != nil {
		return authz.Identity{}, err
	}
	identity, err := c.prover.prove(ctx, r, signed, base)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	if covered && !sums.match(body) {
		return authz.Identity{}, authz.Deny(authz.ReasonSignatureMismatch, "the signature holds, and the body is not the one in "+c.dialect.digest())
	}
	if err := c.clock.check(signed, r.Received); err != nil {
		return authz.Identity{}, err
	}
	identity.Credential, identity.BodySigned, identity.Signed = true, covered, signed.signed
	if c.replay {
		h := authz.NewMessage(c.policy)
		h.Write(base)
		identity.Content = &authz.Content{Messages: []authz.Message{authz.SumMessage(h)}}
	}
	return identity, nil
}

// demand returns nil if the signature covers and says what the policy wants, and
// reads when it was made.
func (c *Check) demand(r *authz.Request, signed *claim) error {
	for _, name := range c.required {
		if !signed.covers(name) {
			return malformed("the signature does not cover " + name)
		}
	}
	if c.nonce && signed.nonce == "" {
		return authz.Deny(authz.ReasonPartMissing, "the signature has no nonce")
	}
	if signed.byDate {
		if err := readDate(r, signed); err != nil {
			return err
		}
	}
	if signed.signed.IsZero() && !c.clock.undated {
		return authz.Deny(authz.ReasonPartMissing, "the signature does not say when it was made")
	}
	return nil
}

// digests returns what the request says of the body, and whether that is signed. If
// it is not, there must be no body, unless the policy takes any.
func (c *Check) digests(r *authz.Request, signed *claim) (sums digests, covered bool, _ error) {
	name := c.dialect.digest()
	if !signed.covers(name) {
		if c.body == bodyOptional {
			return digests{}, false, r.NoBody() //nolint:wrapcheck // a denial
		}
		return digests{}, false, nil
	}
	value, presence := r.Header.Line(name)
	switch {
	case presence == authz.Many:
		return digests{}, false, duplicate(name)
	case presence == authz.None:
		return digests{}, false, authz.Deny(authz.ReasonPartMissing, "header "+name)
	case r.Header.Altered(value):
		return digests{}, false, altered(name)
	}
	sums, err := c.dialect.readDigests(value)
	return sums, true, err
}

func malformed(detail string) error { return authz.Deny(authz.ReasonCredentialMalformed, detail) }

func duplicate(name string) error {
	return authz.Deny(authz.ReasonDuplicateHeader, "header "+name+" stands more than once")
}

func altered(name string) error {
	return malformed("header " + name + " may have been altered by the gateway")
}

// Package clientcert is the check of kind client_certificate: the sender has the
// private key of an X.509 certificate that one of the policy's authorities signed
// (RFC 5280).
//
// The gateway proves by its TLS handshake that the sender has the key, and tells
// which certificate it was. Everything else is judged here, for every request:
// gateways can be set to pass on certificates that they don't trust, and resume
// sessions without looking at the certificate again.
package clientcert

import (
	"context"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/chain"
)

// A Check passes requests that came with a certificate of its authorities which
// holds what its rules say.
type Check struct {
	xfcc     bool // taken from the header, not from the connection
	verifier *chain.Verifier
}

var _ authz.Check = (*Check)(nil)

// Verify implements [authz.Check]. The principal is the name that matched, or
// "sha256:" and the certificate's fingerprint where no name is asked for. The
// key is the fingerprint.
func (c *Check) Verify(_ context.Context, r *authz.Request) (authz.Identity, error) {
	text, err := c.locate(r)
	if err != nil {
		return authz.Identity{}, err
	}
	p := chain.Presented{Text: text}
	if c.xfcc {
		p.Beside = r.Certificate
	}
	_, identity, err := c.verifier.Verify(p, func() (*chain.Shown, error) { return c.read(p) }, r.Received)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	return identity, nil
}

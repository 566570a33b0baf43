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
	"crypto/x509"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// A Check passes requests that came with a certificate of its authorities which
// holds what its rules say.
type Check struct {
	xfcc    bool // taken from the header, not from the connection
	crl     crlMode
	anchors *anchors
	rules   *rules
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
	trust, trouble := c.anchors.at(r.Received)
	p := presented{text: text}
	if c.xfcc {
		p.beside = r.Certificate
	}
	if known := trust.known.find(p); known != nil {
		// What was proven holds as long as the certificates do and none of
		// them is revoked.
		if identity, err := known.identify(c.crl, r.Received); err == nil {
			return identity, nil
		}
	}

	shown, err := c.read(p)
	if err != nil {
		return authz.Identity{}, err
	}
	proof, err := c.prove(shown, trust, trouble, r.Received)
	if err != nil {
		return authz.Identity{}, err
	}
	identity, err := proof.identify(c.crl, r.Received)
	if err != nil {
		return authz.Identity{}, err
	}
	trust.known.keep(p, proof)
	return identity, nil
}

// A proof is what was found about a certificate that is trusted and allowed. It
// depends on time only by what [proof.identify] looks at.
type proof struct {
	chains      []chain
	principal   string
	fingerprint string
}

// prove builds the chains of what is shown. trouble is why an authority may be
// missing; it decides where none of those we have signed the certificate.
func (c *Check) prove(shown *shown, trust *trust, trouble error, now time.Time) (*proof, error) {
	if err := checkLeaf(shown.leaf); err != nil {
		return nil, err
	}
	chains, err := trust.chains(shown, now)
	if err != nil {
		// An authority that we can't read makes nothing valid that has ended.
		if trouble = scheme.WorseTrouble(trouble, trust.trouble); trouble != nil && !outside(shown.leaf, now) {
			return nil, trouble
		}
		return nil, err
	}
	fingerprint := fingerprintOf(shown.leaf)
	principal, err := c.rules.permit(shown.leaf, fingerprint)
	if err != nil {
		return nil, err
	}
	return &proof{chains: chains, principal: principal, fingerprint: fingerprint.String()}, nil
}

// identify returns who was proven, unless time or a revocation list speaks
// against every chain: one that holds is enough (RFC 5280, section 6.1). Chains
// that end at a newest version stand first. A revocation is told before trouble
// that may pass.
func (p *proof) identify(mode crlMode, now time.Time) (authz.Identity, error) {
	reason, detail := authz.ReasonCertificateExpired, "a certificate of the chain is not valid now"
	for i := range p.chains {
		chain := &p.chains[i]
		switch {
		case !chain.validAt(now):
		case mode != crlNone && chain.revoked:
			reason, detail = authz.ReasonCertificateRevoked, "a certificate of the chain is on its issuer's revocation list"
		case mode == crlHard && !chain.judgedAt(now):
			if reason != authz.ReasonCertificateRevoked {
				reason, detail = authz.ReasonCRLUnavailable, "no current revocation list of an issuer in the chain is there"
			}
		default:
			return authz.Identity{
				Principal: p.principal, Key: p.fingerprint, Credential: true,
				Secret: chain.anchor.Secret, Version: chain.anchor.Version, Previous: chain.anchor.Previous, Stale: chain.anchor.stale,
			}, nil
		}
	}
	return authz.Identity{}, authz.Deny(reason, detail)
}

// unfit is that of [authz.Part].
func (c *Check) unfit(now time.Time, tell func(secret string, why error)) {
	for _, ref := range c.anchors.refs {
		if set, ok := ref.Set.(interface {
			Unfit(now time.Time, tell func(secret string, why error))
		}); ok {
			set.Unfit(now, tell)
		}
	}
}

// A shown is the certificate that the sender presented, and those that came with
// it, which nobody vouches for.
type shown struct {
	leaf   *x509.Certificate
	others []*x509.Certificate
}

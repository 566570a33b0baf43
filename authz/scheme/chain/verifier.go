package chain

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// Config says which certificates a [Verifier] proves.
type Config struct {
	Anchors []authz.AnchorReference
	// ClientAuth wants certificates that are for TLS clients (extended key
	// usage), as everything above them must be too. Otherwise they may be for
	// anything.
	ClientAuth bool
	// Most is how many certificates a chain may have, from the sender's to the
	// trust anchor.
	Most       int
	Revocation Revocation
	// Permit says whether a certificate that is trusted may come in, and who
	// that is. It is remembered for as long as the anchors stay.
	Permit func(leaf *x509.Certificate, fingerprint Digest) (principal string, err error)
	// Above says whether a chain is one that counts, by what stands between the
	// certificate and the anchor. nil: all do.
	Above func(between []*x509.Certificate) bool
}

// A Verifier proves certificates. It remembers what it proved, for as long as the
// anchors are the same, and judges time and revocation for each request. Many
// goroutines may use it.
type Verifier struct {
	config  Config
	limits  limits
	anchors anchors
}

// New returns the verifier of c.
func New(c Config) *Verifier {
	v := &Verifier{config: c, limits: limits{most: c.Most, usage: x509.ExtKeyUsageAny}, anchors: anchors{refs: c.Anchors}}
	if c.ClientAuth {
		v.limits.usage = x509.ExtKeyUsageClientAuth
	}
	return v
}

// A Shown is the certificate that a sender presented, and those that came with
// it, which nobody vouches for.
type Shown struct {
	Leaf   *x509.Certificate
	Others []*x509.Certificate
}

// A Digest is a SHA-256.
type Digest [sha256.Size]byte

// String returns d as 64 hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// A Proof is what was found about a certificate that is trusted and allowed. It
// depends on time only by what [Verifier.Verify] looks at each time.
type Proof struct {
	// Leaf is the certificate.
	Leaf *x509.Certificate

	chains      []chain
	principal   string
	fingerprint string
}

// Verify returns the proof of what p shows, and who that is at now: the principal
// is what [Config.Permit] returned, the key the certificate's fingerprint. read
// parses p, and is asked unless p is remembered. The error is a denial.
func (v *Verifier) Verify(p Presented, read func() (*Shown, error), now time.Time) (*Proof, authz.Identity, error) {
	trust, trouble := v.anchors.at(now)
	if known := trust.known.find(p); known != nil {
		// What was proven holds as long as the certificates do and none of
		// them is revoked.
		if identity, err := known.identify(v.config.Revocation, now); err == nil {
			return known, identity, nil
		}
	}
	shown, err := read()
	if err != nil {
		return nil, authz.Identity{}, err
	}
	proof, err := v.prove(shown, trust, trouble, now)
	if err != nil {
		return nil, authz.Identity{}, err
	}
	identity, err := proof.identify(v.config.Revocation, now)
	if err != nil {
		return nil, authz.Identity{}, err
	}
	trust.known.keep(p, proof)
	return proof, identity, nil
}

// prove builds the chains of what is shown. trouble is why an authority may be
// missing; it decides where none of those we have signed the certificate.
func (v *Verifier) prove(shown *Shown, trust *trust, trouble error, now time.Time) (*Proof, error) {
	if err := v.limits.checkLeaf(shown.Leaf); err != nil {
		return nil, err
	}
	chains, err := trust.chains(shown, v.limits, now)
	if err != nil {
		// An authority that we can't read makes nothing valid that has ended.
		if trouble = scheme.WorseTrouble(trouble, trust.trouble); trouble != nil && !outside(shown.Leaf, now) {
			return nil, trouble
		}
		return nil, err
	}
	if v.config.Above != nil {
		chains = slices.DeleteFunc(chains, func(c chain) bool { return !v.config.Above(c.certificates[1 : len(c.certificates)-1]) })
		if len(chains) == 0 {
			return nil, authz.Deny(authz.ReasonCertificateNotAllowed, "an authority between the certificate and its trust anchor is not one that the policy asks for")
		}
	}
	fingerprint := Digest(sha256.Sum256(shown.Leaf.Raw))
	principal, err := v.config.Permit(shown.Leaf, fingerprint)
	if err != nil {
		return nil, err
	}
	return &Proof{Leaf: shown.Leaf, chains: chains, principal: principal, fingerprint: fingerprint.String()}, nil
}

// identify returns who was proven, unless time or a revocation list speaks
// against every chain: one that holds is enough (RFC 5280, section 6.1). Chains
// that end at a newest version stand first. A revocation is told before trouble
// that may pass.
func (p *Proof) identify(mode Revocation, now time.Time) (authz.Identity, error) {
	reason, detail := authz.ReasonCertificateExpired, "a certificate of the chain is not valid now"
	for i := range p.chains {
		chain := &p.chains[i]
		switch {
		case !chain.validAt(now):
		case mode != Unasked && chain.revoked:
			reason, detail = authz.ReasonCertificateRevoked, "a certificate of the chain is on its issuer's revocation list"
		case mode == Hard && !chain.judgedAt(now):
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

// Unfit is that of [authz.Part].
func (v *Verifier) Unfit(now time.Time, tell func(secret string, why error)) {
	for _, ref := range v.anchors.refs {
		if set, ok := ref.Set.(interface {
			Unfit(now time.Time, tell func(secret string, why error))
		}); ok {
			set.Unfit(now, tell)
		}
	}
}

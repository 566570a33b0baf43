package chain

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A chain is a way from a certificate to a trust anchor.
type chain struct {
	certificates []*x509.Certificate // the sender's first, the anchor last
	anchor       *authority
	// revoked says that a list names one of them. judges are, for each but the
	// anchor, the lists that speak for it.
	revoked bool
	judges  [][]*list
}

func (c *chain) validAt(now time.Time) bool {
	return !slices.ContainsFunc(c.certificates, func(certificate *x509.Certificate) bool { return outside(certificate, now) })
}

func outside(certificate *x509.Certificate, now time.Time) bool {
	return now.Before(certificate.NotBefore) || now.After(certificate.NotAfter)
}

// limits are what a chain may be.
type limits struct {
	most  int // certificates, from the sender's to the trust anchor
	usage x509.ExtKeyUsage
}

// chains returns every chain of what is shown at now, those first whose anchor is
// of a newest version. The error is a denial.
//
// Certificates that are not valid now are looked at as of when they were, or will
// be: "expired" is told only of what is ours.
func (t *trust) chains(shown *Shown, l limits, now time.Time) ([]chain, error) {
	at := nearest(shown.Leaf, now)
	found, err := t.verify(shown, l, at)
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired { // of an authority
		at = nearest(invalid.Cert, now)
		if again, err := t.verify(shown, l, at); err == nil {
			return nil, timely(again, shown.Leaf, l, now)
		}
	}
	if err != nil {
		return nil, untrusted(explain(err))
	}
	if !at.Equal(now) {
		return nil, timely(found, shown.Leaf, l, now)
	}

	var chains []chain
	for _, certificates := range found {
		if anchor := t.authorityOf(certificates[len(certificates)-1]); anchor != nil && l.flawOf(certificates) == "" {
			chains = append(chains, t.judged(chain{certificates: certificates, anchor: anchor}))
		}
	}
	if len(chains) == 0 {
		return nil, untrusted(l.flawOf(found[0]))
	}
	slices.SortStableFunc(chains, func(a, b chain) int { return rank(a.anchor) - rank(b.anchor) })
	return chains, nil
}

// verify returns the chains of what is shown as of at, or why there are none. They
// may have flaws: see [limits.flawOf].
func (t *trust) verify(shown *Shown, l limits, at time.Time) ([][]*x509.Certificate, error) {
	if at.IsZero() { // which Verify takes for the present
		return nil, errNoTime
	}
	return shown.Leaf.Verify(x509.VerifyOptions{ //nolint:wrapcheck // explain words it
		Roots: t.pool, Intermediates: between(shown.Others), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{l.usage},
	})
}

var errNoTime = errors.New("the certificate is valid at no time")

// timely returns the denial for chains that are right as of another time.
func timely(found [][]*x509.Certificate, leaf *x509.Certificate, l limits, now time.Time) error {
	flaws := 0
	for _, certificates := range found {
		if l.flawOf(certificates) != "" {
			flaws++
		}
	}
	switch {
	case flaws == len(found):
		return untrusted(l.flawOf(found[0]))
	case now.Before(leaf.NotBefore):
		return authz.Deny(authz.ReasonCertificateExpired, "the certificate is not valid yet")
	case now.After(leaf.NotAfter):
		return authz.Deny(authz.ReasonCertificateExpired, "the certificate has expired")
	}
	return authz.Deny(authz.ReasonCertificateExpired, "an authority in the chain is not valid now")
}

// nearest returns the time at which certificate is valid that is nearest to now.
func nearest(certificate *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.Before(certificate.NotBefore):
		return certificate.NotBefore
	case now.After(certificate.NotAfter):
		return certificate.NotAfter
	}
	return now
}

// between returns those of others that may stand in a chain, nil if none. Of an
// authority that came with several sets of alternative names the first counts:
// package x509 takes these for several authorities, and would look for the anchor
// behind them in every order, with a signature to verify at each step.
func between(others []*x509.Certificate) *x509.CertPool {
	if len(others) == 0 {
		return nil
	}
	pool := x509.NewCertPool()
	for i, other := range others {
		respelt := slices.ContainsFunc(others[:i], func(first *x509.Certificate) bool {
			return sameAuthority(first, other) && alternativeNames(first) != alternativeNames(other)
		})
		if !respelt && weakness(other) == "" && !scheme.IsWeak(other.SignatureAlgorithm) {
			pool.AddCert(other)
		}
	}
	return pool
}

func rank(anchor *authority) int {
	if anchor.Previous {
		return 1
	}
	return 0
}

// flawOf returns what is wrong with a chain that is right by RFC 5280, empty if
// nothing is.
func (l limits) flawOf(certificates []*x509.Certificate) string {
	switch {
	case len(certificates) < 2:
		return "the certificate is itself a trust anchor"
	case len(certificates) > l.most:
		return fmt.Sprintf("the chain has over %d certificates", l.most)
	case slices.ContainsFunc(certificates[:len(certificates)-1], func(c *x509.Certificate) bool { return scheme.IsWeak(c.SignatureAlgorithm) }):
		return "a certificate of the chain is signed with a weak algorithm"
	case slices.ContainsFunc(certificates, func(c *x509.Certificate) bool { return weakness(c) != "" }):
		return "an authority has a weak key"
	}
	return ""
}

// checkLeaf refuses a certificate that no authority could make good. It comes
// first, so that no signature of a key of any size is looked at.
func (l limits) checkLeaf(leaf *x509.Certificate) error {
	switch {
	case weakness(leaf) != "":
		return untrusted(weakness(leaf))
	case scheme.IsWeak(leaf.SignatureAlgorithm):
		return untrusted("the certificate is signed with a weak algorithm")
	case leaf.IsCA:
		return untrusted("the certificate is that of an authority")
	case l.usage != x509.ExtKeyUsageAny && !slices.Contains(leaf.ExtKeyUsage, l.usage):
		return untrusted("the certificate is not for client authentication (extended key usage)")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return untrusted("the certificate is not for signing (key usage)")
	}
	return nil
}

// weakness returns what is wrong with a certificate's key, empty if nothing is.
func weakness(certificate *x509.Certificate) string {
	if err := jose.CheckKey(certificate.PublicKey); err != nil {
		return err.Error()
	}
	return ""
}

// explain words what [x509.Certificate.Verify] says, which may quote the
// certificate.
func explain(err error) string {
	var invalid x509.CertificateInvalidError
	var unhandled x509.UnhandledCriticalExtension
	switch {
	case errors.Is(err, errNoTime):
		return errNoTime.Error()
	case errors.As(err, &unhandled):
		return "the certificate has a critical extension that is not understood"
	case errors.As(err, &invalid):
		switch invalid.Reason {
		case x509.CANotAuthorizedForThisName, x509.UnconstrainedName, x509.TooManyConstraints:
			return "an authority may not sign for a name of the certificate (name constraints)"
		case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
			return "an authority may not sign for client authentication (extended key usage)"
		case x509.Expired:
			return "an authority in the chain is not valid now"
		case x509.TooManyIntermediates:
			return "an authority may not stand so high above the certificate (path length)"
		default:
			return "the certificate does not hold"
		}
	}
	return "no trust anchor signed it, or a certificate between is missing or does not hold"
}

func untrusted(detail string) error {
	return authz.Deny(authz.ReasonCertificateUntrusted, detail)
}

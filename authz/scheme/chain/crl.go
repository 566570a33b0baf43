package chain

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz/scheme"
)

// A Revocation says what revocation lists are for.
type Revocation uint8

// The revocations. Under [Hard] every certificate below the anchor needs a current
// list of its issuer.
const (
	Unasked Revocation = iota // no list is looked at
	Soft                      // what they list is revoked
	Hard                      // and a current one must be there
)

// removeFromCRL is the reason code of an entry that takes back an earlier one
// (RFC 5280, section 5.3.1).
const removeFromCRL = 8

// A list is a revocation list.
type list struct {
	crl *x509.RevocationList
	// signers are the keys that made it, as SubjectPublicKeyInfo. It speaks for
	// every certificate of its issuer's name that has such a key.
	signers []string
	// partial says that it has a critical extension: it is a delta, or only
	// about some certificates. What it lists is revoked; of others it says
	// nothing (RFC 5280, section 5.2).
	partial bool
	revoked map[string]struct{} // serial numbers, as bytes
}

// newList returns the list crl. It counts for nothing unless one of authorities
// signed it.
func newList(crl *x509.RevocationList, authorities []authority) list {
	l := list{crl: crl, revoked: make(map[string]struct{}, len(crl.RevokedCertificateEntries))}
	for i := range authorities {
		certificate := authorities[i].Certificate
		named := string(certificate.RawSubject) == string(crl.RawIssuer)
		if named && !scheme.IsWeak(crl.SignatureAlgorithm) && weakness(certificate) == "" && crl.CheckSignatureFrom(certificate) == nil {
			l.signers = append(l.signers, string(certificate.RawSubjectPublicKeyInfo))
		}
	}
	for _, extension := range crl.Extensions {
		l.partial = l.partial || extension.Critical
	}
	for i := range crl.RevokedCertificateEntries {
		entry := &crl.RevokedCertificateEntries[i]
		if entry.ReasonCode != removeFromCRL && entry.SerialNumber != nil {
			l.revoked[string(entry.SerialNumber.Bytes())] = struct{}{}
		}
	}
	return l
}

// of reports whether l is a list of issuer's.
func (l *list) of(issuer *x509.Certificate) bool {
	return string(l.crl.RawIssuer) == string(issuer.RawSubject) && slices.Contains(l.signers, string(issuer.RawSubjectPublicKeyInfo))
}

// currentAt reports whether l can tell that a certificate is not revoked. A list
// must say when the next one comes (RFC 5280, section 5.1.2.5).
func (l *list) currentAt(now time.Time) bool {
	return !l.partial && !now.Before(l.crl.ThisUpdate) && now.Before(l.crl.NextUpdate)
}

// names reports whether certificate, of l's issuer, is on l.
func (l *list) names(certificate *x509.Certificate) bool {
	_, ok := l.revoked[string(certificate.SerialNumber.Bytes())]
	return ok
}

// judged adds to c what the lists say. Every certificate below the anchor is
// judged by its issuer's lists, and the anchor is revoked where one names it.
func (t *trust) judged(c chain) chain {
	c.revoked = c.anchor.revoked
	for i, certificate := range c.certificates[:len(c.certificates)-1] {
		var judges []*list
		for j := range t.lists {
			if l := &t.lists[j]; l.of(c.certificates[i+1]) {
				judges = append(judges, l)
				c.revoked = c.revoked || l.names(certificate)
			}
		}
		c.judges = append(c.judges, judges)
	}
	return c
}

// judgedAt reports whether a current list speaks for every certificate below the
// anchor.
func (c *chain) judgedAt(now time.Time) bool {
	for _, judges := range c.judges {
		if !slices.ContainsFunc(judges, func(l *list) bool { return l.currentAt(now) }) {
			return false
		}
	}
	return true
}

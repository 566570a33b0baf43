package chain

import (
	"crypto/x509"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// anchors reads the policy's trust anchors and keeps what it makes of them beside
// the pointers that it was made from. It takes no lock.
type anchors struct {
	refs []authz.AnchorReference
	last atomic.Pointer[trust]
}

// A trust is what is made of the anchors at one time. It is immutable but for what
// it remembers.
type trust struct {
	from        []*authz.Anchors // one a reference, nil where it can't be read
	pool        *x509.CertPool
	authorities []authority
	lists       []list
	// trouble says that an authority is missing that may have signed.
	trouble error
	known   *cache
}

// An authority is one that is in the pool.
type authority struct {
	authz.Authority

	stale bool
	// revoked says that a list of another authority names it.
	revoked bool
}

// at returns what is trusted at now. trouble, if not nil, says that some anchors
// can't be read.
func (a *anchors) at(now time.Time) (current *trust, trouble error) {
	last := a.last.Load()
	same := last != nil
	for i := range a.refs {
		read, err := a.read(i, now)
		trouble = scheme.WorseTrouble(trouble, err)
		same = same && last.from[i] == read
	}
	if same {
		return last, trouble
	}
	from := make([]*authz.Anchors, len(a.refs))
	trouble = nil
	for i := range a.refs {
		read, err := a.read(i, now)
		trouble = scheme.WorseTrouble(trouble, err)
		from[i] = read
	}
	current = newTrust(from)
	a.last.Store(current)
	return current, trouble
}

// read returns the anchors of one reference, or why there are none.
func (a *anchors) read(i int, now time.Time) (*authz.Anchors, error) {
	read, err := a.refs[i].Set.Anchors(now)
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // a denial
	case read == nil:
		return nil, noAnchor()
	}
	return read, nil
}

func noAnchor() error { return authz.Deny(authz.ReasonSecretMissing, "there is no trust anchor") }

func newTrust(from []*authz.Anchors) *trust {
	t := &trust{from: from, pool: x509.NewCertPool(), known: newCache()}
	// Of a certificate that stands twice, that of the newest version counts.
	for _, previous := range []bool{false, true} {
		for _, read := range from {
			if read != nil {
				t.add(read, previous)
			}
		}
	}
	for _, read := range from {
		switch {
		case read == nil:
			continue
		case read.Unusable != nil:
			t.trouble = scheme.WorseTrouble(t.trouble, read.Unusable)
		case len(read.Authorities) == 0:
			t.trouble = scheme.WorseTrouble(t.trouble, noAnchor())
		}
		for _, crl := range read.CRLs {
			if crl != nil {
				t.lists = append(t.lists, newList(crl, t.authorities))
			}
		}
	}
	for i := range t.authorities {
		t.authorities[i].revoked = t.takenBack(t.authorities[i].Certificate)
	}
	return t
}

// takenBack reports whether a list names the certificate of an authority that
// another one signed. An authority is trusted by itself, but not against the word
// of its own issuer: where lists are asked for, intermediates are listed among the
// anchors.
func (t *trust) takenBack(certificate *x509.Certificate) bool {
	for i := range t.authorities {
		issuer := t.authorities[i].Certificate
		if string(issuer.RawSubject) != string(certificate.RawIssuer) || sameAuthority(issuer, certificate) {
			continue
		}
		named := slices.ContainsFunc(t.lists, func(l list) bool { return l.of(issuer) && l.names(certificate) })
		if named && signedBy(certificate, issuer) {
			return true
		}
	}
	return false
}

// sameAuthority reports whether both are one authority's, which may have renewed
// its certificate. One that changed its key is another authority of its name: the
// older key can sign for the newer, and take it back.
func sameAuthority(a, b *x509.Certificate) bool {
	return string(a.RawSubject) == string(b.RawSubject) && string(a.RawSubjectPublicKeyInfo) == string(b.RawSubjectPublicKeyInfo)
}

func (t *trust) add(read *authz.Anchors, previous bool) {
	for _, a := range read.Authorities {
		if a.Certificate == nil || a.Previous != previous || t.authorityOf(a.Certificate) != nil {
			continue
		}
		t.pool.AddCert(a.Certificate)
		t.authorities = append(t.authorities, authority{Authority: a, stale: read.Stale})
	}
}

// signedBy reports whether issuer signed certificate, as far as can be told: a
// signature that is too weak to be looked at may be its.
func signedBy(certificate, issuer *x509.Certificate) bool {
	err := certificate.CheckSignatureFrom(issuer)
	var weak x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &weak)
}

// authorityOf returns the authority whose certificate that is, nil if it is
// none.
func (t *trust) authorityOf(certificate *x509.Certificate) *authority {
	for i := range t.authorities {
		if t.authorities[i].Certificate.Equal(certificate) {
			return &t.authorities[i]
		}
	}
	return nil
}

package keyset

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

var (
	errForeign = errors.New("a revocation list is signed by none of the anchors")
	errWeak    = errors.New("a revocation list is signed with SHA-1 or weaker, which counts for nothing")
	errFell    = errors.New("a revocation list has a lower number than the one before, which stays in force")
)

// fillLists sets the revocation lists of next: of each authority the newest there
// was since it is an anchor. What the store holds now may be gone, unreadable or
// forged, and what was revoked stays revoked all the same.
func (s *AnchorSet) fillLists(next *anchored) {
	next.anchors.CRLTrouble = s.learn(next)
	present := map[string]bool{}
	for _, authority := range next.anchors.Authorities {
		present[identity(authority.Certificate)] = true
	}
	for id, list := range next.known {
		switch {
		case present[id]:
			next.anchors.CRLs = append(next.anchors.CRLs, list)
		case next.authorities.trouble == nil:
			delete(next.known, id) // it was taken out; it is not that anchors can't be read
		}
	}
}

// learn takes the lists that the store holds. It returns what is wrong with them.
func (s *AnchorSet) learn(next *anchored) error {
	if next.lists == nil {
		return next.listsErr
	}
	next.anchors.Stale = next.anchors.Stale || next.lists.from.Stale
	newest, ok := next.lists.newest()
	switch {
	case ok:
	case next.lists.trouble != nil:
		return next.lists.trouble
	default:
		return authz.Deny(authz.ReasonSecretMissing, fmt.Sprintf("secret %q has no newest version", s.lists.ref.Name))
	}
	var trouble error
	taken, fell := map[string]bool{}, map[string]bool{} // by authority
	for _, list := range newest.held {
		if scheme.IsWeak(list.SignatureAlgorithm) {
			// It must not replace one that counts: checks take no weak list.
			trouble = scheme.WorseTrouble(trouble, s.lists.unusable(errWeak))
			continue
		}
		authority := issuer(list, next.anchors.Authorities)
		if authority == nil {
			trouble = scheme.WorseTrouble(trouble, s.lists.unusable(errForeign))
			continue
		}
		id := identity(authority)
		switch before := next.known[id]; {
		case before == nil || !falls(before, list):
			next.known[id], taken[id] = list, true
			delete(fell, id)
		case !taken[id]:
			fell[id] = true
		}
	}
	if len(fell) > 0 {
		next.fell = s.lists.unusable(errFell)
	}
	return trouble
}

// identity tells authorities apart that have the same name or the same key.
func identity(authority *x509.Certificate) string {
	return string(authority.RawSubject) + string(authority.RawSubjectPublicKeyInfo)
}

// issuer returns the authority that issued and signed list, nil if none did.
func issuer(list *x509.RevocationList, authorities []authz.Authority) *x509.Certificate {
	for _, authority := range authorities {
		c := authority.Certificate
		if string(list.RawIssuer) == string(c.RawSubject) && list.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

// falls reports whether list is older than before, by its number (RFC 5280,
// section 5.2.3) or, where they are equal or missing, by its date.
func falls(before, list *x509.RevocationList) bool {
	if before.Number != nil && list.Number == nil {
		return true
	}
	if before.Number != nil {
		if order := list.Number.Cmp(before.Number); order != 0 {
			return order < 0
		}
	}
	return list.ThisUpdate.Before(before.ThisUpdate)
}

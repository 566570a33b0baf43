package keyset

import (
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

var _ authz.AnchorSet = (*AnchorSet)(nil)

// An AnchorSet is the trust anchors that a secret holds, with the revocation
// lists that another does. Many goroutines may use it.
type AnchorSet struct {
	authorities *slot[[]*x509.Certificate]
	lists       *slot[[]*x509.RevocationList] // nil if none is declared

	last atomic.Pointer[anchored]
	mu   sync.Mutex // held to replace last, which depends on the one before
}

// An anchored is a set of anchors and what it was made of.
type anchored struct {
	authorities *derived[[]*x509.Certificate]
	lists       *derived[[]*x509.RevocationList] // nil if listsErr is set, or none is declared
	listsErr    error
	anchors     *authz.Anchors
	known       map[string]*x509.RevocationList // by authority, the newest list there was
	fell        error                           // a list is older than the one before, which stays
}

// StoredAnchors returns the trust anchors that ref holds, a bundle of PEM
// certificates each of which is an anchor, and the revocation lists that crl
// holds, PEM or DER; crl may be nil.
//
// A list counts only if an anchor signed it. One with a lower number than the
// list before does not replace it, as long as the AnchorSet lives: whoever can
// change the store could otherwise bring back what was revoked. Of a secret with
// lists the newest version counts alone.
func StoredAnchors(ref authz.Reference, crl *authz.Reference) *AnchorSet {
	s := &AnchorSet{authorities: newSlot(ref, parseAuthorities)}
	if crl != nil {
		s.lists = newSlot(*crl, parseLists)
	}
	return s
}

// Anchors implements [authz.AnchorSet]. It allocates only after a secret changed.
func (s *AnchorSet) Anchors(now time.Time) (*authz.Anchors, error) {
	last, err := s.at(now)
	switch {
	case err != nil:
		return nil, err
	case len(last.anchors.Authorities) == 0:
		return nil, last.anchors.Unusable
	}
	return last.anchors, nil
}

func (s *AnchorSet) at(now time.Time) (*anchored, error) {
	authorities, err := s.authorities.at(now)
	if err != nil {
		return nil, err
	}
	var lists *derived[[]*x509.RevocationList]
	var listsErr error
	if s.lists != nil {
		lists, listsErr = s.lists.at(now)
	}
	if last := s.last.Load(); last.of(authorities, lists, listsErr) {
		return last, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last.Load()
	if last.of(authorities, lists, listsErr) {
		return last, nil
	}
	next := &anchored{authorities: authorities, lists: lists, listsErr: listsErr}
	s.fill(next, last)
	s.last.Store(next)
	return next, nil
}

// of reports whether a was made of these.
func (a *anchored) of(
	authorities *derived[[]*x509.Certificate], lists *derived[[]*x509.RevocationList], listsErr error,
) bool {
	return a != nil && a.authorities == authorities && a.lists == lists &&
		a.listsErr == listsErr //nolint:errorlint // is it the same, not alike
}

// fill makes the anchors of next; last is what was before, nil for nothing.
func (s *AnchorSet) fill(next, last *anchored) {
	next.anchors = &authz.Anchors{Unusable: next.authorities.trouble, Stale: next.authorities.from.Stale}
	for _, v := range next.authorities.values {
		for _, certificate := range v.held {
			if slices.ContainsFunc(next.anchors.Authorities, func(a authz.Authority) bool {
				return a.Certificate.Equal(certificate)
			}) {
				continue // a newer version holds it too
			}
			next.anchors.Authorities = append(next.anchors.Authorities, authz.Authority{
				Certificate: certificate, Secret: s.authorities.ref.Name, Version: v.version.Number, Previous: v.version.Previous,
			})
		}
	}
	if s.lists == nil {
		return
	}
	next.known = map[string]*x509.RevocationList{}
	if last != nil {
		maps.Copy(next.known, last.known)
	}
	s.fillLists(next)
}

// Unfit tells, by name, of the secrets that are there at now and hold no anchors
// or no revocation lists, or lists that are older than those before; see
// [authz.Part].
func (s *AnchorSet) Unfit(now time.Time, tell func(secret string, why error)) {
	s.authorities.unfit(now, tell)
	if s.lists == nil {
		return
	}
	last, err := s.at(now)
	if err != nil {
		s.lists.unfit(now, tell)
		return
	}
	why := scheme.WorseTrouble(last.anchors.CRLTrouble, last.fell)
	if errors.Is(why, authz.ErrNotConfigured) {
		tell(s.lists.ref.Name, why)
	}
}

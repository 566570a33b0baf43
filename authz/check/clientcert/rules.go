package clientcert

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"

	"github.com/spiffe/go-spiffe/v2/spiffeid"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/chain"
)

// rules are what a trusted certificate must hold. It is immutable.
type rules struct {
	// A name of dns, uris or spiffe must match, if there is any.
	dns    []string // lower case
	uris   []string
	spiffe []spiffeid.ID
	// issuers are canonical: see canonicalDN.
	issuers      []string
	fingerprints []chain.Digest
	publicKeys   []chain.Digest
}

// permit returns the principal of a trusted certificate, or why it may not come
// in. A pin does not stand for a name: each rule that is written must hold.
func (r *rules) permit(certificate *x509.Certificate, fingerprint chain.Digest) (string, error) {
	if len(r.fingerprints)+len(r.publicKeys) > 0 &&
		!slices.Contains(r.fingerprints, fingerprint) &&
		!slices.Contains(r.publicKeys, sha256.Sum256(certificate.RawSubjectPublicKeyInfo)) {
		return "", notAllowed("neither the certificate nor its key is pinned")
	}
	if len(r.issuers) > 0 {
		issuer, ok := canonicalDN(certificate.RawIssuer)
		if !ok || !slices.Contains(r.issuers, issuer) {
			return "", notAllowed("the issuer is not listed")
		}
	}
	if len(r.dns)+len(r.uris)+len(r.spiffe) == 0 {
		return "sha256:" + fingerprint.String(), nil
	}
	dns, uris, ok := chain.NamesOf(certificate)
	if !ok {
		return "", notAllowed("the certificate's names can't be read")
	}
	if name, ok := r.match(dns, uris); ok {
		return name, nil
	}
	return "", notAllowed("none of the certificate's names is listed")
}

// match returns the first name that is listed. It is printable ASCII of at most
// 2048 bytes, because all that is listed is.
func (r *rules) match(dns, uris []string) (string, bool) {
	// A SPIFFE certificate has exactly one URI
	// (https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md, 2).
	if len(r.spiffe) > 0 && len(uris) == 1 && len(uris[0]) <= chain.MaxURI {
		if id, err := spiffeid.FromString(uris[0]); err == nil && slices.ContainsFunc(r.spiffe, func(want spiffeid.ID) bool { return covers(want, id) }) {
			return id.String(), true
		}
	}
	if uri, ok := chain.MatchURI(r.uris, uris); ok {
		return uri, true
	}
	return chain.MatchDNS(r.dns, dns)
}

// covers reports whether id is want, or in its trust domain if want has no path.
func covers(want, id spiffeid.ID) bool {
	if want.Path() == "" {
		return id.MemberOf(want.TrustDomain())
	}
	return id == want
}

func notAllowed(detail string) error {
	return authz.Deny(authz.ReasonCertificateNotAllowed, detail)
}

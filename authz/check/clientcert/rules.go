package clientcert

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"

	"github.com/hookauthz/hookauthz/authz"
)

// rules are what a trusted certificate must hold. It is immutable.
type rules struct {
	// A name of dns, uris or spiffe must match, if there is any.
	dns    []string // lower case
	uris   []string
	spiffe []spiffeid.ID
	// issuers are canonical: see canonicalDN.
	issuers      []string
	fingerprints []digest
	publicKeys   []digest
}

// A digest is a SHA-256.
type digest [sha256.Size]byte

// String returns d as 64 hex digits.
func (d digest) String() string { return hex.EncodeToString(d[:]) }

func fingerprintOf(certificate *x509.Certificate) digest { return sha256.Sum256(certificate.Raw) }

// permit returns the principal of a trusted certificate, or why it may not come
// in. A pin does not stand for a name: each rule that is written must hold.
func (r *rules) permit(certificate *x509.Certificate, fingerprint digest) (string, error) {
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
	dns, uris, ok := namesOf(certificate)
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
	if len(r.spiffe) > 0 && len(uris) == 1 && len(uris[0]) <= maxURI {
		if id, err := spiffeid.FromString(uris[0]); err == nil && slices.ContainsFunc(r.spiffe, func(want spiffeid.ID) bool { return covers(want, id) }) {
			return id.String(), true
		}
	}
	for _, uri := range uris {
		if slices.Contains(r.uris, uri) {
			return uri, true
		}
	}
	for _, name := range dns {
		// What is listed is ASCII, so only ASCII letters may differ in case.
		if lower := strings.ToLower(name); len(lower) == len(name) && slices.Contains(r.dns, lower) {
			return lower, true
		}
	}
	return "", false
}

// covers reports whether id is want, or in its trust domain if want has no path.
func covers(want, id spiffeid.ID) bool {
	if want.Path() == "" {
		return id.MemberOf(want.TrustDomain())
	}
	return id == want
}

// The tags of a GeneralName and the extension that holds them (RFC 5280, section
// 4.2.1.6).
const (
	tagDNS = 2
	tagURI = 6
)

func subjectAltName() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 5, 29, 17} }

// namesOf returns the certificate's names as they are written. The parsed
// certificate has URIs only as package url would write them, which is not the
// same text for each.
//
// A name that is encoded as if it were made of parts can't be read: package x509
// passes over it, and so no name constraint would count for it.
func namesOf(certificate *x509.Certificate) (dns, uris []string, ok bool) {
	for _, extension := range certificate.Extensions {
		if !extension.Id.Equal(subjectAltName()) {
			continue
		}
		var all asn1.RawValue
		rest, err := asn1.Unmarshal(extension.Value, &all)
		if err != nil || len(rest) > 0 {
			return nil, nil, false
		}
		for rest = all.Bytes; len(rest) > 0; {
			var name asn1.RawValue
			if rest, err = asn1.Unmarshal(rest, &name); err != nil {
				return nil, nil, false
			}
			switch {
			case name.Class != asn1.ClassContextSpecific || name.Tag != tagDNS && name.Tag != tagURI:
			case name.IsCompound:
				return nil, nil, false
			case name.Tag == tagDNS:
				dns = append(dns, string(name.Bytes))
			default:
				uris = append(uris, string(name.Bytes))
			}
		}
	}
	return dns, uris, true
}

func notAllowed(detail string) error {
	return authz.Deny(authz.ReasonCertificateNotAllowed, detail)
}

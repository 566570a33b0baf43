package chain

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"
)

// The longest names that count, in bytes.
const (
	MaxURI   = 2048
	maxLabel = 63
	maxDNS   = 253
)

// IsDNSName reports whether name, in lower case, is a DNS name in ASCII (RFC
// 1035, section 2.3.1, with underscores).
func IsDNSName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(name) <= maxDNS
}

// IsURI reports whether uri has a scheme (RFC 3986, section 3.1) and is printable
// ASCII without blanks.
func IsURI(uri string) bool {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || scheme == "" || rest == "" || len(uri) > MaxURI || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.") != "" {
		return false
	}
	return !strings.ContainsFunc(uri, func(c rune) bool { return c <= ' ' || c > '~' })
}

// MatchURI returns the first of names that is listed, byte by byte.
func MatchURI(listed, names []string) (string, bool) {
	for _, name := range names {
		if slices.Contains(listed, name) {
			return name, true
		}
	}
	return "", false
}

// MatchDNS returns the first of names that is listed, in lower case. What is
// listed are DNS names as [IsDNSName] takes them.
func MatchDNS(listed, names []string) (string, bool) {
	for _, name := range names {
		// What is listed is ASCII, so only ASCII letters may differ in case.
		if lower := strings.ToLower(name); len(lower) == len(name) && slices.Contains(listed, lower) {
			return lower, true
		}
	}
	return "", false
}

// The tags of a GeneralName and the extension that holds them (RFC 5280, section
// 4.2.1.6).
const (
	tagDNS = 2
	tagURI = 6
)

func subjectAltName() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 5, 29, 17} }

// alternativeNames returns the names as they are encoded, empty if there are none.
func alternativeNames(certificate *x509.Certificate) string {
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(subjectAltName()) {
			return string(extension.Value)
		}
	}
	return ""
}

// NamesOf returns the certificate's names as they are written. The parsed
// certificate has URIs only as package url would write them, which is not the
// same text for each.
//
// A name that is encoded as if it were made of parts can't be read: package x509
// passes over it, and so no name constraint would count for it.
func NamesOf(certificate *x509.Certificate) (dns, uris []string, ok bool) {
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

package keyset

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// maxBlocks is how many certificates or revocation lists one secret may hold.
const maxBlocks = 100

// blocks returns the contents of the PEM blocks in text, which must all be of one
// type. Text between them is a comment. A block that is begun and can't be read
// is an error: what it holds would be missing without anybody knowing.
func blocks(text []byte, kind string) ([][]byte, error) {
	begun := bytes.Count(text, []byte("-----BEGIN"))
	var all [][]byte
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != kind || len(block.Headers) > 0 {
			return nil, fmt.Errorf("a PEM block is no plain %s", kind)
		}
		all = append(all, block.Bytes)
	}
	switch {
	case len(all) != begun:
		return nil, errors.New("a PEM block is damaged")
	case len(all) > maxBlocks:
		return nil, fmt.Errorf("more than %d PEM blocks", maxBlocks)
	case len(all) == 0:
		return nil, fmt.Errorf("no PEM block of type %s", kind)
	}
	return all, nil
}

// parseAuthorities returns the certificates in a PEM bundle. Each must be one of
// an authority: as a trust anchor it signs others, and one that must not would be
// trusted by mistake.
func parseAuthorities(text []byte) ([]*x509.Certificate, error) {
	encoded, err := blocks(text, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	all := make([]*x509.Certificate, len(encoded))
	for i, der := range encoded {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d can't be read", i+1)
		}
		if why := unfitAuthority(certificate); why != "" {
			return nil, fmt.Errorf("certificate %d %s", i+1, why)
		}
		all[i] = certificate
	}
	return all, nil
}

// unfitAuthority returns why a certificate must not be a trust anchor, "" if it
// may.
func unfitAuthority(c *x509.Certificate) string {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return "is not one of an authority (basic constraints)"
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return "is not for signing certificates (key usage)"
	case len(c.UnhandledCriticalExtensions) > 0:
		return "has a critical extension that is not known"
	}
	if err := jose.CheckKey(c.PublicKey); err != nil {
		return "has a key that can't be used: " + err.Error()
	}
	return ""
}

// parseLists returns the revocation lists in text, PEM or one of DER.
func parseLists(text []byte) ([]*x509.RevocationList, error) {
	encoded := [][]byte{text}
	if bytes.Contains(text, []byte("-----BEGIN")) {
		var err error
		if encoded, err = blocks(text, "X509 CRL"); err != nil {
			return nil, err
		}
	}
	all := make([]*x509.RevocationList, len(encoded))
	for i, der := range encoded {
		list, err := parseList(der)
		if err != nil {
			return nil, fmt.Errorf("revocation list %d can't be read", i+1)
		}
		for _, extension := range list.Extensions {
			// Such a list is a part of another, or means its entries otherwise
			// (RFC 5280, section 5.2).
			if extension.Critical {
				return nil, fmt.Errorf("revocation list %d has a critical extension: only whole lists of one authority are read", i+1)
			}
		}
		all[i] = list
	}
	return all, nil
}

// parseList parses DER. Readers of files take a final line end for the editor's,
// and one list in 256 ends with that byte.
func parseList(der []byte) (list *x509.RevocationList, err error) {
	for _, end := range []string{"", "\n", "\r\n"} {
		whole := append(bytes.Clone(der), end...)
		if list, err = x509.ParseRevocationList(whole); err == nil {
			return list, nil
		}
	}
	return nil, err //nolint:wrapcheck // only that there is one counts
}

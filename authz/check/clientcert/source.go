package clientcert

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/chain"
)

const (
	// header is Envoy's, https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
	header = "x-forwarded-client-cert"
	// maxText is the longest text that is read. A certificate has about 2 KiB.
	maxText = 64 << 10
	// maxChain is how many certificates a chain may have, from the sender's to
	// the trust anchor.
	maxChain = 4
	// maxShown is how many certificates may be presented. No chain that counts
	// is longer than maxChain; some clients send one that doesn't belong.
	maxShown = maxChain + 1
)

// locate returns where r's certificate stands: the header's value, or the text
// of the connection's certificate.
func (c *Check) locate(r *authz.Request) (string, error) {
	if !c.xfcc {
		if r.Certificate == "" {
			return "", authz.Deny(authz.ReasonCredentialMissing, "the gateway shows no client certificate")
		}
		return r.Certificate, nil
	}
	if !r.Gateway.XFCCSanitized {
		return "", authz.Deny(authz.ReasonGatewayNotAttested, "source: xfcc needs gateway.xfcc to be stated")
	}
	// The header's own grammar has commas.
	value, presence := r.Header.Line(header)
	switch presence {
	case authz.Many:
		return "", authz.Deny(authz.ReasonDuplicateHeader, "header "+header+" stands more than once")
	case authz.None:
		return "", authz.Deny(authz.ReasonCredentialMissing, "nothing in header "+header)
	case authz.One:
	}
	return value, nil
}

// read parses what is presented.
func (c *Check) read(p chain.Presented) (*chain.Shown, error) {
	if len(p.Text) > maxText || len(p.Beside) > maxText {
		return nil, malformed("the certificate is over 64 KiB")
	}
	if !c.xfcc {
		ders, ok := decodeCertificates(p.Text, 1)
		if !ok {
			return nil, malformed("the gateway's certificate is not one URL-encoded PEM block")
		}
		return parse(ders)
	}
	ders, err := fromHeader(p.Text)
	if err != nil {
		return nil, err
	}
	if p.Beside != "" {
		same, ok := decodeCertificates(p.Beside, 1)
		if !ok || string(same[0]) != string(ders[0]) {
			return nil, malformed("the connection's certificate is not that of header " + header)
		}
	}
	return parse(ders)
}

// fromHeader returns the certificates of the header's only element, the sender's
// first. All other keys are ignored: Envoy neither quotes nor escapes URI and
// DNS, so a certificate that holds ";Cert=" in a name could add keys. It can't
// add a second Cert, Chain or Hash beside Envoy's own, and Hash, which Envoy
// always writes, tells which certificate is meant.
func fromHeader(value string) ([][]byte, error) {
	pairs, err := parseXFCC(value)
	if err != nil {
		return nil, err
	}
	hash, hasHash := valueOf(pairs, "Hash")
	cert, hasCert := valueOf(pairs, "Cert")
	all, hasChain := valueOf(pairs, "Chain")
	if !hasHash {
		return nil, malformed("header " + header + " has no Hash")
	}
	if !hasCert && !hasChain {
		return nil, malformed("header " + header + " has neither Cert nor Chain: set cert: true in Envoy's set_current_client_cert_details")
	}

	var ders [][]byte
	if hasChain {
		decoded, ok := decodeCertificates(all, maxShown)
		if !ok {
			return nil, malformed("Chain is not one to five URL-encoded PEM blocks")
		}
		ders = decoded
	}
	if hasCert {
		leaf, ok := decodeCertificates(cert, 1)
		if !ok {
			return nil, malformed("Cert is not one URL-encoded PEM block")
		}
		if hasChain && string(ders[0]) != string(leaf[0]) {
			return nil, malformed("Cert is not the first of Chain")
		}
		if !hasChain {
			ders = leaf
		}
	}
	if sum := sha256.Sum256(ders[0]); hash != hex.EncodeToString(sum[:]) {
		return nil, malformed("Hash is not that of the certificate")
	}
	return ders, nil
}

func parse(ders [][]byte) (*chain.Shown, error) {
	s := &chain.Shown{}
	for i, der := range ders {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, malformed("a certificate can't be parsed") // the error may quote it
		}
		if i == 0 {
			s.Leaf = certificate
		} else {
			s.Others = append(s.Others, certificate)
		}
	}
	return s, nil
}

func malformed(detail string) error { return authz.Deny(authz.ReasonCredentialMalformed, detail) }

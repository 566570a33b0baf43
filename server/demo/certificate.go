package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"time"
)

// certificateRows show a sender that is known by its certificate, and a stranger
// who has one of the same name.
func (s *scenario) certificateRows(now time.Time) error {
	bank, err := newAuthority("Bank CA", now)
	if err != nil {
		return err
	}
	stranger, err := newAuthority("Bank CA", now)
	if err != nil {
		return err
	}
	s.put("bank", "ca", encodePEM(bank.certificate.Raw), now)
	const name = "payments.bank.example"
	good, err := bank.issue(name, now)
	if err != nil {
		return err
	}
	bad, err := stranger.issue(name, now)
	if err != nil {
		return err
	}
	with := func(certificate []byte) request {
		r := post("/payments", []byte(towerBody))
		r.certificate = url.PathEscape(string(encodePEM(certificate)))
		return r
	}
	s.rows = append(s.rows,
		row{
			policy: "bank-payments", what: "a certificate of the bank's CA",
			request: with(good), want: verdict{200, "verified"},
		},
		row{
			policy: "bank-payments", what: "the same name, another CA",
			request: with(bad), want: verdict{403, "certificate_untrusted"},
			meaning: "The name is right and the certificate is valid, but an authority signed\nit that the policy does not trust.",
		},
	)
	return nil
}

// An authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(name string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make up an authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make up an authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make up an authority: %w", err)
	}
	return &authority{certificate, key}, nil
}

// issue returns a client's certificate for name.
func (a *authority) issue(name string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make up a certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make up a certificate: %w", err)
	}
	return der, nil
}

func encodePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

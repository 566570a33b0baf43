//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"time"
)

// An authority issues certificates that are good for this run.
type authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	pem    string
	file   string // that holds pem
	parent *authority
}

// newAuthority makes an authority; without a parent it signs itself.
func newAuthority(s scope, parent *authority) *authority {
	s.Helper()
	a := &authority{key: newKey(s), parent: parent}
	cert := template("authority")
	cert.IsCA, cert.BasicConstraintsValid = true, true
	cert.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	by := parent
	if by == nil {
		by = &authority{cert: cert, key: a.key}
	}
	der := by.sign(s, cert, a.key)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		s.Fatalf("%v", err)
	}
	a.pem = certificatePEM(der)
	a.file = writeFile(s, "ca.crt", a.pem)
	return a
}

// A certificate is a certificate with its key, in memory and as PEM files.
type certificate struct {
	cert, key string // files
	pem       string
	leaf      *x509.Certificate
	pair      tls.Certificate
}

// A wish is what a certificate shall hold besides what all do.
type wish func(*x509.Certificate)

func dns(names ...string) wish {
	return func(c *x509.Certificate) { c.DNSNames = names }
}

func uri(texts ...string) wish {
	return func(c *x509.Certificate) {
		for _, text := range texts {
			// Not parsed: an authority may sign what is no URI.
			c.URIs = append(c.URIs, &url.URL{Opaque: text})
		}
	}
}

func usage(of ...x509.ExtKeyUsage) wish {
	return func(c *x509.Certificate) { c.ExtKeyUsage = of }
}

func expires(at time.Time) wish {
	return func(c *x509.Certificate) { c.NotAfter = at }
}

func begins(at time.Time) wish {
	return func(c *x509.Certificate) { c.NotBefore = at }
}

// issue returns a certificate that is good for clients and servers, unless wishes
// say otherwise.
func (a *authority) issue(s scope, wishes ...wish) *certificate {
	s.Helper()
	return a.issueFor(s, newKey(s), wishes...)
}

// issueFor is issue for a key that is there.
func (a *authority) issueFor(s scope, key *ecdsa.PrivateKey, wishes ...wish) *certificate {
	s.Helper()
	leaf := template("leaf")
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, change := range wishes {
		change(leaf)
	}
	return newCertificate(s, certificatePEM(a.sign(s, leaf, key)), keyPEM(s, key))
}

// newCertificate makes a certificate of PEM: the leaf, what follows it, and its key.
func newCertificate(s scope, chain, key string) *certificate {
	s.Helper()
	c := &certificate{pem: chain, cert: writeFile(s, "tls.crt", chain), key: writeFile(s, "tls.key", key)}
	var err error
	if c.pair, err = tls.X509KeyPair([]byte(chain), []byte(key)); err != nil {
		s.Fatalf("%v", err)
	}
	c.leaf = c.pair.Leaf
	return c
}

// with returns c with the certificates of authorities behind it.
func (c *certificate) with(s scope, authorities ...*authority) *certificate {
	s.Helper()
	chain := c.pem
	for _, a := range authorities {
		chain += a.pem
	}
	longer := *c
	longer.pem = chain
	longer.pair.Certificate = append([][]byte{}, c.pair.Certificate...)
	for _, a := range authorities {
		longer.pair.Certificate = append(longer.pair.Certificate, a.cert.Raw)
	}
	return &longer
}

// fingerprint returns the SHA-256 of the certificate in hex.
func (c *certificate) fingerprint() string {
	sum := sha256.Sum256(c.leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// keyPrint returns the SHA-256 of the certificate's public key in hex.
func (c *certificate) keyPrint() string {
	sum := sha256.Sum256(c.leaf.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// client returns the settings of a client that always shows c, whatever the
// server asks for; a nil c shows nothing. Sessions are continued.
func (c *certificate) client() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // who the gateway is does not matter here
		ServerName:         "hooks.example.com",
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c == nil {
				return &tls.Certificate{}, nil
			}
			return &c.pair, nil
		},
	}
}

// revoke returns the authority's revocation list of these certificates, PEM.
func (a *authority) revoke(s scope, number int64, next time.Time, revoked ...*certificate) string {
	s.Helper()
	list := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: next}
	for _, c := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: c.leaf.SerialNumber, RevocationTime: time.Now().Add(-time.Minute),
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
}

func (a *authority) sign(s scope, cert *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	s.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return der
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: fmt.Sprintf("%s %d", name, serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func newKey(s scope) *ecdsa.PrivateKey {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return key
}

func keyPEM(s scope, key *ecdsa.PrivateKey) string {
	s.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func certificatePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// escapePEM returns a certificate as the gateway writes it into headers.
func escapePEM(c *x509.Certificate) string { return url.QueryEscape(certificatePEM(c.Raw)) }

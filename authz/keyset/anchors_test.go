package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
)

// A ca is an authority in a test's hands.
type ca struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         string
}

func newCA(tb testing.TB, name string, change ...func(*x509.Certificate)) *ca {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return makeCA(tb, name, key, change...)
}

func makeCA(tb testing.TB, name string, key crypto.Signer, change ...func(*x509.Certificate)) *ca {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	for _, c := range change {
		c(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &ca{certificate: certificate, key: key, pem: block("CERTIFICATE", der)}
}

// subordinate returns the certificate of an authority below c that has that key,
// PEM.
func (c *ca) subordinate(tb testing.TB, key crypto.PublicKey) string {
	tb.Helper()
	template := *c.certificate
	template.Subject = pkix.Name{CommonName: "sub"}
	der, err := x509.CreateCertificate(rand.Reader, &template, c.certificate, key, c.key)
	if err != nil {
		tb.Fatal(err)
	}
	return block("CERTIFICATE", der)
}

// list returns a revocation list with that number, DER.
func (c *ca) list(tb testing.TB, number int64, change ...func(*x509.RevocationList)) []byte {
	tb.Helper()
	template := &x509.RevocationList{
		Number: big.NewInt(number), ThisUpdate: time.Unix(1_000_000+number, 0), NextUpdate: time.Now().Add(time.Hour),
	}
	for _, f := range change {
		f(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, c.certificate, c.key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func (c *ca) pemList(tb testing.TB, number int64) string {
	tb.Helper()
	return block("X509 CRL", c.list(tb, number))
}

func names(anchors *authz.Anchors) string {
	text := ""
	if anchors == nil {
		return "nothing"
	}
	for _, a := range anchors.Authorities {
		text += a.Certificate.Subject.CommonName + " "
	}
	for _, l := range anchors.CRLs {
		text += "#" + l.Number.String() + " "
	}
	return text
}

func wantAnchors(t *testing.T, set *keyset.AnchorSet, want string) *authz.Anchors {
	t.Helper()
	anchors, err := set.Anchors(time.Now())
	if err != nil || names(anchors) != want {
		t.Errorf("Anchors() = %s, %v, want %s", names(anchors), err, want)
	}
	return anchors
}

func TestAnchors(t *testing.T) {
	one, two := newCA(t, "one"), newCA(t, "two")
	_, privateKey := private(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, text, want string }{
		{name: "one", text: one.pem, want: "one "},
		{name: "a bundle with words", text: "# ours\n" + one.pem + "\n# theirs\n" + two.pem, want: "one two "},
		{name: "twice", text: one.pem + one.pem, want: "one "},
		{name: "no usage said", text: newCA(t, "any", func(c *x509.Certificate) { c.KeyUsage = 0 }).pem, want: "any "},
		{name: "expired: the check's to judge", text: newCA(t, "old", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }).pem, want: "old "},
		{name: "a leaf", text: newCA(t, "leaf", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }).pem},
		{name: "no basic constraints", text: newCA(t, "v1", func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false }).pem},
		{name: "not for signing", text: newCA(t, "usage", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }).pem},
		{name: "a good one and a leaf", text: one.pem + newCA(t, "leaf", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 }).pem},
		{name: "weak RSA", text: makeCA(t, "weak", weak).pem},
		{name: "weak curve", text: makeCA(t, "curve", curve).pem},
		{name: "a key of small order", text: one.subordinate(t, ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))},
		{name: "with a private key", text: one.pem + privateKey},
		{name: "damaged", text: one.pem + strings.Replace(two.pem, "-----END", "-----FIN", 1)},
		{name: "damaged base64", text: one.pem + strings.Replace(two.pem, "\nMII", "\n!II", 1)},
		{name: "not a certificate", text: block("CERTIFICATE", []byte("s3cr3t"))},
		{name: "too many", text: strings.Repeat(one.pem, 101)},
		{name: "DER", text: string(one.certificate.Raw)},
		{name: "words", text: "s3cr3t"},
		{name: "critical extension", text: newCA(t, "critical", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}).pem},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := keyset.StoredAnchors(reference("s", holding(tt.text)), nil)
			if tt.want != "" {
				anchors := wantAnchors(t, set, tt.want)
				if unfit := told(set.Unfit); len(unfit) != 0 || anchors.CRLTrouble != nil {
					t.Errorf("unfit = %v, trouble = %v", unfit, anchors.CRLTrouble)
				}
				return
			}
			_, err := set.Anchors(time.Now())
			wantReason(t, err, authz.ReasonSecretInvalid)
			wantReason(t, told(set.Unfit)["s"], authz.ReasonSecretInvalid)
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("error tells the secret: %v", err)
			}
		})
	}
}

// During the rotation of an authority both count, and each says where it is from.
func TestAnchorRotation(t *testing.T) {
	one, two := newCA(t, "one"), newCA(t, "two")
	s := holding(two.pem, one.pem)
	set := keyset.StoredAnchors(reference("s", s), nil)
	anchors := wantAnchors(t, set, "two one ")
	if a := anchors.Authorities[1]; a.Secret != "s" || a.Version != 1 || !a.Previous {
		t.Errorf("authority %+v", a)
	}
	if wantAnchors(t, set, "two one ") != anchors {
		t.Error("another pointer although nothing changed")
	}
	s.versions = holding("garbage", one.pem).versions
	anchors = wantAnchors(t, set, "one ")
	wantReason(t, anchors.Unusable, authz.ReasonSecretInvalid)
	s.versions, s.err = nil, authz.Deny(authz.ReasonSecretUnavailable, "")
	_, err := set.Anchors(time.Now())
	wantReason(t, err, authz.ReasonSecretUnavailable)
}

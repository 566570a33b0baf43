package clientcert_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// A certificate as facts, and how it is made of them.

// A fact is a certificate as it is made.
type fact struct {
	*node

	what            string // for messages
	subject, issuer int
	number          int // of its key
	signer          int // the number of the key that signs it
	serial          int64
	from, to        time.Duration
	usage           x509.KeyUsage
	purposes        []x509.ExtKeyUsage
	strange         bool // a purpose of an unknown sort besides
	authority       bool // says so
	basic           bool // says whether it is an authority
	pathLen         int  // -1: no bound
	sha1            bool // signed with it
	negated         bool // signed with (r, n-s), which is a signature too
	critical        bool // an unknown extension
	keyID           []byte

	names         []san
	nameless      bool // no extension with names
	twoExtensions bool // with names
	cut           bool // the extension with names ends early

	permitted, excluded       []string // DNS
	permittedURI, excludedURI []string
}

// strong reports whether f's key counts.
func (f *fact) strong() bool { return f.number != keyRSA1024 && f.number != keyP224 }

// authorityOf makes facts of an authority that is right.
func newAuthority(random *mathrand.Rand, what string, subject, number int, parent *fact) *fact {
	f := &fact{
		what: what, subject: subject, number: number, issuer: subject, signer: number, serial: 1 + random.Int64N(1e9),
		from: -365 * 24 * time.Hour, to: 365 * 24 * time.Hour, usage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, authority: true, basic: true, pathLen: -1,
	}
	if parent != nil {
		f.issuer, f.signer = parent.subject, parent.number
	}
	return f
}

// newLeaf makes facts of a sender that is right.
func newLeaf(random *mathrand.Rand, parent *fact) *fact {
	f := &fact{
		what: "leaf", subject: nameClient, number: firstOfLeaf + random.IntN(3), issuer: parent.subject, signer: parent.number, serial: 1 + random.Int64N(1e9),
		from: -time.Hour, to: time.Hour, usage: x509.KeyUsageDigitalSignature, purposes: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, basic: true, pathLen: -1,
	}
	f.names = []san{authztest.Pick(random, plainNames[0], plainNames[1], plainNames[7], plainNames[10], plainNames[11])}
	if random.IntN(5) == 0 {
		spoilNames(random, f)
	}
	return f
}

// make makes the certificate.
func (f *fact) make(tb testing.TB) {
	tb.Helper()
	names := mutationNames()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(f.serial), RawSubject: names[f.subject], NotBefore: now().Add(f.from), NotAfter: now().Add(f.to),
		KeyUsage: f.usage, ExtKeyUsage: f.purposes, BasicConstraintsValid: f.basic, IsCA: f.authority, MaxPathLen: f.pathLen, MaxPathLenZero: f.pathLen == 0 && f.authority,
		PermittedDNSDomains: f.permitted, ExcludedDNSDomains: f.excluded, PermittedURIDomains: f.permittedURI, ExcludedURIDomains: f.excludedURI,
		AuthorityKeyId: f.keyID,
	}
	if !f.authority {
		template.MaxPathLen = 0
	}
	if f.strange {
		template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4, 5}}
	}
	if f.critical {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
	}
	if len(f.names) > 0 || !f.authority && !f.nameless {
		extension := f.namesExtension()
		template.ExtraExtensions = append(template.ExtraExtensions, extension)
		if f.twoExtensions {
			template.ExtraExtensions = append(template.ExtraExtensions, extension)
		}
	}
	by := signerOf(tb, f.signer)
	parent := &x509.Certificate{RawSubject: names[f.issuer], SubjectKeyId: f.keyID}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, signerOf(tb, f.number).Public(), by)
	if err != nil {
		tb.Fatalf("%+v: %v", f, err)
	}
	if f.sha1 {
		der = signWeakly(tb, der, &node{key: by})
	}
	if key, ok := by.(*ecdsa.PrivateKey); ok && f.negated {
		der = negate(tb, der, key)
	}
	// What can't be parsed is only shown.
	f.node = &node{key: signerOf(tb, f.number), cert: &x509.Certificate{Raw: der}}
	if cert, err := x509.ParseCertificate(der); err == nil {
		f.cert = cert
	} else if !f.cut && !f.twoExtensions && !slices.ContainsFunc(f.names, func(s san) bool { return s.odd }) {
		tb.Fatalf("%+v: %v", f, err)
	}
}

// negate replaces s of the certificate's signature by n-s.
func negate(tb testing.TB, der []byte, key *ecdsa.PrivateKey) []byte {
	tb.Helper()
	var signed struct {
		Content, Algorithm asn1.RawValue
		Signature          asn1.BitString
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &signed); err != nil {
		tb.Fatal(err)
	}
	if _, err := asn1.Unmarshal(signed.Signature.Bytes, &rs); err != nil {
		tb.Fatal(err)
	}
	rs.S.Sub(key.Params().N, rs.S)
	raw, err := asn1.Marshal(rs)
	if err != nil {
		tb.Fatal(err)
	}
	signed.Signature = asn1.BitString{Bytes: raw, BitLength: 8 * len(raw)}
	raw, err = asn1.Marshal(signed)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func (f *fact) keySum() string {
	der, err := x509.MarshalPKIXPublicKey(f.key.Public())
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

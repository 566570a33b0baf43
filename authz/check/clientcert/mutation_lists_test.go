package clientcert_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// The revocation lists of one case.

// A listed is a revocation list as it is made.
type listed struct {
	*x509.RevocationList

	name, number int
	serials      []int64
	from, to     time.Duration
	partial      bool
	sha1         bool
}

func (l *listed) make(tb testing.TB, random *mathrand.Rand) {
	tb.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now().Add(l.from), NextUpdate: now().Add(l.to)}
	if l.partial {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, authztest.Pick(random, 27, 28)}, Critical: true, Value: []byte{2, 1, 1}}}
	}
	for _, serial := range l.serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: big.NewInt(serial), RevocationTime: now().Add(-2 * time.Hour), ReasonCode: authztest.Pick(random, 0, 1, 6),
		})
	}
	// Entries that say nothing.
	template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
		x509.RevocationListEntry{SerialNumber: big.NewInt(2e9), RevocationTime: now()}, x509.RevocationListEntry{SerialNumber: big.NewInt(3e9), RevocationTime: now(), ReasonCode: 8})
	by := &node{key: signerOf(tb, l.number)}
	der, err := x509.CreateRevocationList(rand.Reader, template, &x509.Certificate{RawSubject: mutationNames()[l.name], KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}, by.key)
	if err != nil {
		tb.Fatal(err)
	}
	if l.sha1 {
		der = signWeakly(tb, der, by)
	}
	if l.RevocationList, err = x509.ParseRevocationList(der); err != nil {
		tb.Fatal(err)
	}
}

func (w *world) makeLists(tb testing.TB) {
	tb.Helper()
	for _, by := range w.all {
		for range authztest.Pick(w.Rand, 0, 1, 1, 1, 1, 2) {
			l := &listed{name: by.subject, number: by.number, from: -time.Hour, to: time.Hour}
			switch w.IntN(20) {
			case 0:
				l.to = authztest.Pick(w.Rand, -time.Minute, 0, time.Second)
			case 1:
				l.from = authztest.Pick(w.Rand, time.Minute, 0, time.Second)
			case 2:
				l.partial = true
			case 3:
				l.number = authztest.Pick(w.Rand, 0, 1, 2, keyRSA)
			case 4:
				l.name = w.IntN(3)
			case 5, 6:
				l.serials = append(l.serials, 4e9, w.leaf.serial)
			case 7:
				l.serials = append(l.serials, w.leaf.serial)
			case 8, 9, 10:
				l.serials = append(l.serials, authztest.Pick(w.Rand, w.all...).serial)
			}
			l.sha1 = l.number == keyRSA && w.IntN(4) == 0
			l.make(tb, w.Rand)
			w.lists = append(w.lists, l)
		}
	}
}

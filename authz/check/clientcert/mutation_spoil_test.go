package clientcert_test

import (
	"crypto/x509"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Changes to the facts of a certificate.

// spoil changes one fact of f.
func spoil(random *mathrand.Rand, f *fact) {
	near := func() time.Duration {
		return authztest.Pick(random, -2*time.Hour, -time.Minute, -time.Second, 0, time.Second, time.Minute)
	}
	domains := func() []string {
		all := []string{
			"example.org", "org", goodDNS, "example.com", "com", "xample.org", ".example.org", "." + goodDNS, "a." + goodDNS, "EXAMPLE.org", "other.example.org", "z.example.org",
			"-a.example.org", "aexample.org", "client-a.example.org",
		}
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all[:1+random.IntN(4)]
	}
	switch random.IntN(24) {
	case 0:
		f.to = near()
		f.from = min(f.from, f.to)
	case 1:
		f.from = near()
		f.to = max(f.to, f.from)
	case 2:
		f.authority, f.basic = !f.authority, true
	case 3:
		f.authority, f.basic = false, false
	case 4:
		f.usage = authztest.Pick(random, 0, x509.KeyUsageCertSign, x509.KeyUsageCRLSign, x509.KeyUsageDigitalSignature, x509.KeyUsageKeyEncipherment, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature)
	case 5:
		f.purposes = authztest.Pick(random, nil, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageAny}, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning})
	case 6:
		f.strange = true
	case 7:
		f.pathLen = random.IntN(3)
	case 8:
		f.issuer = random.IntN(numberOfNames)
	case 9:
		f.signer = random.IntN(numberOfKeys)
	case 10:
		f.sha1, f.signer = true, keyRSA
	case 11:
		f.negated = true
	case 12:
		f.critical = true
	case 13:
		f.keyID = []byte{byte(random.IntN(256)), 1}
	case 14, 15:
		f.permitted = domains()
	case 16:
		f.excluded = domains()
	case 17:
		f.permittedURI = domains()
	case 18:
		f.excludedURI = domains()
	case 19:
		f.subject = random.IntN(numberOfNames)
	case 20:
		f.number = authztest.Pick(random, keyRSA, keyRSA1024, keyP224, keyP384, keyEd25519)
	default:
		spoilNames(random, f)
	}
}

// spoilNames changes the names of a leaf.
func spoilNames(random *mathrand.Rand, f *fact) {
	if f.authority {
		return
	}
	switch random.IntN(12) {
	case 0:
		f.names, f.nameless = nil, random.IntN(2) == 0
	case 1:
		f.twoExtensions = !f.nameless
	case 2:
		f.cut = len(f.names) > 0
	case 3:
		f.names = append(f.names, authztest.Pick(random, plainNames...))
	case 4:
		f.names = []san{authztest.Pick(random, plainNames...)}
	case 5, 6:
		f.names = []san{authztest.Pick(random, oddNames...)}
	case 7:
		f.names = slices.Insert(f.names, random.IntN(len(f.names)+1), authztest.Pick(random, oddNames...))
	case 8, 9:
		for i := range f.names {
			f.names[i].compound, f.names[i].odd = true, true
		}
	default: // several, the first of which may be the right one
		f.names = append(f.names, authztest.Pick(random, plainNames...), authztest.Pick(random, plainNames...))
		random.Shuffle(len(f.names), func(i, j int) { f.names[i], f.names[j] = f.names[j], f.names[i] })
	}
}

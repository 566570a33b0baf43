package clientcert_test

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A scene is who is trusted and what is shown.
type scene struct {
	anchors  []authz.AnchorSet
	shown    []*node // the sender's first; more than one only in the header
	settings *policypb.ClientCertificate
	at       time.Time // default now
}

// A stage is the test that a scene is made for.
type stage struct{ testing.TB }

func anyone() *policypb.ClientCertificate { return &policypb.ClientCertificate{AnyName: "accepted"} }

func trusted(ca *node) []authz.AnchorSet { return []authz.AnchorSet{trusting(ca)} }

// simple is a sender of a root that is trusted.
func simple(tb testing.TB, changes ...change) scene {
	tb.Helper()
	ca := authority(tb, nil, "Root")
	return scene{anchors: trusted(ca), shown: []*node{leaf(tb, ca, changes...)}}
}

// below is a sender below one authority more.
func below(tb testing.TB, changes ...change) scene {
	tb.Helper()
	ca := authority(tb, nil, "Root")
	middle := authority(tb, ca, "Middle", changes...)
	return scene{anchors: trusted(ca), shown: []*node{leaf(tb, middle), middle}}
}

// constrained is a sender with changes of a root that may sign for a part of the
// names only.
func constrained(tb testing.TB, constraint change, changes ...change) scene {
	tb.Helper()
	ca := authority(tb, nil, "Root", constraint)
	return scene{anchors: trusted(ca), shown: []*node{leaf(tb, ca, changes...)}}
}

func TestChains(t *testing.T) {
	const (
		verified   = authz.ReasonVerified
		untrusted  = authz.ReasonCertificateUntrusted
		expired    = authz.ReasonCertificateExpired
		malformed  = authz.ReasonCredentialMalformed
		notAllowed = authz.ReasonCertificateNotAllowed
	)
	onlyDNS := func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.org"}
	}
	tests := []struct {
		name string
		make func(t stage) scene
		want authz.Reason
		says string // in the detail
	}{
		{name: "right", want: verified, make: func(t stage) scene { return simple(t) }},

		// Time.
		{name: "expired", want: expired, make: func(t stage) scene { return simple(t, between(-2*time.Hour, -time.Second)) }},
		{name: "expired long ago", want: expired, make: func(t stage) scene { return simple(t, between(-200*24*time.Hour, -100*24*time.Hour)) }},
		{name: "last second", want: verified, make: func(t stage) scene { return simple(t, between(-time.Hour, 0)) }},
		{name: "not valid yet", want: expired, make: func(t stage) scene { return simple(t, between(time.Second, time.Hour)) }},
		{name: "first second", want: verified, make: func(t stage) scene { return simple(t, between(0, time.Hour)) }},
		{name: "expired and untrusted", want: untrusted, make: func(t stage) scene {
			s := simple(t, between(-2*time.Hour, -time.Hour))
			s.anchors = trusted(authority(t, nil, "Root"))
			return s
		}},
		{name: "anchor expired", want: expired, says: "an authority in the chain is not valid now", make: func(t stage) scene {
			ca := authority(t, nil, "Root", between(-2*time.Hour, -time.Hour))
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, ca)}}
		}},
		{name: "anchor not valid yet", want: expired, says: "an authority in the chain is not valid now", make: func(t stage) scene {
			ca := authority(t, nil, "Root", between(time.Minute, time.Hour))
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, ca)}}
		}},
		{name: "asked long before", want: expired, make: func(t stage) scene {
			ca := authority(t, nil, "Root", func(c *x509.Certificate) { c.NotBefore = time.Unix(0, 0) })
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, ca)}, at: time.Unix(0, 0)}
		}},
		{name: "valid only in the year 1", want: untrusted, says: "valid at no time", make: func(t stage) scene {
			return simple(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Time{}, time.Time{} })
		}},

		// What it is for.
		{name: "for servers", want: untrusted, says: "extended key usage", make: func(t stage) scene { return simple(t, usages(x509.ExtKeyUsageServerAuth)) }},
		{name: "for both", want: verified, make: func(t stage) scene {
			return simple(t, usages(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth))
		}},
		{name: "for nothing in particular", want: untrusted, says: "extended key usage", make: func(t stage) scene { return simple(t, usages()) }},
		{name: "for anything", want: untrusted, says: "extended key usage", make: func(t stage) scene { return simple(t, usages(x509.ExtKeyUsageAny)) }},
		{name: "for code", want: untrusted, says: "extended key usage", make: func(t stage) scene { return simple(t, usages(x509.ExtKeyUsageCodeSigning)) }},
		{name: "key not for signing", want: untrusted, says: "(key usage)", make: func(t stage) scene {
			return simple(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
		}},
		{name: "no key usage", want: verified, make: func(t stage) scene {
			return simple(t, func(c *x509.Certificate) { c.KeyUsage = 0 })
		}},
		{name: "anchor for clients", want: verified, make: func(t stage) scene {
			return constrained(t, usages(x509.ExtKeyUsageClientAuth))
		}},
		{name: "anchor for servers", want: untrusted, says: "an authority may not sign for client", make: func(t stage) scene {
			return constrained(t, usages(x509.ExtKeyUsageServerAuth))
		}},
		{name: "between for servers", want: untrusted, says: "an authority may not sign for client", make: func(t stage) scene {
			return below(t, usages(x509.ExtKeyUsageServerAuth))
		}},
		{name: "an authority", want: untrusted, says: "that of an authority", make: func(t stage) scene {
			return simple(t, func(c *x509.Certificate) {
				c.IsCA, c.KeyUsage = true, x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign
			})
		}},
		{name: "the anchor itself", want: untrusted, make: func(t stage) scene {
			ca := authority(t, nil, "Root", usages(x509.ExtKeyUsageClientAuth), func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageDigitalSignature })
			return scene{anchors: trusted(ca), shown: []*node{ca}}
		}},
		{name: "no authority, but listed as anchor", want: untrusted, says: "itself a trust anchor", make: func(t stage) scene {
			self := leaf(t, nil)
			return scene{anchors: trusted(self), shown: []*node{self}}
		}},
		{name: "critical extension nobody knows", want: untrusted, says: "critical", make: func(t stage) scene {
			return simple(t, func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
			})
		}},

		// Who signed it.
		{name: "self-signed", want: untrusted, make: func(t stage) scene {
			return scene{anchors: trusted(authority(t, nil, "Root")), shown: []*node{leaf(t, nil)}}
		}},
		{name: "other root", want: untrusted, make: func(t stage) scene {
			return scene{anchors: trusted(authority(t, nil, "Root")), shown: []*node{leaf(t, authority(t, nil, "Other"))}}
		}},
		{name: "other root of that name", want: untrusted, make: func(t stage) scene {
			return scene{anchors: trusted(authority(t, nil, "Root")), shown: []*node{leaf(t, authority(t, nil, "Root"))}}
		}},
		{name: "other root, shown too", want: untrusted, make: func(t stage) scene {
			other := authority(t, nil, "Root")
			return scene{anchors: trusted(authority(t, nil, "Root")), shown: []*node{leaf(t, other), other}}
		}},
		{name: "same key under another name", want: untrusted, make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			renamed := authorityOf(t, nil, ca.key, "Other")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, renamed)}}
		}},
		{name: "root made anew with its key", want: verified, make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			return scene{anchors: trusted(authorityOf(t, nil, ca.key, "Root")), shown: []*node{leaf(t, ca)}}
		}},
		{name: "signature changed", want: untrusted, make: func(t stage) scene {
			s := simple(t)
			raw := append([]byte(nil), s.shown[0].cert.Raw...)
			raw[len(raw)-1] ^= 1
			s.shown[0] = &node{cert: parseCert(t, raw)}
			return s
		}},
		{name: "name changed", want: untrusted, make: func(t stage) scene {
			s := simple(t)
			raw := []byte(string(s.shown[0].cert.Raw))
			for i := range raw[:len(raw)-6] {
				if string(raw[i:i+6]) == "client" {
					raw[i] = 'C'
				}
			}
			s.shown[0] = &node{cert: parseCert(t, raw)}
			return s
		}},
		{name: "no anchor", want: authz.ReasonSecretMissing, make: func(t stage) scene {
			s := simple(t)
			s.anchors = []authz.AnchorSet{trusting()}
			return s
		}},
		{name: "anchor may not sign certificates", want: untrusted, make: func(t stage) scene {
			return constrained(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
		}},
		{name: "anchor is no authority", want: untrusted, make: func(t stage) scene {
			return constrained(t, func(c *x509.Certificate) { c.IsCA = false })
		}},

		// Certificates between.
		{name: "one between", want: verified, make: func(t stage) scene { return below(t) }},
		{name: "between is missing", want: untrusted, make: func(t stage) scene {
			s := below(t)
			s.shown = s.shown[:1]
			return s
		}},
		{name: "between is itself the anchor", want: verified, make: func(t stage) scene {
			s := below(t)
			s.anchors, s.shown = trusted(s.shown[1]), s.shown[:1]
			return s
		}},
		{name: "between is another of that name", want: untrusted, make: func(t stage) scene {
			s := below(t)
			s.shown[1] = below(t).shown[1]
			return s
		}},
		{name: "between expired", want: expired, says: "an authority in the chain is not valid now", make: func(t stage) scene { return below(t, between(-2*time.Hour, -time.Hour)) }},
		{name: "between not valid yet", want: expired, says: "an authority in the chain is not valid now", make: func(t stage) scene { return below(t, between(time.Minute, time.Hour)) }},
		{name: "between expired, root untrusted", want: untrusted, make: func(t stage) scene {
			s := below(t, between(-2*time.Hour, -time.Hour))
			s.anchors = trusted(authority(t, nil, "Root"))
			return s
		}},
		{name: "between expired before the certificate began", want: untrusted, make: func(t stage) scene {
			return below(t, between(-9*time.Hour, -8*time.Hour))
		}},
		{name: "expired, anchor with RSA of 1024 bits", want: untrusted, make: func(t stage) scene {
			ca := authorityOf(t, nil, rsaKey(t, 1024), "Root")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, ca, between(-2*time.Hour, -time.Hour))}}
		}},
		{name: "between is no authority", want: untrusted, make: func(t stage) scene {
			return below(t, func(c *x509.Certificate) { c.IsCA = false })
		}},
		{name: "between says nothing of authorities", want: untrusted, make: func(t stage) scene {
			return below(t, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false })
		}},
		{name: "between may not sign certificates", want: untrusted, make: func(t stage) scene {
			return below(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
		}},
		{name: "signed by another sender", want: untrusted, make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			sender := leaf(t, ca)
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, sender), sender}}
		}},
		{name: "path length", want: untrusted, says: "path length", make: func(t stage) scene {
			ca := authority(t, nil, "Root", func(c *x509.Certificate) { c.MaxPathLenZero = true })
			middle := authority(t, ca, "Middle")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, middle), middle}}
		}},
		{name: "path length of one between", want: untrusted, says: "path length", make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			first := authority(t, ca, "First", func(c *x509.Certificate) { c.MaxPathLenZero = true })
			second := authority(t, first, "Second")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, second), second, first}}
		}},
		{name: "path length holds", want: verified, make: func(t stage) scene {
			ca := authority(t, nil, "Root", func(c *x509.Certificate) { c.MaxPathLen = 1 })
			middle := authority(t, ca, "Middle", func(c *x509.Certificate) { c.MaxPathLenZero = true })
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, middle), middle}}
		}},
		{name: "four certificates", want: verified, make: func(t stage) scene { return deep(t, 2) }},
		{name: "five certificates", want: untrusted, says: "over 4", make: func(t stage) scene { return deep(t, 3) }},
		{name: "five of which one is not needed", want: verified, make: func(t stage) scene {
			s := below(t)
			s.shown = append(s.shown, authority(t, nil, "Other"), authority(t, nil, "Another"), authority(t, nil, "Third"))
			return s
		}},
		{name: "six certificates", want: malformed, make: func(t stage) scene { return deep(t, 5) }},
		{name: "in another order", want: verified, make: func(t stage) scene {
			s := deep(t, 2)
			s.shown[1], s.shown[2] = s.shown[2], s.shown[1]
			return s
		}},
		{name: "with the root", want: verified, make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			middle := authority(t, ca, "Middle")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, middle), middle, ca}}
		}},
		{name: "two authorities sign one another", want: untrusted, make: func(t stage) scene {
			a, b := authority(t, nil, "A"), authority(t, nil, "B")
			return scene{anchors: trusted(authority(t, nil, "Root")), shown: []*node{leaf(t, a), authorityOf(t, b, a.key, "A"), authorityOf(t, a, b.key, "B")}}
		}},

		// Keys and signatures.
		{name: "RSA of 2048 bits", want: verified, make: func(t stage) scene { return withRSA(t, 2048) }},
		{name: "RSA of 1024 bits", want: untrusted, says: "at least 2048", make: func(t stage) scene { return withRSA(t, 1024) }},
		{name: "RSA of 2047 bits", want: untrusted, says: "at least 2048", make: func(t stage) scene { return withRSA(t, 2047) }},
		{name: "P-224", want: untrusted, says: "curve", make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			return scene{anchors: trusted(ca), shown: []*node{leafOf(t, ca, ecKey(t, elliptic.P224()))}}
		}},
		{name: "P-384", want: verified, make: func(t stage) scene {
			ca := authorityOf(t, nil, ecKey(t, elliptic.P384()), "Root")
			return scene{anchors: trusted(ca), shown: []*node{leafOf(t, ca, ecKey(t, elliptic.P384()))}}
		}},
		{name: "P-521", want: verified, make: func(t stage) scene {
			ca := authorityOf(t, nil, ecKey(t, elliptic.P521()), "Root")
			return scene{anchors: trusted(ca), shown: []*node{leafOf(t, ca, ecKey(t, elliptic.P521()))}}
		}},
		{name: "Ed25519", want: verified, make: func(t stage) scene {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			ca := authorityOf(t, nil, key, "Root")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, ca)}}
		}},
		{name: "a key under which anybody can sign", want: untrusted, says: "small order", make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			return scene{anchors: trusted(ca), shown: []*node{leafOf(t, ca, nobody{})}}
		}},
		{name: "anchor with P-224", want: untrusted, says: "weak key", make: func(t stage) scene {
			ca := authorityOf(t, nil, ecKey(t, elliptic.P224()), "Root")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, ca)}}
		}},
		{name: "anchor with RSA of 1024 bits", want: untrusted, says: "weak key", make: func(t stage) scene {
			ca := authorityOf(t, nil, rsaKey(t, 1024), "Root")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, ca)}}
		}},
		{name: "between with RSA of 1024 bits", want: untrusted, make: func(t stage) scene {
			ca := authority(t, nil, "Root")
			middle := authorityOf(t, ca, rsaKey(t, 1024), "Middle")
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, middle), middle}}
		}},
		{name: "signed with SHA-1", want: untrusted, says: "weak algorithm", make: func(t stage) scene {
			ca := authorityOf(t, nil, rsaKey(t, 2048), "Root")
			weak := signWeakly(t, leaf(t, ca).cert.Raw, ca)
			return scene{anchors: trusted(ca), shown: []*node{{cert: parseCert(t, weak)}}}
		}},
		{name: "between signed with SHA-1", want: untrusted, make: func(t stage) scene {
			ca := authorityOf(t, nil, rsaKey(t, 2048), "Root")
			middle := authority(t, ca, "Middle")
			weak := &node{cert: parseCert(t, signWeakly(t, middle.cert.Raw, ca)), key: middle.key}
			return scene{anchors: trusted(ca), shown: []*node{leaf(t, weak), weak}}
		}},
		{name: "anchor signed with SHA-1 by itself", want: verified, make: func(t stage) scene {
			ca := authorityOf(t, nil, rsaKey(t, 2048), "Root")
			weak := &node{cert: parseCert(t, signWeakly(t, ca.cert.Raw, ca)), key: ca.key}
			return scene{anchors: trusted(weak), shown: []*node{leaf(t, weak)}}
		}},

		// Name constraints.
		{name: "name permitted", want: verified, make: func(t stage) scene { return constrained(t, onlyDNS) }},
		{name: "name not permitted", want: untrusted, says: "name constraints", make: func(t stage) scene { return constrained(t, onlyDNS, dns("client.example.com")) }},
		{name: "one of two names not permitted", want: untrusted, says: "name constraints", make: func(t stage) scene {
			return constrained(t, onlyDNS, dns("client.example.org", "client.example.com"))
		}},
		{name: "name excluded", want: untrusted, says: "name constraints", make: func(t stage) scene {
			return constrained(t, func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"client.example.org"} })
		}},
		{name: "URI not permitted", want: untrusted, says: "name constraints", make: func(t stage) scene {
			return constrained(t, func(c *x509.Certificate) { c.PermittedURIDomains = []string{"example.org"} }, uris("spiffe://example.com/a"))
		}},
		{name: "URI permitted", want: verified, make: func(t stage) scene {
			return constrained(t, func(c *x509.Certificate) { c.PermittedURIDomains = []string{"example.org"} }, uris("spiffe://example.org/a"))
		}},
		{name: "URI not permitted, in an encoding that package x509 passes over", want: notAllowed, make: func(t stage) scene {
			s := constrained(t, func(c *x509.Certificate) { c.PermittedURIDomains = []string{"example.org"} }, constructedNames(6, "spiffe://example.com/a"))
			s.settings = &policypb.ClientCertificate{SpiffeIds: []string{"spiffe://example.com/a"}}
			return s
		}},
		{name: "address not permitted", want: untrusted, says: "name constraints", make: func(t stage) scene {
			return constrained(t, func(c *x509.Certificate) {
				c.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(192, 0, 2, 0).To4(), Mask: net.CIDRMask(24, 32)}}
			}, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(203, 0, 113, 1)} })
		}},
		{name: "names not permitted by one between", want: untrusted, says: "name constraints", make: func(t stage) scene {
			return below(t, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.com"} })
		}},

		// A pin does not make up for anything.
		{name: "pinned, untrusted", want: untrusted, make: func(t stage) scene {
			s := simple(t)
			s.anchors = trusted(authority(t, nil, "Root"))
			s.settings = &policypb.ClientCertificate{Fingerprints: []string{fingerprint(s.shown[0])}}
			return s
		}},
		{name: "pinned, expired", want: expired, make: func(t stage) scene {
			s := simple(t, between(-2*time.Hour, -time.Hour))
			s.settings = &policypb.ClientCertificate{Fingerprints: []string{fingerprint(s.shown[0])}}
			return s
		}},
		{name: "pinned, another name", want: notAllowed, make: func(t stage) scene {
			s := simple(t)
			s.settings = &policypb.ClientCertificate{Fingerprints: []string{fingerprint(s.shown[0])}, DnsNames: []string{"other.example.org"}}
			return s
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.make(stage{t})
			if s.settings == nil {
				s.settings = anyone()
			}
			requests := map[string]*authz.Request{"xfcc": proxied(forwarded(s.shown...))}
			if len(s.shown) == 1 {
				requests["connection"] = connected(s.shown[0])
			}
			for source, r := range requests {
				if !s.at.IsZero() {
					r.Received = s.at
				}
				s.settings.Source = source
				check := newCheck(t, s.settings, s.anchors...)
				for range 2 { // the second time from memory, if it may be
					_, err := check.Verify(t.Context(), r)
					authztest.WantReason(t, err, tt.want)
					if tt.says != "" && !strings.Contains(fmt.Sprint(err), tt.says) {
						t.Errorf("error = %v, want it to say %q", err, tt.says)
					}
				}
			}
		})
	}
}

// deep is a sender with that many certificates between it and the anchor.
func deep(tb testing.TB, count int) scene {
	tb.Helper()
	ca := authority(tb, nil, "Root")
	shown := []*node{}
	last := ca
	for i := range count {
		last = authority(tb, last, "Middle "+string(rune('1'+i)))
		shown = append([]*node{last}, shown...)
	}
	return scene{anchors: trusted(ca), shown: append([]*node{leaf(tb, last)}, shown...)}
}

func withRSA(tb testing.TB, bits int) scene {
	tb.Helper()
	ca := authority(tb, nil, "Root")
	return scene{anchors: trusted(ca), shown: []*node{leafOf(tb, ca, rsaKey(tb, bits))}}
}

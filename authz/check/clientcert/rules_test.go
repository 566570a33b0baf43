package clientcert_test

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestRules(t *testing.T) {
	const client = "client.example.org"
	ca := authority(t, nil, "Root")
	comma := authority(t, ca, "A, B")
	wantDNS := func(names ...string) *policypb.ClientCertificate { return &policypb.ClientCertificate{DnsNames: names} }
	wantURI := func(names ...string) *policypb.ClientCertificate { return &policypb.ClientCertificate{Uris: names} }
	wantID := func(names ...string) *policypb.ClientCertificate {
		return &policypb.ClientCertificate{SpiffeIds: names}
	}
	wantIssuer := func(names ...string) *policypb.ClientCertificate {
		return &policypb.ClientCertificate{AnyName: "accepted", Issuers: names}
	}
	plain := leaf(t, ca)
	keySum := sha256.Sum256(plain.cert.RawSubjectPublicKeyInfo)
	key := hex.EncodeToString(keySum[:])
	const none = ""
	tests := []struct {
		name     string
		settings *policypb.ClientCertificate
		shown    *node
		want     string // the principal; empty: not allowed
	}{
		{name: "any", settings: anyone(), shown: plain, want: "sha256:" + fingerprint(plain)},

		{name: "DNS name", settings: wantDNS(client), shown: plain, want: client},
		{name: "second of the listed", settings: wantDNS("other.example.org", client), shown: plain, want: client},
		{name: "second of the certificate's", settings: wantDNS(client), shown: leaf(t, ca, dns("other.example.org", client)), want: client},
		{name: "DNS name in other case", settings: wantDNS("Client.EXAMPLE.org"), shown: leaf(t, ca, dns("CLIENT.example.ORG")), want: client},
		{name: "other DNS name", settings: wantDNS("other.example.org"), shown: plain, want: none},
		{name: "a domain above", settings: wantDNS("example.org"), shown: plain, want: none},
		{name: "a domain below", settings: wantDNS("a.client.example.org"), shown: plain, want: none},
		{name: "wildcard", settings: wantDNS(client), shown: leaf(t, ca, dns("*.example.org")), want: none},
		{name: "dot at the end", settings: wantDNS(client), shown: leaf(t, ca, func(c *x509.Certificate) {
			c.DNSNames = nil
			c.ExtraExtensions = []pkix.Extension{rawNames(2, client+".")}
		}), want: none},
		{name: "common name only", settings: wantDNS(client), shown: leaf(t, ca, dns()), want: none},
		{name: "common name besides another name", settings: wantDNS(client), shown: leaf(t, ca, dns("other.example.org")), want: none},
		{name: "no names, common name listed as URI", settings: wantURI("https://client.example.org"), shown: leaf(t, ca, dns()), want: none},
		{name: "address", settings: wantDNS("192.0.2.1"), shown: leaf(t, ca, dns(), func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} }), want: none},
		{name: "mail address", settings: wantDNS(client), shown: leaf(t, ca, dns(), func(c *x509.Certificate) { c.EmailAddresses = []string{"a@client.example.org"} }), want: none},
		{name: "mail address as a URI", settings: wantURI("mailto:a@example.org"), shown: leaf(t, ca, dns(), func(c *x509.Certificate) { c.EmailAddresses = []string{"mailto:a@example.org"} }), want: none},
		{name: "NUL in a name", settings: wantDNS(client), shown: leaf(t, ca, func(c *x509.Certificate) {
			c.DNSNames = nil
			c.ExtraExtensions = []pkix.Extension{rawNames(2, client+"\x00.example.com")}
		}), want: none},
		{name: "DNS name written as a URI", settings: wantDNS(client), shown: leaf(t, ca, uris("https://client.example.org")), want: none},

		{name: "URI", settings: wantURI("https://example.org/a?b=c#d"), shown: leaf(t, ca, uris("https://example.org/a?b=c#d")), want: "https://example.org/a?b=c#d"},
		{name: "URN", settings: wantURI("urn:uuid:7d"), shown: leaf(t, ca, uris("urn:uuid:7d")), want: "urn:uuid:7d"},
		{name: "second URI", settings: wantURI("https://example.org/b"), shown: leaf(t, ca, uris("https://example.org/a", "https://example.org/b")), want: "https://example.org/b"},
		{name: "URI in other case", settings: wantURI("https://example.org/a"), shown: leaf(t, ca, uris("HTTPS://example.org/a")), want: none},
		{name: "URI with an empty fragment", settings: wantURI("https://example.org/a"), shown: leaf(t, ca, uris("https://example.org/a#")), want: none},
		{name: "URI encoded in another way", settings: wantURI("https://example.org/~a"), shown: leaf(t, ca, uris("https://example.org/%7ea")), want: none},
		{name: "URI below", settings: wantURI("https://example.org/a"), shown: leaf(t, ca, uris("https://example.org/a/b")), want: none},
		{name: "URI that holds the header's syntax", settings: wantURI("https://example.org/a"), shown: leaf(t, ca, uris("https://example.com/x;URI=https://example.org/a")), want: none},
		{name: "URI that holds two, as one is listed", settings: wantURI("https://example.com/x;URI=https://example.org/a"), shown: leaf(t, ca, uris("https://example.com/x;URI=https://example.org/a")), want: "https://example.com/x;URI=https://example.org/a"},

		{name: "SPIFFE id", settings: wantID("spiffe://example.org/a"), shown: leaf(t, ca, uris("spiffe://example.org/a")), want: "spiffe://example.org/a"},
		{name: "SPIFFE id beside a DNS name", settings: wantID("spiffe://example.org/a"), shown: leaf(t, ca, func(c *x509.Certificate) {
			c.URIs = append(c.URIs, parseURL(t, "spiffe://example.org/a"))
		}), want: "spiffe://example.org/a"},
		{name: "trust domain", settings: wantID("spiffe://example.org"), shown: leaf(t, ca, uris("spiffe://example.org/a/b")), want: "spiffe://example.org/a/b"},
		{name: "trust domain itself", settings: wantID("spiffe://example.org"), shown: leaf(t, ca, uris("spiffe://example.org")), want: "spiffe://example.org"},
		{name: "other trust domain", settings: wantID("spiffe://example.org"), shown: leaf(t, ca, uris("spiffe://example.org.example.com/a")), want: none},
		{name: "trust domain below", settings: wantID("spiffe://example.org"), shown: leaf(t, ca, uris("spiffe://a.example.org/a")), want: none},
		{name: "other SPIFFE id", settings: wantID("spiffe://example.org/a"), shown: leaf(t, ca, uris("spiffe://example.org/b")), want: none},
		{name: "SPIFFE id below", settings: wantID("spiffe://example.org/a"), shown: leaf(t, ca, uris("spiffe://example.org/a/b")), want: none},
		{name: "two URIs", settings: wantID("spiffe://example.org/a"), shown: leaf(t, ca, uris("spiffe://example.org/a", "spiffe://example.org/b")), want: none},
		{name: "SPIFFE id and a web address", settings: wantID("spiffe://example.org/a"), shown: leaf(t, ca, uris("https://example.org", "spiffe://example.org/a")), want: none},
		{name: "SPIFFE id that leaves its path", settings: wantID("spiffe://example.org"), shown: leaf(t, ca, uris("spiffe://example.org/../a")), want: none},
		{name: "SPIFFE id with the header's syntax", settings: wantID("spiffe://example.org"), shown: leaf(t, ca, uris("spiffe://example.org/a;URI=spiffe://example.com/b")), want: none},
		{name: "SPIFFE id too long", settings: wantID("spiffe://example.org"), shown: leaf(t, ca, uris("spiffe://example.org/"+strings.Repeat("a", 2048))), want: none},

		{name: "one sort of name does", settings: &policypb.ClientCertificate{DnsNames: []string{client}, SpiffeIds: []string{"spiffe://example.org"}}, shown: plain, want: client},
		{name: "empty list of names", settings: wantDNS(client), shown: leaf(t, ca, func(c *x509.Certificate) {
			c.DNSNames = nil
			c.ExtraExtensions = []pkix.Extension{rawNames(2)}
		}), want: none},

		{name: "URI of another encoding", settings: wantURI("https://example.org/a"), shown: leaf(t, ca, constructedNames(6, "https://example.org/a")), want: none},
		{name: "SPIFFE id of another encoding", settings: wantID("spiffe://example.org/a"), shown: leaf(t, ca, constructedNames(6, "spiffe://example.org/a")), want: none},
		{name: "DNS name of another encoding", settings: wantDNS(client), shown: leaf(t, ca, constructedNames(2, client)), want: none},

		{name: "issuer", settings: wantIssuer("CN=Root,O=Example"), shown: plain, want: "sha256:" + fingerprint(plain)},
		{name: "issuer in other words", settings: wantIssuer(`cn=\52oot,2.5.4.10=Example`), shown: plain, want: "sha256:" + fingerprint(plain)},
		{name: "second issuer", settings: wantIssuer("CN=Other", "CN=Root,O=Example"), shown: plain, want: "sha256:" + fingerprint(plain)},
		{name: "other issuer", settings: wantIssuer("CN=Other,O=Example"), shown: plain, want: none},
		{name: "a part of the issuer", settings: wantIssuer("CN=Root"), shown: plain, want: none},
		{name: "issuer the other way round", settings: wantIssuer("O=Example,CN=Root"), shown: plain, want: none},
		{name: "issuer above the issuer", settings: wantIssuer("CN=Root,O=Example"), shown: leaf(t, comma), want: none},
		{name: "issuer and another name", settings: &policypb.ClientCertificate{Issuers: []string{"CN=Root,O=Example"}, DnsNames: []string{"other.example.org"}}, shown: plain, want: none},
		{name: "name and another issuer", settings: &policypb.ClientCertificate{Issuers: []string{"CN=Other"}, DnsNames: []string{client}}, shown: plain, want: none},

		{name: "fingerprint", settings: &policypb.ClientCertificate{Fingerprints: []string{strings.ToUpper(fingerprint(plain))}}, shown: plain, want: "sha256:" + fingerprint(plain)},
		{name: "other fingerprint", settings: &policypb.ClientCertificate{Fingerprints: []string{key}}, shown: plain, want: none},
		{name: "public key", settings: &policypb.ClientCertificate{PublicKeys: []string{key}}, shown: plain, want: "sha256:" + fingerprint(plain)},
		{name: "public key in a new certificate", settings: &policypb.ClientCertificate{PublicKeys: []string{key}, DnsNames: []string{client}}, shown: leafOf(t, ca, plain.key), want: client},
		{name: "other public key", settings: &policypb.ClientCertificate{PublicKeys: []string{fingerprint(plain)}}, shown: plain, want: none},
		{name: "one of two pins", settings: &policypb.ClientCertificate{PublicKeys: []string{key}, Fingerprints: []string{key}}, shown: plain, want: "sha256:" + fingerprint(plain)},
		{name: "pin and name", settings: &policypb.ClientCertificate{Fingerprints: []string{fingerprint(plain)}, DnsNames: []string{client}}, shown: plain, want: client},
		{name: "pin and another issuer", settings: &policypb.ClientCertificate{Fingerprints: []string{fingerprint(plain)}, Issuers: []string{"CN=Other"}}, shown: plain, want: none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			anchors := trusting(ca, comma)
			check := newCheck(t, tt.settings, anchors)
			for range 2 {
				identity, err := check.Verify(t.Context(), connected(tt.shown))
				if tt.want == none {
					authztest.WantReason(t, err, authz.ReasonCertificateNotAllowed)
					continue
				}
				authztest.WantReason(t, err, authz.ReasonVerified)
				want := authz.Identity{Principal: tt.want, Key: fingerprint(tt.shown), Credential: true, Secret: "ca", Version: 1}
				if identity != want {
					t.Errorf("identity = %+v, want %+v", identity, want)
				}
			}
		})
	}
}

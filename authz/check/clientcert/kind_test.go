package clientcert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/check/clientcert"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestBuild(t *testing.T) {
	anchors := []string{"with", "without"}
	sum := strings.Repeat("0f", 32)
	tests := []struct {
		name     string
		settings *policypb.ClientCertificate
		path     string // of the only problem; "-" for none
		warning  bool
	}{
		{name: "DNS name", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{"a.example.org", "_x.EXAMPLE.org", "localhost"}}, path: "-"},
		{name: "all", path: "-", settings: &policypb.ClientCertificate{
			Anchors: anchors, Source: "xfcc", DnsNames: []string{"a.example.org"}, Uris: []string{"urn:a"}, SpiffeIds: []string{"spiffe://example.org"},
			Issuers: []string{"CN=a"}, Fingerprints: []string{sum}, PublicKeys: []string{sum}, Crl: "soft",
		}},
		{name: "any name", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted"}, path: "-"},
		{name: "any name of an issuer", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", Issuers: []string{"CN=a"}}, path: "-"},
		{name: "pin alone", settings: &policypb.ClientCertificate{Anchors: anchors, Fingerprints: []string{strings.ToUpper(sum)}}, path: "-"},
		{name: "no anchors", settings: &policypb.ClientCertificate{AnyName: "accepted"}, path: "anchors"},
		{name: "unknown anchors", settings: &policypb.ClientCertificate{Anchors: []string{"with", "other"}, AnyName: "accepted"}, path: "anchors[1]"},
		{name: "nothing asked", settings: &policypb.ClientCertificate{Anchors: anchors}, path: ""},
		{name: "only an issuer", settings: &policypb.ClientCertificate{Anchors: anchors, Issuers: []string{"CN=a"}}, path: ""},
		{name: "any name and a name", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", Uris: []string{"urn:a"}}, path: "any_name"},
		{name: "any name and a pin", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", PublicKeys: []string{sum}}, path: "any_name"},
		{name: "any name in another word", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "yes"}, path: "any_name"},
		{name: "source in another word", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", Source: "header"}, path: "source"},
		{name: "wildcard", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{"a.example.org", "*.example.org"}}, path: "dns_names[1]"},
		{name: "dot at the end", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{"example.org."}}, path: "dns_names[0]"},
		{name: "DNS name with a port", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{"example.org:443"}}, path: "dns_names[0]"},
		{name: "DNS name with a hyphen at the end", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{"a-.example.org"}}, path: "dns_names[0]"},
		{name: "DNS name not in ASCII", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{"b\u00fcro.example.org"}}, path: "dns_names[0]"},
		{name: "long label", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{strings.Repeat("a", 64) + ".org"}}, path: "dns_names[0]"},
		{name: "long name", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{strings.Repeat("a.", 126) + "aa"}}, path: "dns_names[0]"},
		{name: "longest name", settings: &policypb.ClientCertificate{Anchors: anchors, DnsNames: []string{strings.Repeat("a.", 126) + "a"}}, path: "-"},
		{name: "URI without scheme", settings: &policypb.ClientCertificate{Anchors: anchors, Uris: []string{"example.org/a"}}, path: "uris[0]"},
		{name: "URI with a blank", settings: &policypb.ClientCertificate{Anchors: anchors, Uris: []string{"urn:a b"}}, path: "uris[0]"},
		{name: "URI not in ASCII", settings: &policypb.ClientCertificate{Anchors: anchors, Uris: []string{"urn:\u00e4"}}, path: "uris[0]"},
		{name: "URI of a scheme only", settings: &policypb.ClientCertificate{Anchors: anchors, Uris: []string{"urn:"}}, path: "uris[0]"},
		{name: "SPIFFE id of another scheme", settings: &policypb.ClientCertificate{Anchors: anchors, SpiffeIds: []string{"https://example.org/a"}}, path: "spiffe_ids[0]"},
		{name: "SPIFFE id in upper case", settings: &policypb.ClientCertificate{Anchors: anchors, SpiffeIds: []string{"spiffe://Example.org/a"}}, path: "spiffe_ids[0]"},
		{name: "SPIFFE id with a slash at the end", settings: &policypb.ClientCertificate{Anchors: anchors, SpiffeIds: []string{"spiffe://example.org/"}}, path: "spiffe_ids[0]"},
		{name: "SPIFFE id with a query", settings: &policypb.ClientCertificate{Anchors: anchors, SpiffeIds: []string{"spiffe://example.org/a?b"}}, path: "spiffe_ids[0]"},
		{name: "issuer as OpenSSL once wrote it", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", Issuers: []string{"/CN=a"}}, path: "issuers[0]"},
		{name: "fingerprint with colons", settings: &policypb.ClientCertificate{Anchors: anchors, Fingerprints: []string{strings.Repeat("0f:", 31) + "0f"}}, path: "fingerprints[0]"},
		{name: "fingerprint too short", settings: &policypb.ClientCertificate{Anchors: anchors, Fingerprints: []string{sum[2:]}}, path: "fingerprints[0]"},
		{name: "public key too long", settings: &policypb.ClientCertificate{Anchors: anchors, PublicKeys: []string{sum + "00"}}, path: "public_keys[0]"},
		{name: "public key of an odd length", settings: &policypb.ClientCertificate{Anchors: anchors, PublicKeys: []string{sum[1:]}}, path: "public_keys[0]"},
		{name: "hard, one without a list", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", Crl: "hard"}, path: "crl", warning: true},
		{name: "soft, one without a list", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", Crl: "soft"}, path: "-"},
		{name: "hard, all with a list", settings: &policypb.ClientCertificate{Anchors: anchors[:1], AnyName: "accepted", Crl: "hard"}, path: "-"},
		{name: "hard without a list", settings: &policypb.ClientCertificate{Anchors: anchors[1:], AnyName: "accepted", Crl: "hard"}, path: "crl"},
		{name: "soft without a list", settings: &policypb.ClientCertificate{Anchors: anchors[1:], AnyName: "accepted", Crl: "soft"}, path: "crl"},
		{name: "list in another word", settings: &policypb.ClientCertificate{Anchors: anchors, AnyName: "accepted", Crl: "on"}, path: "crl"},
	}
	env := envOf()
	env.Anchors = func(name string) (authz.AnchorReference, bool) {
		return authz.AnchorReference{Name: name, Set: set{}, HasCRL: name == "with"}, name == "with" || name == "without"
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part, problems := clientcert.Kind().Build(tt.settings, env)
			if tt.path == "-" || tt.warning {
				if part.Check == nil || !part.Authenticates || part.BindsBody || part.SharedSecret || part.Challenge != "" {
					t.Errorf("part = %+v", part)
				}
			} else if part.Check != nil {
				t.Error("a part came with a mistake")
			}
			if (len(problems) == 0) != (tt.path == "-") || len(problems) > 1 {
				t.Fatalf("problems = %v, want one at %q", problems, tt.path)
			}
			if tt.path != "-" && (problems[0].Path != tt.path || problems[0].Warning != tt.warning || problems[0].Code == "") {
				t.Errorf("problem = %+v, want path %q, warning %v", problems[0], tt.path, tt.warning)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	for source, want := range map[string]int{"": 0, "connection": 0, "xfcc": 1} {
		s := anyone()
		s.Anchors, s.Source = []string{"ca0"}, source
		part, _ := clientcert.Kind().Build(s, envOf(set{}))
		if len(part.Credentials) != want || want == 1 && part.Credentials[0].Header != "x-forwarded-client-cert" {
			t.Errorf("source %q: credentials = %v", source, part.Credentials)
		}
	}
}

// telling is an entry that knows of a secret that is unfit.
type telling struct{ set }

func (telling) Unfit(_ time.Time, tell func(string, error)) { tell("ca", authz.ErrNotConfigured) }

func TestUnfit(t *testing.T) {
	s := anyone()
	s.Anchors = []string{"ca0", "ca1"}
	part, problems := clientcert.Kind().Build(s, envOf(set{}, telling{}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var told []string
	part.Unfit(now(), func(secret string, _ error) { told = append(told, secret) })
	if len(told) != 1 || told[0] != "ca" {
		t.Errorf("told of %q, want ca", told)
	}
}

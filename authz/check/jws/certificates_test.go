package jws_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A node is a certificate with its key.
type node struct {
	*x509.Certificate
	key crypto.Signer
}

type change func(*x509.Certificate)

// issue returns a certificate of that name by issuer, or by itself if that is nil.
func issue(tb testing.TB, issuer *node, name string, key crypto.Signer, changes ...change) *node {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: authztest.Received().Add(-time.Hour), NotAfter: authztest.Received().Add(time.Hour),
	}
	for _, change := range changes {
		change(template)
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.Certificate, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &node{Certificate: made, key: key}
}

func authority(tb testing.TB, issuer *node, name string, changes ...change) *node {
	tb.Helper()
	return issue(tb, issuer, name, keyOf("authority "+name), append([]change{func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	}}, changes...)...)
}

func marked(oid ...int) change {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier(oid), Value: []byte{5, 0}})
	}
}

var testRoot = sync.OnceValue(func() *node { return authority(panics{}, nil, "Root") })

// panics stands in for a test where there is none.
type panics struct{ testing.TB }

func (panics) Helper()           {}
func (panics) Fatal(args ...any) { panic(args) }

// An anchorSet does not change.
type anchorSet struct {
	anchors authz.Anchors
	err     error
}

func (s *anchorSet) Anchors(time.Time) (*authz.Anchors, error) { return &s.anchors, s.err }

func trusting(nodes ...*node) *anchorSet {
	s := &anchorSet{}
	for _, n := range nodes {
		s.anchors.Authorities = append(s.anchors.Authorities, authz.Authority{Certificate: n.Certificate, Secret: "root"})
	}
	return s
}

// withAnchors declares set under the name root.
func withAnchors(set authz.AnchorSet, hasCRL bool) func(*authz.Env) {
	return func(e *authz.Env) {
		e.Anchors = func(name string) (authz.AnchorReference, bool) {
			return authz.AnchorReference{Name: name, Set: set, HasCRL: hasCRL}, name == "root"
		}
	}
}

func withRoot(tb testing.TB) func(*authz.Env) {
	tb.Helper()
	return withAnchors(trusting(testRoot()), false)
}

// x5c is the header of a token with certificates.
func x5c(tb testing.TB, algorithm string, nodes ...*node) string {
	tb.Helper()
	var all []string
	for _, n := range nodes {
		all = append(all, base64.StdEncoding.EncodeToString(n.Raw))
	}
	text, err := json.Marshal(map[string]any{"alg": algorithm, "x5c": all})
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// Who signed is known by a certificate that leads to the anchors, and is as the
// policy wants it.
func TestCertificates(t *testing.T) {
	const (
		untrusted  = authz.ReasonCertificateUntrusted
		expired    = authz.ReasonCertificateExpired
		notAllowed = authz.ReasonCertificateNotAllowed
	)
	root := testRoot()
	middle := authority(t, root, "Middle", marked(1, 2, 3, 4))
	plain := authority(t, root, "Plain")
	named := func(c *x509.Certificate) {
		c.DNSNames = []string{"Hooks.Example.org"}
		c.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/billing"}}
	}
	leaf := issue(t, middle, "leaf", ecKey(), marked(1, 2, 5), named)
	direct := issue(t, root, "direct", ecKey(), marked(1, 2, 5))
	stranger := authority(t, nil, "Stranger")
	fake := authority(t, nil, "Root") // of the same name and key, but not the anchor
	deep := []*node{root}
	for _, name := range []string{"A", "B", "C", "D"} {
		deep = append(deep, authority(t, deep[len(deep)-1], name))
	}
	below := func(n int) []*node { // a leaf below n authorities, those first that are nearest
		chain := []*node{issue(t, deep[n], "deep", ecKey())}
		for i := n; i > 0; i-- {
			chain = append(chain, deep[i])
		}
		return chain
	}
	is := func(c *x509.Certificate, changes ...change) []*node {
		return []*node{issue(t, root, "leaf", ecKey(), append(changes, func(to *x509.Certificate) {
			to.KeyUsage, to.ExtKeyUsage = c.KeyUsage, c.ExtKeyUsage
		})...)}
	}
	tests := []struct {
		name   string
		chain  []*node
		header string // default: that of ES256
		key    crypto.Signer
		change func(*policypb.TokenCertificates)
		want   authz.Reason
		who    string // the principal
	}{
		{name: "right", chain: []*node{leaf, middle}, want: verified, who: "sha256:"},
		{name: "with the anchor", chain: []*node{leaf, middle, root}, want: verified},
		{name: "signed by the anchor", chain: []*node{direct}, want: verified},
		{name: "a certificate that does not belong", chain: []*node{leaf, plain, middle}, want: verified},
		{name: "three between", chain: below(3), want: verified},
		{name: "four between", chain: below(4), want: untrusted},
		{name: "six certificates", chain: append(below(4), root), want: malformed},
		{name: "another root", chain: []*node{issue(t, stranger, "leaf", ecKey()), stranger}, want: untrusted},
		{name: "a root of the same name", chain: []*node{issue(t, fake, "leaf", keyOf("x")), fake}, header: x5c(t, "EdDSA", issue(t, stranger, "leaf", keyOf("key")), stranger), key: keyOf("key"), want: untrusted},
		{name: "signed by itself", chain: []*node{issue(t, nil, "Root", ecKey())}, want: untrusted},
		{name: "the one between is missing", chain: []*node{leaf}, want: untrusted},
		{name: "the anchor signs", chain: []*node{root}, key: root.key, header: x5c(t, "EdDSA", root), want: untrusted},
		{name: "an authority signs", chain: []*node{middle}, key: middle.key, header: x5c(t, "EdDSA", middle), want: untrusted},
		{name: "expired", chain: []*node{issue(t, root, "leaf", ecKey(), func(c *x509.Certificate) { c.NotAfter = authztest.Received().Add(-time.Second) })}, want: expired},
		{name: "not valid yet", chain: []*node{issue(t, root, "leaf", ecKey(), func(c *x509.Certificate) { c.NotBefore = authztest.Received().Add(time.Second) })}, want: expired},
		{name: "not for signing", chain: is(&x509.Certificate{KeyUsage: x509.KeyUsageKeyAgreement}), want: untrusted},
		{name: "for signing", chain: is(&x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}), want: verified},
		{name: "for servers", chain: is(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}), want: verified},
		{name: "a critical extension", chain: is(&x509.Certificate{}, func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 9}, Critical: true, Value: []byte{5, 0}})
		}), want: untrusted},

		{name: "somebody else signed", chain: []*node{leaf, middle}, key: keyOf("key"), header: x5c(t, "EdDSA", issue(t, root, "x", keyOf("other"))), want: mismatch},
		{name: "the key of another type", chain: []*node{leaf, middle}, header: x5c(t, "EdDSA", leaf, middle), want: algorithm},
		{name: "an algorithm that is not listed", chain: []*node{leaf, middle}, header: x5c(t, "ES384", leaf, middle), want: algorithm},
		{name: "a key that is known, without certificate", chain: []*node{leaf}, header: ecHeader, want: invalid},
		{name: "kid means nothing", chain: []*node{leaf}, header: `{"kid":"nobody",` + x5c(t, "ES256", leaf, middle)[1:], want: verified},
		{name: "nor does one that is no key id", chain: []*node{leaf}, header: `{"kid":"CN=Hooks, O=Ex\u00e4mple",` + x5c(t, "ES256", leaf, middle)[1:], want: verified},
		{name: "kid is no text", chain: []*node{leaf}, header: `{"kid":1,` + x5c(t, "ES256", leaf, middle)[1:], want: malformed},
		{name: "jku besides", chain: []*node{leaf}, header: `{"jku":"https://evil.example",` + x5c(t, "ES256", leaf, middle)[1:], want: invalid},
		{name: "jwk besides", chain: []*node{leaf}, header: `{"jwk":{},` + x5c(t, "ES256", leaf, middle)[1:], want: invalid},
		{name: "an empty list", chain: []*node{leaf}, header: `{"alg":"ES256","x5c":[]}`, want: malformed},
		{name: "no list", chain: []*node{leaf}, header: `{"alg":"ES256","x5c":"AAAA"}`, want: malformed},
		{name: "no base64", chain: []*node{leaf}, header: `{"alg":"ES256","x5c":["-_-_"]}`, want: malformed},
		{name: "a line feed", chain: []*node{leaf}, header: strings.Replace(x5c(t, "ES256", leaf, middle), "M", `\n`, 1), want: malformed},
		{name: "no padding", chain: []*node{leaf}, header: `{"alg":"ES256","x5c":["QQ"]}`, want: malformed},
		{name: "no certificate", chain: []*node{leaf}, header: `{"alg":"ES256","x5c":["AAAA"]}`, want: malformed},
		{name: "a certificate and bytes", chain: []*node{leaf}, header: strings.Replace(x5c(t, "ES256", middle), `"]`, `AAAA"]`, 1), want: malformed},

		{name: "a DNS name", chain: []*node{leaf, middle}, change: func(c *policypb.TokenCertificates) { c.Names = []string{"x.example", "HOOKS.example.org"} }, want: verified, who: "hooks.example.org"},
		{name: "a URI", chain: []*node{leaf, middle}, change: func(c *policypb.TokenCertificates) { c.Names = []string{"spiffe://example.org/billing"} }, want: verified, who: "spiffe://example.org/billing"},
		{name: "another name", chain: []*node{leaf, middle}, change: func(c *policypb.TokenCertificates) { c.Names = []string{"x.example"} }, want: notAllowed},
		{name: "no name", chain: []*node{direct}, change: func(c *policypb.TokenCertificates) { c.Names = []string{"x.example"} }, want: notAllowed},
		{name: "extensions", chain: []*node{leaf, middle}, change: func(c *policypb.TokenCertificates) {
			c.Extensions, c.IssuerExtensions = []string{"1.2.5"}, []string{"1.2.3.4"}
		}, want: verified},
		{name: "an extension lacks", chain: []*node{leaf, middle}, change: func(c *policypb.TokenCertificates) { c.Extensions = []string{"1.2.5", "1.2.6"} }, want: notAllowed},
		{name: "an extension above lacks", chain: []*node{issue(t, plain, "leaf", ecKey(), marked(1, 2, 5)), plain}, change: func(c *policypb.TokenCertificates) { c.IssuerExtensions = []string{"1.2.3.4"} }, want: notAllowed},
		{name: "nobody above to have an extension", chain: []*node{direct}, change: func(c *policypb.TokenCertificates) { c.IssuerExtensions = []string{"1.2.3.4"} }, want: notAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := build(t, settings(certified(tt.change)), one(t, withRoot(t))).Check
			header, key := tt.header, tt.key
			if header == "" {
				header = x5c(t, "ES256", tt.chain...)
			}
			if key == nil {
				key = ecKey()
			}
			for range 2 { // the second time it is remembered
				identity, err := check.Verify(t.Context(), post(token(t, key, header, payload(t, nil)), ""))
				authztest.WantReason(t, err, tt.want)
				if err == nil && (!strings.HasPrefix(identity.Principal, tt.who) || len(identity.Key) != 64 || identity.Secret != "root" || !identity.BodySigned) {
					t.Errorf("identity = %+v", identity)
				}
			}
		})
	}
}

// What was remembered ends with the certificate, and with the anchors.
func TestRemembersNoLonger(t *testing.T) {
	root := testRoot()
	leaf := issue(t, root, "leaf", ecKey())
	set := trusting(root)
	check := build(t, settings(certified(nil)), one(t, withAnchors(set, false))).Check
	r := post(token(t, ecKey(), x5c(t, "ES256", leaf), "text"), "")
	_, err := check.Verify(t.Context(), r)
	authztest.WantReason(t, err, verified)
	r.Received = r.Received.Add(2 * time.Hour)
	_, err = check.Verify(t.Context(), r)
	authztest.WantReason(t, err, authz.ReasonCertificateExpired)

	set.err = authz.Deny(authz.ReasonSecretUnavailable, "")
	r.Received = authztest.Received()
	_, err = check.Verify(t.Context(), r)
	authztest.WantReason(t, err, authz.ReasonSecretUnavailable)
}

// A list of the anchors takes certificates back, where one is declared.
func TestRevoked(t *testing.T) {
	leaf, other := issue(t, testRoot(), "leaf", ecKey()), issue(t, testRoot(), "other", ecKey())
	check := build(t, settings(certified(nil)), one(t, withAnchors(listing(t, leaf), true))).Check
	_, err := check.Verify(t.Context(), post(token(t, ecKey(), x5c(t, "ES256", leaf), "text"), ""))
	authztest.WantReason(t, err, authz.ReasonCertificateRevoked)
	_, err = check.Verify(t.Context(), post(token(t, ecKey(), x5c(t, "ES256", other), "text"), ""))
	authztest.WantReason(t, err, verified)
}

// listing trusts the root, whose list names that certificate.
func listing(tb testing.TB, revoked *node) *anchorSet {
	tb.Helper()
	root := testRoot()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: authztest.Received().Add(-time.Hour), NextUpdate: authztest.Received().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: revoked.SerialNumber, RevocationTime: authztest.Received()}},
	}, root.Certificate, root.key)
	if err != nil {
		tb.Fatal(err)
	}
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		tb.Fatal(err)
	}
	set := trusting(root)
	set.anchors.CRLs = []*x509.RevocationList{crl}
	return set
}

// revoked presents a certificate of keyOf("key") that was taken back.
func revoked(tb testing.TB, leaf *node) func(*testing.T) error {
	tb.Helper()
	set := listing(tb, leaf)
	return func(t *testing.T) error {
		t.Helper()
		check := build(t, settings(certified(nil)), one(t, withAnchors(set, true))).Check
		_, err := check.Verify(t.Context(), post(token(t, keyOf("key"), x5c(t, "EdDSA", leaf), "text"), ""))
		return err
	}
}

func notAfter(d time.Duration) change {
	return func(c *x509.Certificate) { c.NotAfter = authztest.Received().Add(d) }
}

// Keys that can't be used are told by name, of either sort of signer.
func TestUnfit(t *testing.T) {
	var told []string
	tell := func(secret string, _ error) { told = append(told, secret) }
	build(t, settings(certified(nil)), one(t, withAnchors(&unfitAnchors{trusting(testRoot())}, false))).Unfit(authztest.Received(), tell)
	build(t, settings(), env(map[string]authz.KeySet{"keys": &unfitKeys{KeySet: keys(t)}})).Unfit(authztest.Received(), tell)
	if !slices.Equal(told, []string{"anchors", "keys"}) {
		t.Errorf("told of %q", told)
	}
}

type unfitAnchors struct{ authz.AnchorSet }

func (unfitAnchors) Unfit(_ time.Time, tell func(string, error)) { tell("anchors", nil) }

type unfitKeys struct{ authz.KeySet }

func (unfitKeys) Unfit(_ time.Time, tell func(string, error)) { tell("keys", nil) }

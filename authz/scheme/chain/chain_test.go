package chain_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/chain"
)

// A node is a certificate with its key.
type node struct {
	*x509.Certificate
	key crypto.Signer
}

func issue(tb testing.TB, issuer *node, name string, change func(*x509.Certificate)) *node {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return certify(tb, issuer, name, key, change)
}

// reissue returns another certificate of the same name and key.
func reissue(tb testing.TB, issuer, of *node, change func(*x509.Certificate)) *node {
	tb.Helper()
	return certify(tb, issuer, of.Subject.CommonName, of.key, change)
}

func certify(tb testing.TB, issuer *node, name string, key crypto.Signer, change func(*x509.Certificate)) *node {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name},
		NotBefore: authztest.Received().Add(-time.Hour), NotAfter: authztest.Received().Add(time.Hour),
	}
	change(template)
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

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
}

func client(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

func plain(*x509.Certificate) {}

type anchors struct{ all authz.Anchors }

func (a *anchors) Anchors(time.Time) (*authz.Anchors, error) { return &a.all, nil }

func trusting(n *node) []authz.AnchorReference {
	set := &anchors{authz.Anchors{Authorities: []authz.Authority{{Certificate: n.Certificate}}}}
	return []authz.AnchorReference{{Name: "root", Set: set}}
}

func anyone(*x509.Certificate, chain.Digest) (string, error) { return "somebody", nil }

// What a verifier may be told of the chains that it takes. That of the kinds which
// use one is tested with them.
func TestLimits(t *testing.T) {
	root := issue(t, nil, "Root", authority)
	middle := issue(t, root, "Middle", authority)
	low := issue(t, middle, "Low", authority)
	tests := []struct {
		name   string
		config chain.Config
		shown  []*node
		want   authz.Reason
		says   string
	}{
		{name: "for anything", config: chain.Config{Most: 2}, shown: []*node{issue(t, root, "leaf", plain)}, want: authz.ReasonVerified},
		{name: "for clients", config: chain.Config{Most: 2, ClientAuth: true}, shown: []*node{issue(t, root, "leaf", client)}, want: authz.ReasonVerified},
		{name: "for clients, and is not", config: chain.Config{Most: 2, ClientAuth: true}, shown: []*node{issue(t, root, "leaf", plain)}, want: authz.ReasonCertificateUntrusted, says: "client authentication"},
		{name: "as long as may be", config: chain.Config{Most: 4}, shown: []*node{issue(t, low, "leaf", plain), low, middle}, want: authz.ReasonVerified},
		{name: "too long", config: chain.Config{Most: 3}, shown: []*node{issue(t, low, "leaf", plain), low, middle}, want: authz.ReasonCertificateUntrusted, says: "over 3 certificates"},
		{name: "what stands above", config: chain.Config{Most: 4, Above: func(between []*x509.Certificate) bool { return len(between) == 2 }}, shown: []*node{issue(t, low, "leaf", plain), low, middle}, want: authz.ReasonVerified},
		{name: "what stands above is not right", config: chain.Config{Most: 4, Above: func(between []*x509.Certificate) bool { return len(between) == 1 }}, shown: []*node{issue(t, low, "leaf", plain), low, middle}, want: authz.ReasonCertificateNotAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Anchors, tt.config.Permit = trusting(root), anyone
			verifier := chain.New(tt.config)
			shown := &chain.Shown{Leaf: tt.shown[0].Certificate}
			for _, other := range tt.shown[1:] {
				shown.Others = append(shown.Others, other.Certificate)
			}
			reads := 0
			for range 2 {
				proof, identity, err := verifier.Verify(chain.Presented{Text: tt.name}, func() (*chain.Shown, error) {
					reads++
					return shown, nil
				}, authztest.Received())
				authztest.WantReason(t, err, tt.want)
				if err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error = %v, want %q in it", err, tt.says)
				}
				if err == nil && (proof.Leaf != shown.Leaf || identity.Principal != "somebody" || len(identity.Key) != 64) {
					t.Errorf("%+v, %+v", proof, identity)
				}
			}
			if remembered := reads == 1; remembered != (tt.want == authz.ReasonVerified) {
				t.Errorf("read %d times", reads)
			}
		})
	}
}

// Of an authority that came with several sets of alternative names the first
// counts, so that nobody can have signatures verified in every order of them. One
// that others signed for as well may come with each of its certificates.
func TestRespeltAuthorities(t *testing.T) {
	root, stranger := issue(t, nil, "Root", authority), issue(t, nil, "Stranger", authority)
	named := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			authority(c)
			c.DNSNames = names
		}
	}
	middle := issue(t, root, "Middle", named("a.example"))
	again := func(issuer *node, names ...string) *node { return reissue(t, issuer, middle, named(names...)) }
	tests := []struct {
		name   string
		others []*node
		want   authz.Reason
	}{
		{name: "signed by two", others: []*node{again(stranger, "a.example"), middle}, want: authz.ReasonVerified},
		{name: "another name behind it", others: []*node{middle, again(stranger, "b.example")}, want: authz.ReasonVerified},
		{name: "another name before it", others: []*node{again(stranger, "b.example"), middle}, want: authz.ReasonCertificateUntrusted},
		{name: "no name before it", others: []*node{again(stranger), middle}, want: authz.ReasonCertificateUntrusted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shown := &chain.Shown{Leaf: issue(t, middle, "leaf", plain).Certificate}
			for _, other := range tt.others {
				shown.Others = append(shown.Others, other.Certificate)
			}
			verifier := chain.New(chain.Config{Anchors: trusting(root), Most: 5, Permit: anyone})
			_, _, err := verifier.Verify(chain.Presented{Text: tt.name}, func() (*chain.Shown, error) { return shown, nil }, authztest.Received())
			authztest.WantReason(t, err, tt.want)
		})
	}
}

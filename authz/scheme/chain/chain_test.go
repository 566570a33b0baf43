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
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name},
		NotBefore: authztest.Received().Add(-time.Hour), NotAfter: authztest.Received().Add(time.Hour),
	}
	change(template)
	parent, signer := template, crypto.Signer(key)
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

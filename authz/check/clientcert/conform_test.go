package clientcert_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/clientcert"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// In the suite the secret is a text of which the authority's key is made. The
// store holds the authority's certificate, the sender a certificate below it.

// pairOf returns the authority made of secret and a sender's certificate. They
// are the same each time.
func pairOf(tb testing.TB, secret string) (ca, client *node) {
	tb.Helper()
	seed := sha256.Sum256([]byte(secret))
	key := ed25519.NewKeyFromSeed(seed[:])
	ca = sign(tb, nil, key, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Root"}, NotBefore: now(), NotAfter: now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, SubjectKeyId: []byte{1},
	})
	return ca, leafOf(tb, ca, key, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(2) })
}

// anchored makes anchors of a secret that holds one certificate in PEM.
type anchored struct{ secrets authz.Secrets }

func (a anchored) Anchors(at time.Time) (*authz.Anchors, error) {
	versions, err := a.secrets.Versions(at)
	if err != nil {
		return nil, err
	}
	if versions == nil {
		return nil, nil
	}
	anchors := &authz.Anchors{Unusable: versions.Unusable, Stale: versions.Stale}
	for _, version := range versions.Accepted {
		text := version.Secret.Reveal()
		block, rest := pem.Decode(text)
		if block == nil || len(rest) > 0 || string(pem.EncodeToMemory(block)) != string(text) {
			anchors.Unusable = authz.Deny(authz.ReasonSecretInvalid, "no certificate")
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			anchors.Unusable = authz.Deny(authz.ReasonSecretInvalid, "no certificate")
			continue
		}
		anchors.Authorities = append(anchors.Authorities, authz.Authority{
			Certificate: cert, Secret: authztest.SecretName, Version: version.Number, Previous: version.Previous,
		})
	}
	return anchors, nil
}

func TestConform(t *testing.T) {
	var mu sync.Mutex
	texts := map[string]string{}
	shown := func(secret string) *node {
		_, client := pairOf(t, secret)
		return client
	}
	// once remembers what is made of a secret: the suite asks often.
	once := func(secret string, text func(*node) string) string {
		mu.Lock()
		defer mu.Unlock()
		if _, ok := texts[secret]; !ok {
			texts[secret] = text(shown(secret))
		}
		return texts[secret]
	}
	tests := []struct {
		source  string
		present func(secret string) *authz.Request
		bare    func() *authz.Request
	}{
		{
			source: "connection",
			present: func(secret string) *authz.Request {
				r := authztest.Request("POST", "/h", "body")
				r.Certificate = once(secret, func(n *node) string { return encode(n) })
				return r
			},
			bare: func() *authz.Request { return authztest.Request("POST", "/h", "body") },
		},
		{
			source: "xfcc",
			present: func(secret string) *authz.Request {
				return proxied(once(secret, func(n *node) string { return "Hash=" + fingerprint(n) + `;Cert="` + encode(n) + `"` }))
			},
			bare: func() *authz.Request {
				r := authztest.Request("POST", "/h", "body")
				r.Gateway.XFCCSanitized = true
				return r
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			clear(texts)
			authztest.Conform(t, authztest.Subject{
				Kind:     clientcert.Kind(),
				Settings: &policypb.ClientCertificate{Anchors: []string{authztest.SecretName}, DnsNames: []string{"client.example.org"}, Source: tt.source},
				Secret:   "the first authority", Other: "another, as good", Present: tt.present, Bare: tt.bare,
				Public: true, Connection: tt.source == "connection",
				Useless: []string{"no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
				Store: func(secret string) string {
					ca, _ := pairOf(t, secret)
					return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}))
				},
				Env: func(secrets map[string]authz.Secrets) *authz.Env {
					env := authztest.Env(secrets)
					env.Anchors = func(name string) (authz.AnchorReference, bool) {
						s, ok := secrets[name]
						return authz.AnchorReference{Name: name, Set: anchored{s}}, ok
					}
					return env
				},
			})
		})
	}
}

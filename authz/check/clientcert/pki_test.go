package clientcert_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/clientcert"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A node is a certificate and its key.
type node struct {
	cert *x509.Certificate
	key  crypto.Signer
}

type change func(template *x509.Certificate)

func now() time.Time { return authztest.Received() }

func ecKey(tb testing.TB, curve elliptic.Curve) crypto.Signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// nobody is an Ed25519 key of small order, under which anybody can sign.
type nobody struct{}

func (nobody) Public() crypto.PublicKey {
	return ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))
}

func (nobody) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("not needed")
}

// rsaKeys holds one key of each size: they take long to make.
var rsaKeys sync.Map

func rsaKey(tb testing.TB, bits int) crypto.Signer {
	tb.Helper()
	if kept, ok := rsaKeys.Load(bits); ok {
		if key, ok := kept.(crypto.Signer); ok {
			return key
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	rsaKeys.Store(bits, key)
	return key
}

// sign makes a certificate of key by parent, nil for one that signs itself.
func sign(tb testing.TB, parent *node, key crypto.Signer, template *x509.Certificate) *node {
	tb.Helper()
	n := &node{key: key}
	issuer, by := template, key
	if parent != nil {
		issuer, by = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		tb.Fatal(err)
	}
	n.cert = parseCert(tb, der)
	return n
}

func parseCert(tb testing.TB, der []byte) *x509.Certificate {
	tb.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

func serial(tb testing.TB) *big.Int {
	tb.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		tb.Fatal(err)
	}
	return n.Add(n, big.NewInt(1))
}

// authority makes a CA of that name, signed by parent or by itself.
func authority(tb testing.TB, parent *node, name string, changes ...change) *node {
	tb.Helper()
	return authorityOf(tb, parent, ecKey(tb, elliptic.P256()), name, changes...)
}

func authorityOf(tb testing.TB, parent *node, key crypto.Signer, name string, changes ...change) *node {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{Organization: []string{"Example"}, CommonName: name},
		NotBefore: now().AddDate(-1, 0, 0), NotAfter: now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	for _, change := range changes {
		change(template)
	}
	return sign(tb, parent, key, template)
}

// leaf makes a sender's certificate with the DNS name client.example.org.
func leaf(tb testing.TB, parent *node, changes ...change) *node {
	tb.Helper()
	return leafOf(tb, parent, ecKey(tb, elliptic.P256()), changes...)
}

func leafOf(tb testing.TB, parent *node, key crypto.Signer, changes ...change) *node {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: "client.example.org"},
		NotBefore: now().Add(-time.Hour), NotAfter: now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, DNSNames: []string{"client.example.org"},
	}
	for _, change := range changes {
		change(template)
	}
	return sign(tb, parent, key, template)
}

func between(from, to time.Duration) change {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now().Add(from), now().Add(to) }
}

func usages(usages ...x509.ExtKeyUsage) change {
	return func(c *x509.Certificate) { c.ExtKeyUsage = usages }
}

func dns(names ...string) change { return func(c *x509.Certificate) { c.DNSNames = names } }

func uris(texts ...string) change {
	return func(c *x509.Certificate) {
		c.DNSNames = nil
		c.ExtraExtensions = append(c.ExtraExtensions, rawNames(6, texts...))
	}
}

// rawNames is a SAN extension whose names are written as they are.
func rawNames(tag int, texts ...string) pkix.Extension {
	var names []asn1.RawValue
	for _, text := range texts {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(text)})
	}
	value, err := asn1.Marshal(names)
	if err != nil {
		return pkix.Extension{}
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}

// constructedNames are names whose tag says that they are made of parts, which
// they can't be. Package x509 passes over them.
func constructedNames(tag int, texts ...string) change {
	return func(c *x509.Certificate) {
		var names []asn1.RawValue
		for _, text := range texts {
			names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: []byte(text)})
		}
		value, err := asn1.Marshal(names)
		if err != nil {
			return
		}
		c.DNSNames = nil
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value})
	}
}

// signWeakly replaces the signature of what parent, with an RSA key, signed with
// SHA-256 by one with SHA-1. Go makes none itself.
func signWeakly(tb testing.TB, der []byte, parent *node) []byte {
	tb.Helper()
	const sha256WithRSA, sha1WithRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
	var signed struct {
		Content   asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal([]byte(strings.ReplaceAll(string(der), sha256WithRSA, sha1WithRSA)), &signed); err != nil {
		tb.Fatal(err)
	}
	sum := sha1.Sum(signed.Content.FullBytes)
	signature, err := parent.key.Sign(rand.Reader, sum[:], crypto.SHA1)
	if err != nil {
		tb.Fatal(err)
	}
	signed.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	weak, err := asn1.Marshal(signed)
	if err != nil {
		tb.Fatal(err)
	}
	return weak
}

// A listing is what a revocation list of the tests says.
type listing struct {
	by         *node
	revoked    []*node
	this, next time.Duration // from now; next defaults to an hour
	reason     int
	extensions []pkix.Extension
}

func (l *listing) der(tb testing.TB) []byte {
	tb.Helper()
	if l.next == 0 {
		l.next = time.Hour
	}
	if l.this == 0 {
		l.this = min(-time.Hour, l.next-time.Hour)
	}
	template := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now().Add(l.this), NextUpdate: now().Add(l.next), ExtraExtensions: l.extensions,
	}
	for _, n := range l.revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: n.cert.SerialNumber, RevocationTime: now().Add(-2 * time.Hour), ReasonCode: l.reason,
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, l.by.cert, l.by.key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func (l *listing) list(tb testing.TB) *x509.RevocationList {
	tb.Helper()
	list, err := x509.ParseRevocationList(l.der(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// encode writes certificates as Envoy does.
func encode(nodes ...*node) string {
	var text strings.Builder
	for _, n := range nodes {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.cert.Raw}))
	}
	return strings.NewReplacer("\n", "%0A", " ", "%20", "+", "%2B", "/", "%2F", "=", "%3D").Replace(text.String())
}

func fingerprint(n *node) string {
	sum := sha256.Sum256(n.cert.Raw)
	return hex.EncodeToString(sum[:])
}

// forwarded writes X-Forwarded-Client-Cert as Envoy does with cert, chain,
// subject, uri and dns.
func forwarded(nodes ...*node) string {
	client := nodes[0].cert
	text := "By=spiffe://example.org/gateway;Hash=" + fingerprint(nodes[0]) + `;Cert="` + encode(nodes[0]) + `";Chain="` + encode(nodes...) +
		`";Subject="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(client.Subject.String()) + `"`
	if len(client.URIs) == 0 {
		text += ";URI="
	}
	for _, uri := range client.URIs {
		text += ";URI=" + uri.String()
	}
	for _, name := range client.DNSNames {
		text += ";DNS=" + name
	}
	return text
}

// connected is a request that came with n's certificate on the connection.
func connected(n *node) *authz.Request {
	r := authztest.Request("POST", "/h", "body")
	r.Certificate = encode(n)
	return r
}

// proxied is a request whose certificate stands in the header.
func proxied(value string) *authz.Request {
	r := authztest.Request("POST", "/h", "body", "x-forwarded-client-cert", value)
	r.Gateway.XFCCSanitized = true
	return r
}

// A set is one entry of trust anchors that does not change.
type set struct {
	anchors *authz.Anchors
	err     error
}

func (s set) Anchors(time.Time) (*authz.Anchors, error) { return s.anchors, s.err }

// trusting is an entry with these authorities.
func trusting(nodes ...*node) set {
	anchors := &authz.Anchors{}
	for _, n := range nodes {
		anchors.Authorities = append(anchors.Authorities, authz.Authority{Certificate: n.cert, Secret: "ca", Version: 1})
	}
	return set{anchors: anchors}
}

// envOf declares sets as ca0, ca1 and so on, each with a revocation list.
func envOf(sets ...authz.AnchorSet) *authz.Env {
	env := authztest.Env(nil)
	env.Anchors = func(name string) (authz.AnchorReference, bool) {
		for i, set := range sets {
			if name == anchorName(i) {
				return authz.AnchorReference{Name: name, Set: set, HasCRL: true}, true
			}
		}
		return authz.AnchorReference{}, false
	}
	return env
}

func anchorName(i int) string { return "ca" + string(rune('0'+i)) }

// newCheck builds a check that trusts sets; s gets their names.
func newCheck(tb testing.TB, s *policypb.ClientCertificate, sets ...authz.AnchorSet) authz.Check {
	tb.Helper()
	s.Anchors = nil
	for i := range sets {
		s.Anchors = append(s.Anchors, anchorName(i))
	}
	part, problems := clientcert.Kind().Build(s, envOf(sets...))
	for _, problem := range problems {
		tb.Fatalf("Build: %v", problem)
	}
	return part.Check
}

func parseURL(tb testing.TB, text string) *url.URL {
	tb.Helper()
	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// withTail is n's certificate with a byte behind its DER.
func withTail(n *node) *x509.Certificate {
	return &x509.Certificate{Raw: append(append([]byte(nil), n.cert.Raw...), 0)}
}

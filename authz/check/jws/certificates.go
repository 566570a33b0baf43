package jws

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/chain"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// maxChain is how many certificates a chain may have: four, and the trust anchor.
// A token may bring that many along.
const maxChain = 5

// A certified signer brings its certificate along.
type certified struct {
	verifier   *chain.Verifier
	algorithms []jose.Algorithm

	dns, uris  []string
	extensions []asn1.ObjectIdentifier
	above      []asn1.ObjectIdentifier
}

func (c *certified) unfit(now time.Time, tell func(secret string, why error)) {
	c.verifier.Unfit(now, tell)
}

// prove implements [signer]. "kid" chooses nothing: the certificate says which key
// it is.
func (c *certified) prove(_ context.Context, token *jose.Token, now time.Time) (authz.Identity, error) {
	if !slices.Contains(c.algorithms, jose.Algorithm(token.Algorithm())) {
		return authz.Identity{}, authz.Deny(authz.ReasonAlgNotAllowed, "the token's algorithm is not listed in the policy")
	}
	text, decode := token.Certificates(maxChain)
	if text == "" {
		return authz.Identity{}, authz.Deny(authz.ReasonTokenInvalid, "the token brings no certificate along (x5c)")
	}
	proof, identity, err := c.verifier.Verify(chain.Presented{Text: text}, func() (*chain.Shown, error) {
		ders, err := decode()
		if err != nil {
			return nil, err
		}
		return parse(ders)
	}, now)
	if err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	if err := token.VerifyKey(proof.Leaf.PublicKey, c.algorithms); err != nil {
		return authz.Identity{}, err //nolint:wrapcheck // a denial
	}
	return identity, nil
}

func parse(ders [][]byte) (*chain.Shown, error) {
	shown := &chain.Shown{}
	for i, der := range ders {
		certificate, err := x509.ParseCertificate(der)
		if err != nil { // which may quote it
			return nil, authz.Deny(authz.ReasonCredentialMalformed, "a certificate of the token can't be parsed")
		}
		if i == 0 {
			shown.Leaf = certificate
		} else {
			shown.Others = append(shown.Others, certificate)
		}
	}
	return shown, nil
}

// permit is that of [chain.Config]. The principal is the name that matched, or
// "sha256:" and the fingerprint where no name is asked for.
func (c *certified) permit(leaf *x509.Certificate, fingerprint chain.Digest) (string, error) {
	if !hasAll(leaf, c.extensions) {
		return "", notAllowed("the certificate lacks an extension that the policy asks for")
	}
	if len(c.dns)+len(c.uris) == 0 {
		return "sha256:" + fingerprint.String(), nil
	}
	dns, uris, ok := chain.NamesOf(leaf)
	if !ok {
		return "", notAllowed("the certificate's names can't be read")
	}
	if name, ok := chain.MatchURI(c.uris, uris); ok {
		return name, nil
	}
	if name, ok := chain.MatchDNS(c.dns, dns); ok {
		return name, nil
	}
	return "", notAllowed("none of the certificate's names is listed")
}

// stands is that of [chain.Config]. There must be someone whom the extensions are
// asked of.
func (c *certified) stands(between []*x509.Certificate) bool {
	return len(between) > 0 && !slices.ContainsFunc(between, func(certificate *x509.Certificate) bool { return !hasAll(certificate, c.above) })
}

func hasAll(certificate *x509.Certificate, extensions []asn1.ObjectIdentifier) bool {
	for _, want := range extensions {
		if !slices.ContainsFunc(certificate.Extensions, func(has pkix.Extension) bool { return has.Id.Equal(want) }) {
			return false
		}
	}
	return true
}

func notAllowed(detail string) error { return authz.Deny(authz.ReasonCertificateNotAllowed, detail) }

// certified returns the signer of the settings certificates.
func (b *builder) certified(s *policypb.TokenCertificates, algorithms []jose.Algorithm) signer {
	refs, mistakes := b.env.AnchorReferences("certificates.anchors", s.GetAnchors())
	b.problems = append(b.problems, mistakes...)
	if len(s.GetAnchors()) == 0 {
		b.mistake("certificates.anchors", "required")
	}
	c := &certified{
		algorithms: algorithms,
		extensions: b.objects("certificates.extensions", s.GetExtensions()),
		above:      b.objects("certificates.issuer_extensions", s.GetIssuerExtensions()),
	}
	for i, name := range s.GetNames() {
		lower := strings.ToLower(name)
		switch {
		case strings.Contains(name, ":") && chain.IsURI(name):
			c.uris = append(c.uris, name)
		case chain.IsDNSName(lower):
			c.dns = append(c.dns, lower)
		default:
			b.mistake(fmt.Sprintf("certificates.names[%d]", i), "want a DNS name without wildcard, such as hooks.example.org, or a URI with its scheme")
		}
	}
	config := chain.Config{Anchors: refs, Most: maxChain, Revocation: chain.Unasked, Permit: c.permit}
	if slices.ContainsFunc(refs, func(ref authz.AnchorReference) bool { return ref.HasCRL }) {
		config.Revocation = chain.Soft
	}
	if len(c.above) > 0 {
		config.Above = c.stands
	}
	c.verifier = chain.New(config)
	return c
}

// objects reads object identifiers.
func (b *builder) objects(path string, texts []string) []asn1.ObjectIdentifier {
	var all []asn1.ObjectIdentifier
	for i, text := range texts {
		var id asn1.ObjectIdentifier
		for arc := range strings.SplitSeq(text, ".") {
			n, err := strconv.ParseUint(arc, 10, 31)
			if err != nil {
				b.mistake(fmt.Sprintf("%s[%d]", path, i), "want an object identifier, such as 1.2.840.113635.100.6.11.1")
				break
			}
			id = append(id, int(n))
		}
		all = append(all, id)
	}
	return all
}

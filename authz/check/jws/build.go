package jws

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/place"
	"github.com/hookauthz/hookauthz/authz/scheme/settings"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// skew is how far the sender's clock may be from ours where "exp" and "nbf" are
// judged. RFC 7519, section 4.1.4, permits "some small leeway, usually no more than
// a few minutes".
const skew = time.Minute

// check returns what the settings describe; it is of use only without mistakes.
func (b *builder) check() *Check {
	s := b.settings
	c := &Check{
		place:  b.place(),
		form:   jose.Form{Max: math.MaxInt32, Detached: b.detachment(), Certificates: s.GetCertificates() != nil},
		typ:    strings.TrimPrefix(strings.ToLower(s.GetTyp()), "application/"),
		issuer: s.GetIssuer(),
		clock:  b.clock(),
		rules: jose.Rules{
			Issuer: s.GetIssuer(), Audiences: s.GetAudiences(), Skew: skew, ExpiryOptional: true, IssuedFreely: true,
		},
		policy: b.env.Policy, replay: b.env.Replay,
	}
	if c.clock != nil && c.clock.header != "" {
		c.form.Understood = []string{c.clock.header}
	}
	if s.GetTyp() != "" && c.typ == "" {
		b.mistake("typ", `nothing stands behind "application/"`)
	}
	c.signer = b.signer()
	var mistakes []authz.Problem
	c.assertions, mistakes = scheme.NewAssertions(settings.Assertions(s.GetAssert()), template.Options{
		PublicURL: s.GetPublicUrl(), AcceptWeak: s.GetWeakAlgorithm() == settings.Accepted, Claims: true,
	})
	b.report("assert", mistakes)
	c.claimed = c.issuer != "" || len(s.GetAudiences()) > 0 || c.clock != nil && c.clock.claim != "" || asksClaims(s.GetAssert())
	c.payload = b.env.Payload && c.form.Detached == jose.Attached && (c.place == nil || c.place.InBody())
	if len(b.problems) == 0 {
		c.body = b.bodyRule(c)
	}
	return c
}

// place returns nil if the settings name none: then the token is handed over.
func (b *builder) place() *place.Place {
	s := b.settings
	c := place.Config{
		Body: s.GetBody() != nil, JSON: s.GetJson(), Form: s.GetForm(), Header: s.GetHeader(), Prefix: s.GetPrefix(),
		Max: jose.MaxToken,
	}
	if !c.Body && c.JSON == "" && c.Form == "" && c.Header == "" {
		if c.Prefix != "" {
			b.mistake("prefix", "a prefix stands in a header only")
		}
		return nil
	}
	found, mistakes := place.New(c)
	b.problems = append(b.problems, mistakes...)
	return found
}

func (b *builder) detachment() jose.Detachment {
	var d jose.Detachment
	switch b.settings.GetDetached() {
	case "":
		return jose.Attached
	case "encoded":
		d = jose.Encoded
	case "unencoded":
		d = jose.Unencoded
	case "either":
		d = jose.EncodedOrNot
	default:
		b.mistake("detached", "want encoded, unencoded or either")
	}
	if b.settings.GetHeader() == "" {
		b.mistake("detached", "the body can't be both the token and what it signs: set header")
	}
	return d
}

// asksClaims reports whether some assertion reads a claim.
func asksClaims(list []*policypb.Assertion) bool {
	for _, a := range list {
		if strings.Contains(a.GetValue(), "{claim:") || strings.Contains(a.GetEquals(), "{claim:") {
			return true
		}
	}
	return false
}

// signer returns who may have signed.
func (b *builder) signer() signer {
	s := b.settings
	algorithms := b.algorithms()
	certificates := s.GetCertificates()
	switch {
	case (len(s.GetKeys()) > 0) == (certificates != nil):
		b.mistake("", "want either keys or certificates")
		return nil
	case certificates != nil:
		return b.certified(certificates, algorithms)
	}
	refs, mistakes := b.env.KeyReferences("keys", s.GetKeys())
	b.problems = append(b.problems, mistakes...)
	for i := range refs {
		at := fmt.Sprintf("keys[%d]", i)
		switch of := refs[i].Issuer; {
		case refs[i].Set == nil:
			b.mistake(at, "keys that requests name by a URL are for the kind signature")
		case s.GetIssuer() != "" && of != "" && of != s.GetIssuer():
			b.mistake(at, "these are the keys of another issuer than issuer; issuers are compared byte by byte, with a slash at the end if there is one")
		}
	}
	return &known{jose.Prover{Sets: refs, Algorithms: algorithms}}
}

func (b *builder) algorithms() []jose.Algorithm {
	if len(b.settings.GetAlgorithms()) == 0 {
		b.mistake("algorithms", "required")
	}
	var algorithms []jose.Algorithm
	for i, text := range b.settings.GetAlgorithms() {
		algorithm, ok := jose.ParseAlgorithm(text)
		if !ok {
			b.mistake(fmt.Sprintf("algorithms[%d]", i), "want an algorithm with a public key, such as ES256")
		}
		algorithms = append(algorithms, algorithm)
	}
	return algorithms
}

// bodyRule decides what a request must prove of its body, and warns where that is
// to have none.
func (b *builder) bodyRule(c *Check) bodyRule {
	accepted := b.settings.GetUnsignedBody() == settings.Accepted
	needed := c.assertions.NeedsBody()
	switch {
	case c.place == nil && needed:
		return bodyRead
	case c.place == nil:
		return bodyIgnored
	case c.place.InBody() && (c.payload || accepted):
		return bodyHolds
	case c.place.InBody():
		return bodyIs
	case c.form.Detached != jose.Attached || c.assertions.BindBodyByClaim():
		return bodyBound
	case accepted && needed:
		return bodyRead
	case accepted:
		return bodyIgnored
	}
	b.problems = append(b.problems, authz.Problem{
		Path: "header", Code: CodeUnsignedBody, Warning: true,
		Message: "the token does not cover the body, so only requests that are proven to have none will pass: " +
			"set detached, assert that a claim is a digest of the body, or write unsigned_body: accepted",
	})
	return bodyAbsent
}

package httpsig

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const accepted = "accepted"

// CodeUnsignedBody marks a warning: without the digest of the body among what must
// be covered, requests that leave it out pass only if they are proven to have none.
const CodeUnsignedBody = "unsigned_body"

// challenge is of no registered scheme, as that of other signatures: none fits, and
// RFC 9110, section 15.5.2, wants one with every 401.
const challenge = `Signature realm="webhook"`

// Kind returns what authz/builtin lists for this package. A check that it builds
// verifies an HTTP message signature.
func Kind() authz.Kind { return authz.NewKind("http_signature", "httpsig", build) }

// A builder collects the problems of one message.
type builder struct {
	settings *policypb.HttpSignature
	cavage   bool
	problems []authz.Problem
}

func (b *builder) mistake(path, message string) {
	b.problems = append(b.problems, authz.Problem{Path: path, Message: message, Code: "http_signature"})
}

// mistaken reports whether there is a problem that is no warning.
func (b *builder) mistaken() bool {
	return slices.ContainsFunc(b.problems, func(p authz.Problem) bool { return !p.Warning })
}

func build(s *policypb.HttpSignature, env *authz.Env) (authz.Part, []authz.Problem) {
	b := builder{settings: s, cavage: s.GetVersion() == "cavage"}
	if env == nil {
		env = &authz.Env{}
	}
	check := &Check{policy: env.Policy, required: s.GetComponents(), nonce: s.GetNonce() != "", replay: env.Replay}
	check.dialect = b.dialect()
	check.address = b.address()
	b.components()
	check.clock = b.clock()
	algorithms := b.algorithms()
	part := authz.Part{
		Check: check, Name: s.GetName(), Authenticates: true, Credentials: check.dialect.locations(),
		Challenge: challenge, Signs: true,
	}
	if len(s.GetSecrets()) > 0 {
		shared := newSharedKeys(b.secrets(env), b.derivation(), s.GetKeyIds())
		check.prover, part.Unfit = shared, shared.ring.Unfit
	} else {
		if s.GetKey() != nil {
			b.mistake("key", "is for secrets: public keys say themselves what they are")
		}
		public := &publicKeys{sets: b.keys(env), algorithms: algorithms, der: b.cavage}
		check.prover, part.Unfit = public, public.unfit
	}
	check.body = b.body(check.dialect.digest())
	if b.mistaken() {
		return authz.Part{}, b.problems
	}
	part.BindsBody = check.body != bodyIgnored
	if !check.clock.undated {
		part.Window = check.clock.window.Past + check.clock.window.Future
	}
	return part, b.problems
}

// derivation returns how secrets become keys.
func (b *builder) derivation() scheme.Derivation {
	key := b.settings.GetKey()
	decode, mistakes := scheme.ParseDecoding(key.GetDecode())
	b.problems = append(b.problems, scheme.Below("key.decode", mistakes)...)
	return scheme.Derivation{StripPrefix: key.GetStripPrefix(), Decode: decode}
}

func (b *builder) dialect() dialect {
	s := b.settings
	switch version := s.GetVersion(); version {
	case "", "rfc9421":
		if s.GetHeader() != "" {
			b.mistake("header", "RFC 9421 leaves no choice: remove it, or write version: cavage")
		}
		return rfc9421{label: s.GetLabel(), tag: s.GetTag()}
	case "cavage":
		for path, text := range map[string]string{"label": s.GetLabel(), "tag": s.GetTag(), "nonce": s.GetNonce()} {
			if text != "" {
				b.mistake(path, "signatures of version cavage have none")
			}
		}
		switch s.GetHeader() {
		case "", headerSignature:
			return cavage{header: headerSignature}
		case headerAuthorization:
			return cavage{header: headerAuthorization}
		}
		b.mistake("header", "want signature or authorization")
	default:
		b.mistake("version", "want rfc9421 or cavage")
	}
	return rfc9421{}
}

func (b *builder) address() address {
	text := b.settings.GetPublicUrl()
	if text == "" {
		return address{}
	}
	a, ok := parseAddress(text)
	if !ok {
		b.mistake("public_url", "want scheme://host or scheme://host/prefix")
	}
	return a
}

// components finds those that no signature can cover.
func (b *builder) components() {
	if len(b.settings.GetComponents()) == 0 {
		b.mistake("components", `required: what must be signed, such as "@method", "@path" and "content-digest"`)
	}
	for i, name := range b.settings.GetComponents() {
		at := fmt.Sprintf("components[%d]", i)
		known := !b.cavage && isDerived(name) || b.cavage && isSpecial(name) || isHeaderName(name)
		switch {
		case name == queryParam && !b.cavage:
			b.mistake(at, `a query parameter can't be required alone: write "@query"`)
		case !known && b.cavage && strings.HasPrefix(name, "@"):
			b.mistake(at, `version cavage has no such component: write "(request-target)", "(created)", "(expires)" or a header`)
		case !known:
			b.mistake(at, "want a header's name in lower case, or one of "+strings.Join(
				[]string{method, targetURI, authority, schemeName, requestTarget, path, query}, ", "))
		case name == headerSignature || name == headerInput:
			b.mistake(at, "a signature can't cover itself")
		case isAddress(name) && b.settings.GetPublicUrl() == "":
			b.mistake(at, "needs public_url: the address that the sender was given, since the Host header is the sender's to choose")
		}
	}
}

func (b *builder) clock() clock {
	var tolerance *time.Duration
	if b.settings.GetTolerance() != nil {
		value := b.settings.GetTolerance().AsDuration()
		tolerance = &value
	}
	window, problems := scheme.NewWindow(tolerance, nil)
	b.problems = append(b.problems, problems...)
	return clock{window: window, undated: b.settings.GetUndated() == accepted}
}

func (b *builder) algorithms() []algorithm {
	shared := len(b.settings.GetSecrets()) > 0
	if len(b.settings.GetAlgorithms()) == 0 {
		b.mistake("algorithms", "required")
	}
	var all []algorithm
	for i, name := range b.settings.GetAlgorithms() {
		at := fmt.Sprintf("algorithms[%d]", i)
		a := algorithm(name)
		switch {
		case a != hmacSHA256 && a.jose() == "":
			b.mistake(at, "unknown algorithm")
		case shared && a != hmacSHA256:
			b.mistake(at, "with secrets, hmac-sha256 is the only algorithm")
		case !shared && a == hmacSHA256:
			b.mistake(at, "hmac-sha256 needs secrets, not public keys")
		}
		all = append(all, a)
	}
	return all
}

func (b *builder) secrets(env *authz.Env) []authz.Reference {
	if len(b.settings.GetKeys()) > 0 {
		b.mistake("", "want keys or secrets, not both")
	}
	if env.Secret == nil {
		b.mistake("secrets", "there are none")
		return nil
	}
	refs, problems := env.References("secrets", b.settings.GetSecrets())
	b.problems = append(b.problems, problems...)
	return refs
}

func (b *builder) keys(env *authz.Env) []authz.KeyReference {
	if len(b.settings.GetKeys()) == 0 {
		b.mistake("", "want keys or secrets")
	}
	if len(b.settings.GetKeyIds()) > 0 {
		b.mistake("key_ids", "goes with secrets; public keys have ids of their own")
	}
	refs, problems := env.KeyReferences("keys", b.settings.GetKeys())
	b.problems = append(b.problems, problems...)
	if len(problems) > 0 {
		return nil
	}
	for i := range refs {
		if refs[i].Set == nil {
			b.mistake(fmt.Sprintf("keys[%d]", i), "a key at an address that requests name goes with signature only")
		}
	}
	return refs
}

// body decides what a request must prove of its body, and warns where the digest
// may be left out.
func (b *builder) body(digest string) bodyRule {
	switch {
	case slices.Contains(b.settings.GetComponents(), digest):
		return bodyCovered
	case b.settings.GetUnsignedBody() == accepted:
		return bodyIgnored
	}
	b.problems = append(b.problems, authz.Problem{
		Path: "components", Code: CodeUnsignedBody, Warning: true,
		Message: fmt.Sprintf("the body need not be signed, so requests that leave it out pass only if they are proven to have none: "+
			"add %q, or write unsigned_body: accepted", digest),
	})
	return bodyOptional
}

// Package signed is what checks have in common whose signature stands beside the
// message that it signs: a code of a shared key, or a signature of a public one.
//
// It reads the credential and the signed time, renders the message, says what a
// request must prove of its body, and judges time and assertions. Whether a
// signature holds under some key is all that is left to the check:
//
//	w := s.Begin()
//	defer s.End(w)
//	s.Read(w, r)             // is it there, and can it be read?
//	s.WriteMessage(w, 0, h)  // what must have been signed
//	w.Signatures(0)          // do these sign it?
//	s.Finish(w, 0, r, &id)   // is it recent, and do the assertions hold?
package signed

import (
	"slices"
	"strings"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A Config says how a sender signs. The fields of the settings are those of the
// kinds mac and signature.
type Config struct {
	Credential scheme.Credential
	// Encoding is a word that [scheme.ParseEncoding] knows.
	Encoding string
	// Least and Most are how many bytes a signature has.
	Least, Most int

	// Message is a template at [template.PlaceMessage].
	Message string
	// Timestamp is nil where no time is looked at.
	Timestamp  *scheme.Timestamp
	Assertions []scheme.Assertion
	// KeyID is a template at [template.PlaceKey], empty for none.
	KeyID     string
	PublicURL string

	// AcceptWeak, AcceptAmbiguous and AcceptUnsignedBody are the settings
	// weak_algorithm, ambiguous_message and unsigned_body.
	AcceptWeak, AcceptAmbiguous, AcceptUnsignedBody bool

	// NeedsBody says that the check itself reads the body, too.
	NeedsBody bool
	// Replay is [authz.Env.Replay], and Policy the name of the policy.
	Replay bool
	Policy string
}

// The codes of problems that [New] returns besides those of the packages that it
// uses.
const (
	CodeUnsignedTimestamp = "unsigned_timestamp"
	// CodeUnsignedBody marks a warning: without a way to cover the body, only
	// requests that are proven to have none will pass.
	CodeUnsignedBody = "unsigned_body"
)

// A Scheme is how a sender signs. It is immutable but for the memory that it
// keeps, and may be used by many goroutines.
type Scheme struct {
	credential *scheme.Reader
	encoding   scheme.Encoding
	least      int
	most       int
	message    *template.Template
	clock      *scheme.Clock // nil: no time is looked at
	assertions *scheme.Assertions
	keyID      *template.Template // nil: requests name no key
	body       bodyRule
	replay     bool
	policy     string
	text       string    // see [authz.Part.Message]
	work       sync.Pool // of *Work
}

// New returns the scheme that c describes, or every mistake in c. Their paths
// are those of the settings. Warnings may come with a scheme.
func New(c Config) (*Scheme, []authz.Problem) {
	b := builder{config: &c}
	encoding, mistakes := scheme.ParseEncoding(c.Encoding)
	b.report("encoding", mistakes)
	credential, mistakes := scheme.NewReader(c.Credential)
	b.report("credential", mistakes)

	o := b.options(credential)
	clock := b.clock(o)
	message, mistakes := template.Compile(c.Message, o)
	b.report("message", mistakes)
	assertions, mistakes := scheme.NewAssertions(c.Assertions, o)
	b.report("assert", mistakes)
	b.timeIsSigned(clock, message)
	keyID := b.keyID(o)
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	s := &Scheme{
		credential: credential, encoding: encoding, least: c.Least, most: c.Most,
		message: message, clock: clock, assertions: assertions, keyID: keyID,
		replay: c.Replay, policy: c.Policy, text: textOf(&c),
		work: sync.Pool{New: func() any { return new(Work) }},
	}
	s.body = b.bodyRule(s)
	return s, b.problems
}

// challenge is of no registered scheme: none fits, and RFC 9110, section 15.5.2,
// wants one with every 401.
const challenge = `Signature realm="webhook"`

// Part returns what there is to say of a check that passes what s passes. Its
// name and its secrets are missing.
func (s *Scheme) Part(check authz.Check) authz.Part {
	part := authz.Part{
		Check:         check,
		Authenticates: true,
		BindsBody:     s.body != bodyIgnored,
		Signs:         true,
		Message:       s.text,
		Credentials:   s.credential.Locations(),
		Challenge:     challenge,
		Captures:      s.captures(),
	}
	if s.clock != nil {
		part.Window = s.clock.Window()
	}
	return part
}

// textOf returns what is signed, as [authz.Part.Message]. What reads the credential
// differs from one place of the credential to another.
func textOf(c *Config) string {
	parts := []string{c.Message, c.PublicURL}
	if c.Timestamp != nil {
		parts = append(parts, c.Timestamp.Value)
	}
	text := strings.Join(parts, "\n")
	if strings.Contains(text, "{credential:") || strings.Contains(text, "{signed_headers:") {
		return ""
	}
	return text
}

// captures are the route captures that any template reads, sorted.
func (s *Scheme) captures() []string {
	names := slices.Concat(s.message.Captures(), s.assertions.Captures())
	if s.clock != nil {
		names = append(names, s.clock.Captures()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

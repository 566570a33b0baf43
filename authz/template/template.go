package template

import (
	"hash"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
)

// Place says where a template stands and so which values it may hold.
type Place uint8

// The places.
const (
	// PlaceMessage is what a sender signed. It holds every value but
	// {principal}, and it alone must not be ambiguous.
	PlaceMessage Place = iota
	// PlaceTimestamp is where a signed time stands: header, query, form, json
	// and credential values.
	PlaceTimestamp
	// PlaceAssertion is a side of an assertion. It holds what a message holds,
	// and claims where there are any.
	PlaceAssertion
	// PlaceUpstream is the value of a header for the upstream, rendered once
	// the request has passed: principal, header, query, method and match
	// values.
	PlaceUpstream
	// PlaceKey is where a request names something, such as the key that it was
	// signed with: header, query, form, json and credential values.
	PlaceKey
)

// String returns the words that mistakes use.
func (p Place) String() string {
	switch p {
	case PlaceTimestamp:
		return "a timestamp"
	case PlaceAssertion:
		return "an assertion"
	case PlaceUpstream:
		return "an upstream header"
	case PlaceKey:
		return "this field"
	case PlaceMessage:
	}
	return "a message"
}

// Options say what the template's surroundings give it.
type Options struct {
	Place Place

	// PublicURL is the base of {url}, {origin}, {path} and {path_query}, such
	// as "https://hooks.example.com/prefix". Empty: these are mistakes.
	PublicURL string

	// Fields are the names that {credential:NAME} may have. AnyField permits
	// every name, for a grammar whose names the sender chooses.
	Fields   []string
	AnyField bool

	// Timestamp says that {timestamp} may be used.
	Timestamp bool
	// Claims says that {claim:NAME} may be used, at [PlaceAssertion].
	Claims bool
	// TimestampBounded says that a request is refused unless its timestamp is
	// within a window of now and exactly in the one spelling of its unit, so
	// that its extent can be told from either side.
	TimestampBounded bool
	// TimestampUnit is that unit: "seconds" (10 digits), "milliseconds" (13
	// digits), "rfc3339" (2006-01-02T15:04:05, a fraction or none, Z or an
	// offset) or "http-date" (29 bytes). Empty: not known, so that a bounded
	// timestamp may begin with any byte.
	TimestampUnit string

	// AcceptWeak lets an md5 or sha1 digest of the body count as the body.
	AcceptWeak bool
	// AcceptAmbiguous permits what two different requests could share. No
	// value is then refused for holding a separator.
	AcceptAmbiguous bool
}

// The codes of problems that [Compile] returns.
const (
	CodeSyntax    = "template_syntax"    // brackets, arguments, escapes
	CodeValue     = "template_value"     // a value that is unknown, or not known at this place
	CodeFilter    = "template_filter"    // a filter that is unknown or misplaced
	CodeAmbiguous = "template_ambiguous" // two requests could give one message
	CodeLimit     = "template_limit"     // over a bound of this package
)

// A Template is a compiled template. It is immutable and may be used by many
// goroutines.
type Template struct {
	place  Place
	weak   bool // AcceptWeak
	vague  bool // AcceptAmbiguous
	proven bool // no two different inputs give one text
	parts  []part
	sinks  sync.Pool // of *sink
}

// Compile returns the template that text describes, or every mistake in it. The
// column of a mistake is the offset of a byte in text. The template is nil if
// there are mistakes.
func Compile(text string, o Options) (*Template, []authz.Problem) {
	c := compiler{text: text, options: o}
	t := c.compile()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return t, nil
}

// Input is what a template is rendered from. It is only read.
type Input struct {
	Request *authz.Request
	// Body is the whole body, proven by the caller, such as with
	// [authz.Request.WholeBody]. nil is the empty body: where
	// [Template.NeedsBody] the caller must have proven it.
	Body []byte
	// Timestamp is the text as received.
	Timestamp string
	// Credential holds the fields that {credential:NAME} reads. Their names
	// are compared exactly.
	Credential []authz.Field
	// Principal is who the request is from, for [PlaceUpstream].
	Principal string
	// Claims are what {claim:NAME} reads, nil for none.
	Claims Claims
}

// Claims are the members of what a token holds.
type Claims interface {
	// Text returns the claim of that name if it is a string, decoded, or a
	// number or a boolean, as it is written; false if there is none or it is
	// anything else.
	Text(name string) (string, bool)
}

// Append appends the rendered text to dst. The error is an [*authz.Denial] with
// one of these reasons, and the slice is then nil:
//
//   - [authz.ReasonPartMissing]: a value outside the optional groups is absent;
//   - [authz.ReasonDuplicateHeader]: a header stands twice;
//   - [authz.ReasonCredentialMalformed]: a value can't be read, stands twice, or
//     is outside its alphabet;
//   - [authz.ReasonValueAmbiguous]: a value holds the text that separates it
//     from the next, or a message's optional group is there in part.
func (t *Template) Append(dst []byte, in *Input) ([]byte, error) {
	s := t.sink(nil)
	defer t.release(s)
	s.out = dst
	if err := t.render(s, in); err != nil {
		return nil, err
	}
	return s.out, nil
}

// WriteTo writes to h what [Template.Append] appends, and returns its errors. An
// unfiltered body is written as it is, without a copy. After an error h holds an
// unknown part of the text and must not be used.
func (t *Template) WriteTo(h hash.Hash, in *Input) error {
	s := t.sink(h)
	defer t.release(s)
	if err := t.render(s, in); err != nil {
		return err
	}
	s.flush()
	return nil
}

// NeedsBody reports whether the template reads the body in any way.
func (t *Template) NeedsBody() bool {
	return t.uses(func(v *value) bool {
		return v.source == sourceBody || v.source == sourceForm || v.source == sourceJSON
	})
}

// NeedsTimestamp reports whether the template reads {timestamp}.
func (t *Template) NeedsTimestamp() bool {
	return t.uses(func(v *value) bool { return v.source == sourceTimestamp })
}

// Captures returns the names that {match:NAME} values use, sorted.
func (t *Template) Captures() []string { return t.names(sourceMatch) }

// Headers returns the lower-case names of the headers that are read, sorted.
func (t *Template) Headers() []string { return t.names(sourceHeader) }

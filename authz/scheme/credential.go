package scheme

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// DefaultMaxCandidates is how many signatures of one request are looked at if
// the policy sets nothing. Senders write one a live key of theirs, which is two
// while they rotate.
const DefaultMaxCandidates = 16

// MostCandidates is the most that a policy may set. DocuSign documents up to
// 100 signatures.
const MostCandidates = 128

// A Credential says where signatures stand and how they are written.
type Credential struct {
	// Header, Headers or Query: exactly one. All of Headers that are there
	// give candidates. Query is spelt as in the URL.
	Header  string
	Headers []string
	Query   string
	// Prefix must stand before each value, in this case, and is removed.
	Prefix string
	// Grammar is how the rest is written; nil is one signature and nothing
	// else.
	Grammar Grammar
	// MaxCandidates is how many signatures are looked at, 0 for the default.
	// One more is malformed.
	MaxCandidates int
}

// A Reader reads one credential. It is immutable and may be used by many
// goroutines.
type Reader struct {
	headers []string // lower case
	query   string
	prefix  string
	grammar Grammar
	most    int
	commas  bool   // the grammar uses commas
	places  string // for the denial's detail
}

// NewReader returns the reader of c, or every mistake in c.
func NewReader(c Credential) (*Reader, []authz.Problem) {
	grammar := c.Grammar
	if grammar == nil {
		grammar = plain{}
	}
	problems := grammar.problems()
	problems = append(problems, c.placeProblems()...)
	if c.MaxCandidates < 0 || c.MaxCandidates > MostCandidates {
		problems = append(problems, mistake("max_candidates", fmt.Sprintf("want 1 to %d", MostCandidates))...)
	}
	if len(problems) > 0 {
		return nil, problems
	}

	reader := &Reader{query: c.Query, prefix: c.Prefix, grammar: grammar, most: c.MaxCandidates, commas: grammar.commas()}
	if reader.most == 0 {
		reader.most = DefaultMaxCandidates
	}
	names := c.Headers
	if c.Header != "" {
		names = []string{c.Header}
	}
	for _, name := range names {
		reader.headers = append(reader.headers, strings.ToLower(name))
	}
	reader.places = "nothing in header " + strings.Join(reader.headers, ", ")
	if c.Query != "" {
		reader.places = "nothing in query parameter " + c.Query
	}
	return reader, nil
}

func (c *Credential) placeProblems() []authz.Problem {
	places := 0
	for _, set := range []bool{c.Header != "", len(c.Headers) > 0, c.Query != ""} {
		if set {
			places++
		}
	}
	if places != 1 {
		return mistake("", "want exactly one of header, headers and query")
	}
	var problems []authz.Problem
	for i, name := range c.Headers {
		same := func(earlier string) bool { return strings.EqualFold(earlier, name) }
		if slices.ContainsFunc(c.Headers[:i], same) {
			problems = append(problems, mistake(fmt.Sprintf("headers[%d]", i), "the header is listed twice")...)
		}
	}
	return problems
}

// Locations returns the places, for [authz.Part].
func (c *Reader) Locations() []authz.Location {
	if c.query != "" {
		return []authz.Location{{Query: c.query}}
	}
	var places []authz.Location
	for _, name := range c.headers {
		places = append(places, authz.Location{Header: name})
	}
	return places
}

// Fields returns the names of the values that stand beside the signatures. If
// open is true there may be others as well.
func (c *Reader) Fields() (names []string, open bool) { return c.grammar.fields() }

// Locate finds the credential in r and leaves its text in p. The error is a
// denial: the credential is not there, stands twice, or is too long to read.
func (c *Reader) Locate(r *authz.Request, p *Presented) error {
	p.Reset()
	values, err := c.collect(p.values, r)
	if err != nil {
		p.Reset()
		return err
	}
	p.values = values
	return nil
}

// Parse takes apart what [Reader.Locate] left in p. The error is a denial with
// [authz.ReasonCredentialMalformed]; p then has no groups. A credential that is
// there without a signature of the wanted label is malformed too: it is not
// absent, and other labels never count.
func (c *Reader) Parse(p *Presented) error {
	p.forget()
	p.most = c.most
	for _, value := range p.values {
		rest, ok := strings.CutPrefix(value, c.prefix)
		if !ok {
			p.Reset()
			return malformed("the credential lacks its prefix")
		}
		if err := c.grammar.parse(rest, p); err != nil {
			p.Reset()
			return err
		}
	}
	if len(p.groups) == 0 {
		p.Reset()
		return malformed("the credential holds no signature of the wanted label")
	}
	return nil
}

package scheme

import (
	"crypto/subtle"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// An Assertion is something that must hold besides the signature.
type Assertion struct {
	// Value is a template at [template.PlaceAssertion].
	Value string
	// Equals is a template that Value must equal; or OneOf are texts of which
	// it must equal one.
	Equals string
	OneOf  []string
}

// Assertions are judged together. They are immutable and may be used by many
// goroutines.
type Assertions struct{ all []assertion }

type assertion struct {
	value, equals *template.Template
	oneOf         []string
}

// NewAssertions returns the compiled list, or every mistake in it.
func NewAssertions(list []Assertion, o template.Options) (*Assertions, []authz.Problem) {
	o.Place = template.PlaceAssertion
	compiled := &Assertions{all: make([]assertion, len(list))}
	var problems []authz.Problem
	for i, a := range list {
		one, mistakes := compile(a, o)
		compiled.all[i] = one
		problems = append(problems, Below(fmt.Sprintf("[%d]", i), mistakes)...)
	}
	return compiled, problems
}

func compile(a Assertion, o template.Options) (assertion, []authz.Problem) {
	var problems []authz.Problem
	if (a.Equals != "") == (len(a.OneOf) > 0) {
		problems = mistake("", "want exactly one of equals and one_of")
	}
	value, mistakes := template.Compile(a.Value, o)
	problems = append(problems, Below("value", mistakes)...)
	if a.Equals == "" {
		return assertion{value: value, oneOf: a.OneOf}, problems
	}
	equals, mistakes := template.Compile(a.Equals, o)
	problems = append(problems, Below("equals", mistakes)...)
	return assertion{value: value, equals: equals}, problems
}

// NeedsBody reports whether any of them reads the body.
func (a *Assertions) NeedsBody() bool {
	for _, t := range a.templates() {
		if t.NeedsBody() {
			return true
		}
	}
	return false
}

// Captures returns the route captures that they read.
func (a *Assertions) Captures() []string {
	var names []string
	for _, t := range a.templates() {
		names = append(names, t.Captures()...)
	}
	return names
}

// BindBody reports whether they hold the body equal to what message vouches
// for: one side is a digest of the body and the other a value that message
// contains.
func (a *Assertions) BindBody(message *template.Template) bool {
	for _, one := range a.all {
		if one.equals == nil {
			continue
		}
		if one.value.BodyDigest() && message.ContainsValue(one.equals) ||
			one.equals.BodyDigest() && message.ContainsValue(one.value) {
			return true
		}
	}
	return false
}

// BindBodyByClaim is [Assertions.BindBody] for a token, all of which is signed:
// one side is a digest of the body and the other a claim.
func (a *Assertions) BindBodyByClaim() bool {
	for _, one := range a.all {
		if one.equals == nil {
			continue
		}
		if one.value.BodyDigest() && one.equals.Claim() || one.equals.BodyDigest() && one.value.Claim() {
			return true
		}
	}
	return false
}

// templates returns all that compiled.
func (a *Assertions) templates() []*template.Template {
	var all []*template.Template
	for _, one := range a.all {
		all = append(all, one.value)
		if one.equals != nil {
			all = append(all, one.equals)
		}
	}
	return all
}

// Check returns nil if all hold. Otherwise the error is a denial: a part is
// missing or can't be read, or [authz.ReasonAssertionFailed]. buf is memory to
// work in, returned for the next call. Call it once the signature is proven.
//
// Both sides are compared in constant time, and all of OneOf: a text that is
// asserted may be something that only the sender knows.
func (a *Assertions) Check(buf []byte, in *template.Input) ([]byte, error) {
	for i := range a.all {
		one := &a.all[i]
		text, err := one.value.Append(buf[:0], in)
		if err != nil {
			return buf, err
		}
		buf = text
		size := len(text)
		equal := 0
		if one.equals != nil {
			if text, err = one.equals.Append(text, in); err != nil {
				return buf, err
			}
			buf = text
			equal = subtle.ConstantTimeCompare(text[:size], text[size:])
		}
		for _, want := range one.oneOf {
			text = append(text[:size], want...)
			buf = text
			equal |= subtle.ConstantTimeCompare(text[:size], text[size:])
		}
		if equal != 1 {
			return buf, authz.Deny(authz.ReasonAssertionFailed, fmt.Sprintf("assertion %d does not hold", i))
		}
	}
	return buf, nil
}

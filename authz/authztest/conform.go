package authztest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// SecretName is the secret that a [Subject]'s settings name.
const SecretName = "conformance"

// A Subject is a kind in one configuration, to be held to what every kind owes.
type Subject struct {
	Kind authz.Kind
	// Settings name one secret, [SecretName], and no other.
	Settings any
	// Secret and Other are two good secrets as the sender knows them, without
	// a byte in common at the same place.
	Secret, Other string
	// Store returns how a store holds a secret; nil: as the sender knows it.
	Store func(secret string) string
	// Useless are values in the store that must not be used, besides empty,
	// blank and padded ones.
	Useless []string
	// Present returns a new request that presents a credential made with
	// secret, which may be any text.
	Present func(secret string) *authz.Request
	// Bare returns a new request without a credential.
	Bare func() *authz.Request
	// Env returns what the kind is built with, given the secret; nil is [Env].
	// A kind of public keys makes key sets or anchors of the secret here.
	Env func(secrets map[string]authz.Secrets) *authz.Env
	// Canaries are texts that must not be told, besides secrets and
	// credentials.
	Canaries []string

	// Public says that a credential is no secret: who reads it can't present it,
	// as with a certificate. It may be told in part.
	Public bool
	// Connection says that the credential is the connection's, so it stands
	// neither in a header nor in the query.
	Connection bool

	// Place says that the kind looks where the request comes from and knows
	// neither secrets nor credentials. Present then returns a request from a
	// listed place, and Bare one from elsewhere.
	Place bool
}

// A law is something that every kind owes. It returns how s breaks it.
type law struct {
	name   string
	place  bool // it holds for kinds without credentials too
	broken func(ctx context.Context, s *probe) []string
}

func laws() []law {
	return []law{
		{name: "passes what is right", place: true, broken: passesRight},
		{name: "says what it is", place: true, broken: saysWhatItIs},
		{name: "passes the previous version", broken: passesPrevious},
		{name: "rejects another secret", broken: rejectsOther},
		{name: "tells absent from wrong", place: true, broken: tellsAbsent},
		{name: "uses no useless secret", broken: usesNoUseless},
		{name: "answers trouble as trouble", broken: answersTrouble},
		{name: "trouble decides only if nothing matches", broken: troubleComesLast},
		{name: "denies when cancelled", place: true, broken: deniesCancelled},
		{name: "denies what goes wrong inside", broken: deniesInside},
		{name: "refuses duplicates", broken: refusesDuplicates},
		{name: "passes nothing random or changed", broken: passesNothingElse},
		{name: "holds on to the body", broken: bindsBody},
		{name: "leaves the request alone", place: true, broken: leavesRequest},
		{name: "serves many at once", place: true, broken: servesMany},
		{name: "tells no secret and no credential", place: true, broken: tellsNothing},
		{name: "names undeclared secrets", broken: namesUndeclared},
	}
}

// Conform fails t for every law that s breaks. Run it with the race detector at
// times: one of the laws needs it.
func Conform(t *testing.T, s Subject) {
	t.Helper()
	for _, law := range laws() {
		if s.Place && !law.place {
			continue
		}
		t.Run(law.name, func(t *testing.T) {
			p, err := newProbe(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range law.broken(t.Context(), p) {
				t.Error(problem)
			}
		})
	}
}

// Violations returns how s breaks the laws, each with the law's name.
func Violations(ctx context.Context, s Subject) []string {
	var all []string
	for _, law := range laws() {
		if s.Place && !law.place {
			continue
		}
		p, err := newProbe(s)
		if err != nil {
			return []string{err.Error()}
		}
		for _, problem := range law.broken(ctx, p) {
			all = append(all, law.name+": "+problem)
		}
	}
	return all
}

// A probe is a subject that was built, and its secret.
type probe struct {
	Subject
	part    authz.Part
	secrets *Secrets
	// problems are what a law found.
	problems []string
	// seen are the results of all that was verified.
	seen []result
}

type result struct {
	identity authz.Identity
	err      error
}

func newProbe(s Subject) (*probe, error) {
	if s.Store == nil {
		s.Store = func(secret string) string { return secret }
	}
	if s.Env == nil {
		s.Env = Env
	}
	p := &probe{Subject: s, secrets: Values(s.Store(s.Secret))}
	part, problems := s.Kind.Build(s.Settings, s.Env(map[string]authz.Secrets{SecretName: p.secrets}))
	if slices.ContainsFunc(problems, func(p authz.Problem) bool { return !p.Warning }) {
		return nil, fmt.Errorf("build %s: %v", s.Kind.Name, problems)
	}
	if part.Check == nil {
		return nil, fmt.Errorf("build %s: neither check nor problem", s.Kind.Name)
	}
	p.part = part
	return p, nil
}

// verify asks the check once. A panic is an error of no known kind.
func (p *probe) verify(ctx context.Context, r *authz.Request) (identity authz.Identity, err error) {
	defer func() {
		if v := recover(); v != nil {
			identity, err = authz.Identity{}, fmt.Errorf("panic: %v", v)
		}
		p.seen = append(p.seen, result{identity, err})
	}()
	return p.part.Check.Verify(ctx, r)
}

// decide asks the check as policies do.
func (p *probe) decide(ctx context.Context, r *authz.Request) authz.Decision {
	return authz.Decide(ctx, r, authz.Require(p.Kind.Name, p.part.Name, p.part.Check), nil)
}

func (p *probe) fail(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// wants checks that err matches the sentinel want, nil for passed.
func (p *probe) wants(what string, err, want error) {
	if !matches(err, want) {
		p.fail("%s: error = %v, want %v", what, err, want)
	}
}

package authztest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

func matches(err, want error) bool {
	if want == nil || err == nil {
		return err == want //nolint:errorlint // one of them is nil
	}
	return errors.Is(err, want)
}

func passesRight(ctx context.Context, p *probe) []string {
	identity, err := p.verify(ctx, p.Present(p.Secret))
	p.wants("right", err, nil)
	switch {
	case err != nil:
	case p.Place && identity != (authz.Identity{}):
		p.fail("right: identity = %+v, want none from a place", identity)
	case p.Place:
	case !identity.Credential || identity.Principal == "":
		p.fail("right: identity = %+v, want a principal and credential", identity)
	case identity.Secret != SecretName || identity.Version != 1 || identity.Previous:
		p.fail("right: identity = %+v, want version 1 of %s", identity, SecretName)
	}
	if got := p.decide(ctx, p.Present(p.Secret)); got.Allowed() != (err == nil) {
		p.fail("right: Decide = %v, Verify error = %v", got.Reason(), err)
	}
	return p.problems
}

func saysWhatItIs(_ context.Context, p *probe) []string {
	if p.part.Authenticates == p.Place {
		p.fail("Authenticates = %v", p.part.Authenticates)
	}
	if (len(p.part.Credentials) == 0) != (p.Place || p.Connection) {
		p.fail("Credentials = %v", p.part.Credentials)
	}
	for _, place := range p.part.Credentials {
		if (place.Header == "") == (place.Query == "") || place.Header != strings.ToLower(place.Header) {
			p.fail("credential at %+v, want a header in lower case or a query parameter", place)
		}
	}
	if strings.ContainsFunc(p.part.Challenge, func(r rune) bool { return r < ' ' || r > '~' }) {
		p.fail("Challenge = %q, want printable ASCII", p.part.Challenge)
	}
	return p.problems
}

func passesPrevious(ctx context.Context, p *probe) []string {
	p.secrets.Set(p.Store(p.Other), p.Store(p.Secret))
	identity, err := p.verify(ctx, p.Present(p.Secret))
	p.wants("previous", err, nil)
	if err == nil && (identity.Version != 1 || !identity.Previous) {
		p.fail("previous: identity = %+v, want version 1, previous", identity)
	}
	identity, err = p.verify(ctx, p.Present(p.Other))
	p.wants("newest", err, nil)
	if err == nil && (identity.Version != 2 || identity.Previous) {
		p.fail("newest: identity = %+v, want version 2", identity)
	}
	p.secrets.Set(p.Store(p.Other))
	_, err = p.verify(ctx, p.Present(p.Secret))
	p.wants("after the previous one has ended", err, authz.ErrRejected)
	return p.problems
}

func rejectsOther(ctx context.Context, p *probe) []string {
	for _, secret := range []string{p.Other, p.Secret + "x", p.Secret[:len(p.Secret)-1], p.Secret + "\x01", strings.ToUpper(p.Secret) + "x"} {
		_, err := p.verify(ctx, p.Present(secret))
		p.wants("another secret", err, authz.ErrRejected)
	}
	if _, err := p.verify(ctx, p.Present("")); err == nil {
		p.fail("passed with the empty secret")
	}
	return p.problems
}

func tellsAbsent(ctx context.Context, p *probe) []string {
	want := authz.ErrAbsent
	if p.Place {
		want = authz.ErrUnmatched
	}
	_, err := p.verify(ctx, p.Bare())
	p.wants("bare", err, want)
	_, err = p.verify(ctx, &authz.Request{})
	if err == nil {
		p.fail("passed the zero request")
	}
	p.secrets.Fail(authz.Deny(authz.ReasonSecretUnavailable, ""))
	_, err = p.verify(ctx, p.Bare())
	p.wants("bare, secret unavailable", err, want)
	return p.problems
}

func usesNoUseless(ctx context.Context, p *probe) []string {
	good := p.Store(p.Secret)
	useless := append([]string{"", " ", "\t", "\n", " \r\n ", good + "\n", " " + good}, p.Useless...)
	for i, value := range useless {
		p.secrets.Set(value)
		_, err := p.verify(ctx, p.Present(p.Secret))
		p.wants("useless secret "+string(rune('a'+i)), err, authz.ErrNotConfigured)
		for _, known := range []string{value, strings.TrimSpace(value), ""} {
			if _, err := p.verify(ctx, p.Present(known)); err == nil {
				p.fail("useless secret %c: passed", 'a'+i)
			}
		}
		// It doesn't spoil a good version beside it.
		p.secrets.Set(value, good)
		_, err = p.verify(ctx, p.Present(p.Secret))
		p.wants("good beside useless secret "+string(rune('a'+i)), err, nil)
	}
	return p.problems
}

func answersTrouble(ctx context.Context, p *probe) []string {
	for _, reason := range authz.Reasons() {
		denial := authz.Deny(reason, "trouble")
		group := errors.Is(denial, authz.ErrNotConfigured) || errors.Is(denial, authz.ErrUnavailable)
		if !group {
			continue
		}
		p.secrets.Fail(denial)
		_, err := p.verify(ctx, p.Present(p.Secret))
		var got *authz.Denial
		if !errors.As(err, &got) || got.Reason() != reason {
			p.fail("secret answers %v: error = %v", reason, err)
		}
	}
	for name, versions := range map[string]*authz.Versions{"nothing": nil, "no versions": {}} {
		p.secrets.SetVersions(versions)
		for _, secret := range []string{p.Secret, ""} {
			_, err := p.verify(ctx, p.Present(secret))
			if err == nil || secret != "" && (errors.Is(err, authz.ErrAbsent) || errors.Is(err, authz.ErrRejected) || errors.Is(err, authz.ErrUnmatched)) {
				p.fail("secret answers %s: error = %v, want trouble", name, err)
			}
		}
	}
	return p.problems
}

func troubleComesLast(ctx context.Context, p *probe) []string {
	for _, reason := range []authz.Reason{authz.ReasonSecretUnavailable, authz.ReasonSecretInvalid} {
		versions, err := Values(p.Store(p.Secret)).Versions(time.Time{})
		if err != nil {
			return []string{err.Error()}
		}
		versions.Unusable = authz.Deny(reason, "the newest version can't be used")
		p.secrets.SetVersions(versions)
		_, err = p.verify(ctx, p.Present(p.Secret))
		p.wants("older version matches", err, nil)
		_, err = p.verify(ctx, p.Present(p.Other))
		var got *authz.Denial
		if !errors.As(err, &got) || got.Reason() != reason {
			p.fail("no version matches: error = %v, want %v", err, reason)
		}
	}
	return p.problems
}

func deniesCancelled(ctx context.Context, p *probe) []string {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if got := p.decide(ctx, p.Present(p.Secret)); got.Allowed() || got.Reason() != authz.ReasonDeadline {
		p.fail("cancelled: Decide = %v, want %v", got.Reason(), authz.ReasonDeadline)
	}
	return p.problems
}

func deniesInside(ctx context.Context, p *probe) []string {
	p.secrets.Fail(errors.New("nobody knows this"))
	if got := p.decide(ctx, p.Present(p.Secret)); got.Allowed() || got.Class() != authz.ClassInternal {
		p.fail("unknown error of a secret: Decide = %v, want a bug", got.Reason())
	}
	part, problems := p.Kind.Build(p.Settings, p.Env(map[string]authz.Secrets{SecretName: panicking{}}))
	if slices.ContainsFunc(problems, func(p authz.Problem) bool { return !p.Warning }) {
		return append(p.problems, "can't be built a second time")
	}
	p.part = part
	if got := p.decide(ctx, p.Present(p.Secret)); got.Allowed() || got.Class() != authz.ClassInternal {
		p.fail("panic of a secret: Decide = %v, want a bug", got.Reason())
	}
	return p.problems
}

// panicking is a secret whose reader is broken.
type panicking struct{}

func (panicking) Versions(time.Time) (*authz.Versions, error) {
	panic("a bug") //nolint:forbidigo // it stands for a source with a bug
}

func namesUndeclared(_ context.Context, p *probe) []string {
	_, problems := p.Kind.Build(p.Settings, p.Env(nil))
	for _, problem := range problems {
		if (problem.Code == authz.CodeUndeclaredSecret || problem.Code == authz.CodeUndeclaredKeys) && strings.HasSuffix(problem.Path, "[0]") {
			return nil
		}
	}
	p.fail("Build without the secret: problems = %v, want %s at secrets[0]", problems, authz.CodeUndeclaredSecret)
	return p.problems
}

package jwe_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	kind "github.com/hookauthz/hookauthz/authz/check/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// binding is an inner check that binds the body.
type binding struct{ authz.TokenCheck }

func (b binding) VerifyToken(ctx context.Context, r *authz.Request, token string) (authz.Identity, error) {
	identity, err := b.TokenCheck.VerifyToken(ctx, r, token)
	identity.BodySigned = err == nil
	return identity, err
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name     string
		settings *policypb.Jwe
		env      *authz.Env
		paths    []string
	}{
		{name: "nothing", settings: &policypb.Jwe{}, paths: []string{"", "content_algorithms", "key_algorithms", "keys"}},
		{name: "two places", settings: public(func(s *policypb.Jwe) { s.Header = "x" }), paths: []string{""}},
		{name: "prefix of a body", settings: public(func(s *policypb.Jwe) { s.Prefix = "x " }), paths: []string{"prefix"}},
		{name: "unknown keys", settings: public(func(s *policypb.Jwe) { s.Keys = []string{"keys", "x"} }), paths: []string{"keys[1]"}},
		{name: "unknown algorithm", settings: public(func(s *policypb.Jwe) { s.KeyAlgorithms = []string{"RSA-OAEP", "RSA1_5"} }), paths: []string{"key_algorithms[1]"}},
		{name: "password", settings: public(func(s *policypb.Jwe) { s.KeyAlgorithms = []string{"PBES2-HS256+A128KW"} }), paths: []string{"key_algorithms[0]"}},
		{name: "unknown content", settings: public(func(s *policypb.Jwe) { s.ContentAlgorithms = []string{"A128CBC"} }), paths: []string{"content_algorithms[0]"}},
		{name: "public and shared", settings: public(func(s *policypb.Jwe) { s.KeyAlgorithms = []string{"RSA-OAEP", "dir"} }), paths: []string{"key_algorithms"}},
		{name: "empty inner", settings: public(func(s *policypb.Jwe) { s.Inner = &policypb.InnerToken{} }), paths: []string{"inner.jws"}},
		{
			name: "inner with a place", paths: []string{"inner.jws.body", "inner.jws.detached", "inner.jws.form", "inner.jws.header", "inner.jws.json", "inner.jws.prefix"},
			settings: inner(func(s *policypb.Jwe) {
				j := s.Inner.Jws
				j.Body, j.Json, j.Form, j.Header, j.Prefix, j.Detached = &policypb.WholeBody{}, "/a", "a", "a", "a", "either"
			}),
		},
		{name: "mistake inside", settings: inner(), env: troubled(), paths: []string{"inner.jws.keys[0]"}},
		{name: "no token check inside", settings: inner(), env: tokenless(), paths: []string{"inner.jws"}},
		{name: "nobody builds inner checks", settings: inner(), env: innerless(), paths: []string{"inner"}},
		{name: "token in a header", settings: shared(inHeader), paths: []string{"header (warning)"}},
		{name: "nothing authenticated in a header", settings: public(inHeader)},
		{name: "warning inside", settings: inner(), env: warned(), paths: []string{"inner.jws.typ (warning)"}},
		{name: "right", settings: inner()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env == nil {
				tt.env = with(set(rsaKey()))
			}
			part, problems := kind.Kind().Build(tt.settings, tt.env)
			var paths []string
			for _, problem := range problems {
				path := problem.Path
				if problem.Warning {
					path += " (warning)"
				}
				paths = append(paths, path)
			}
			slices.Sort(paths)
			if !slices.Equal(paths, tt.paths) {
				t.Errorf("problems = %v, want at %q", problems, tt.paths)
			}
			wrong := slices.ContainsFunc(problems, func(p authz.Problem) bool { return !p.Warning })
			if (part.Check == nil) != wrong {
				t.Errorf("Check = %v beside %v", part.Check, problems)
			}
		})
	}
}

func troubled() *authz.Env {
	e := with(set(rsaKey()))
	e.Inner = func(string, any) (authz.Part, []authz.Problem) {
		return authz.Part{}, []authz.Problem{{Path: "keys[0]", Message: "x", Code: authz.CodeUndeclaredKeys}}
	}
	return e
}

func warned() *authz.Env {
	e := with(set(rsaKey()))
	build := e.Inner
	e.Inner = func(name string, settings any) (authz.Part, []authz.Problem) {
		part, _ := build(name, settings)
		return part, []authz.Problem{{Path: "typ", Warning: true}}
	}
	return e
}

func tokenless() *authz.Env {
	e := with(set(rsaKey()))
	e.Inner = func(string, any) (authz.Part, []authz.Problem) { return authz.Part{}, nil }
	return e
}

func innerless() *authz.Env {
	e := with(set(rsaKey()))
	e.Inner = nil
	return e
}

// TestParts: what the compiler is told, above all whether somebody is
// authenticated.
func TestParts(t *testing.T) {
	payload := func(e *authz.Env) *authz.Env { e.Payload = true; return e }
	tests := []struct {
		name          string
		settings      *policypb.Jwe
		env           *authz.Env
		authenticates bool
		binds         bool
		signs         bool
		window        time.Duration
		payload       bool
		secret        bool
	}{
		{name: "public", settings: public(), binds: true, payload: true},
		{name: "public in a header", settings: public(inHeader)},
		{name: "shared", settings: shared(), authenticates: true, binds: true, signs: true, payload: true},
		{name: "shared in a header", settings: shared(inHeader), authenticates: true, binds: true, signs: true},
		{name: "shared in a form", settings: shared(inForm), env: payload(with(set())), authenticates: true, binds: true, signs: true, payload: true},
		{name: "inner", settings: inner(), authenticates: true, binds: true, signs: true, window: time.Minute, payload: true},
		{name: "inner in a header", settings: inner(inHeader), authenticates: true, binds: true, signs: true, window: time.Minute},
		{
			name: "inner in a header, for any body", authenticates: true, signs: true, window: time.Minute, secret: true,
			settings: inner(inHeader, func(s *policypb.Jwe) { s.Inner.Jws.UnsignedBody = "accepted" }),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env == nil {
				tt.env = with(set())
			}
			p := newPart(t, tt.settings, tt.env)
			got := fmt.Sprint(p.Authenticates, p.BindsBody, p.Signs, p.Window, p.Payload)
			want := fmt.Sprint(tt.authenticates, tt.binds, tt.signs, tt.window, tt.payload)
			if got != want {
				t.Errorf("authenticates, binds, signs, window, payload = %s, want %s", got, want)
			}
			if inHeader := tt.settings.GetHeader() != ""; inHeader != (len(p.Credentials) == 1) || p.SharedSecret != tt.secret || p.Challenge == "" {
				t.Errorf("part = %+v", p)
			}
		})
	}
}

// judgedSet tells of a secret itself.
type judgedSet struct{ *keySet }

func (judgedSet) Unfit(_ time.Time, tell func(string, error)) {
	tell("own", authz.Deny(authz.ReasonSecretInvalid, ""))
}

func TestUnfit(t *testing.T) {
	previous := set(rsaKey(), sharedKey("a", 32))
	tests := []struct {
		name string
		set  authz.PrivateKeySet
		want []string
	}{
		{name: "fits", set: set(rsaKey())},
		{name: "fits nothing", set: set(sharedKey("a", 32)), want: []string{"secret"}},
		{name: "previous fits nothing", set: previous},
		{name: "tells itself", set: judgedSet{set(rsaKey())}, want: []string{"own"}},
		{name: "unavailable", set: &keySet{err: authz.Deny(authz.ReasonSecretUnavailable, "")}},
		{name: "nothing", set: nothing{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var told []string
			newPart(t, public(), with(tt.set)).Unfit(time.Time{}, func(secret string, _ error) { told = append(told, secret) })
			if !slices.Equal(told, tt.want) {
				t.Errorf("told of %q, want %q", told, tt.want)
			}
		})
	}
}

// The keys of what is inside are told of too.
func TestUnfitInner(t *testing.T) {
	e := with(set(sharedKey("a", 32)))
	build := e.Inner
	e.Inner = func(name string, settings any) (authz.Part, []authz.Problem) {
		part, problems := build(name, settings)
		part.Unfit = func(_ time.Time, tell func(string, error)) { tell("inner", authz.Deny(authz.ReasonSecretInvalid, "")) }
		return part, problems
	}
	var told []string
	newPart(t, inner(), e).Unfit(time.Time{}, func(secret string, _ error) { told = append(told, secret) })
	if want := []string{"inner", "secret"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}

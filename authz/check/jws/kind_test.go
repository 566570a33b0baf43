package jws_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/jws"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Every mistake of the settings is found, at its field.
func TestMistakes(t *testing.T) {
	tests := []struct {
		name   string
		change func(*policypb.Jws)
		want   []string // paths; a warning's with a question mark
	}{
		{name: "right"},
		{name: "two places", change: func(s *policypb.Jws) { s.Header = "X-Token" }, want: []string{""}},
		{name: "a pointer without slash", change: func(s *policypb.Jws) { s.Body, s.Json = nil, "token" }, want: []string{"json"}},
		{name: "a prefix in the body", change: func(s *policypb.Jws) { s.Prefix = "Bearer " }, want: []string{"prefix"}},
		{name: "a prefix nowhere", change: func(s *policypb.Jws) { s.Body, s.Prefix = nil, "Bearer " }, want: []string{"prefix"}},
		{name: "a prefix with a blank before", change: func(s *policypb.Jws) { inHeader(s); s.Prefix = " x" }, want: []string{"prefix"}},
		{name: "detached from itself", change: func(s *policypb.Jws) { s.Detached = "encoded" }, want: []string{"detached"}},
		{name: "detached somehow", change: apart("yes"), want: []string{"detached"}},
		{name: "no algorithm", change: func(s *policypb.Jws) { s.Algorithms = nil }, want: []string{"algorithms"}},
		{name: "a shared key", change: func(s *policypb.Jws) { s.Algorithms = []string{"ES256", "HS256", "none"} }, want: []string{"algorithms[1]", "algorithms[2]"}},
		{name: "no keys", change: func(s *policypb.Jws) { s.Keys = nil }, want: []string{""}},
		{name: "keys and certificates", change: func(s *policypb.Jws) { s.Certificates = &policypb.TokenCertificates{Anchors: []string{"root"}} }, want: []string{""}},
		{name: "unknown keys", change: func(s *policypb.Jws) { s.Keys = []string{"keys", "nobody"} }, want: []string{"keys[1]"}},
		{name: "keys by URL", change: func(s *policypb.Jws) { s.Keys = []string{"url"} }, want: []string{"keys[0]"}},
		{name: "keys of another issuer", change: func(s *policypb.Jws) { s.Keys, s.Issuer = []string{"found"}, "https://a.example" }, want: []string{"keys[0]"}},
		{name: "keys of the issuer", change: func(s *policypb.Jws) { s.Keys, s.Issuer = []string{"found"}, "https://b.example" }},
		{name: "keys of some issuer, and nobody asks", change: func(s *policypb.Jws) { s.Keys = []string{"found"} }},
		{name: "half a type", change: func(s *policypb.Jws) { s.Typ = "Application/" }, want: []string{"typ"}},
		{name: "two times", change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{Claim: "iat", Header: "ts"} }, want: []string{"time"}},
		{name: "exp as time", change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{Claim: "exp"} }, want: []string{"time.claim"}},
		{name: "alg as time", change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{Header: "ALG"} }, want: []string{"time.header"}},
		{name: "a unit", change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{Unit: "days"} }, want: []string{"time.unit"}},
		{name: "a window too wide", change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{Tolerance: durationpb.New(time.Hour)} }, want: []string{"time.tolerance"}},
		{name: "an assertion", change: func(s *policypb.Jws) { s.Assert = []*policypb.Assertion{{Value: "{claim:}"}} }, want: []string{"assert[0]", "assert[0].value"}},
		{name: "a credential field", change: asserting("{credential:t}", "x"), want: []string{"assert[0].value"}},
		{name: "nothing binds the body", change: func(s *policypb.Jws) { s.Body, s.Header = nil, "X-Token" }, want: []string{"header?"}},
		{name: "a weak digest binds it", change: func(s *policypb.Jws) { inHeader(s); s.Assert[0].Equals = "{body|sha1|hex}" }, want: []string{"header?"}},
		{name: "a weak digest is accepted", change: func(s *policypb.Jws) {
			inHeader(s)
			s.Assert[0].Equals, s.WeakAlgorithm = "{body|sha1|hex}", "accepted"
		}},
		{name: "certificates without anchors", change: certified(func(c *policypb.TokenCertificates) { c.Anchors = nil }), want: []string{"certificates.anchors"}},
		{name: "unknown anchors", change: certified(func(c *policypb.TokenCertificates) { c.Anchors = []string{"x"} }), want: []string{"certificates.anchors[0]"}},
		{name: "a wildcard", change: certified(func(c *policypb.TokenCertificates) { c.Names = []string{"a.example", "*.example"} }), want: []string{"certificates.names[1]"}},
		{name: "no object identifier", change: certified(func(c *policypb.TokenCertificates) {
			c.Extensions, c.IssuerExtensions = []string{"1.x"}, []string{"1.2", ""}
		}), want: []string{"certificates.extensions[0]", "certificates.issuer_extensions[1]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			if tt.change != nil {
				tt.change(s)
			}
			e := one(t, withRoot(t))
			find := e.Keys
			e.Keys = func(name string) (authz.KeyReference, bool) {
				switch name {
				case "url":
					return authz.KeyReference{Name: name}, true
				case "found":
					return authz.KeyReference{Name: name, Set: keys(t), Issuer: "https://b.example"}, true
				}
				return find(name)
			}
			part, problems := jws.Kind().Build(s, e)
			var got []string
			for _, p := range problems {
				if p.Warning {
					p.Path += "?"
				}
				got = append(got, p.Path)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("problems = %v, want at %q", problems, tt.want)
			}
			if mistaken := slices.ContainsFunc(problems, func(p authz.Problem) bool { return !p.Warning }); mistaken == (part.Check != nil) {
				t.Errorf("check = %v beside %v", part.Check, problems)
			}
		})
	}
}

func certified(change func(*policypb.TokenCertificates)) func(*policypb.Jws) {
	return func(s *policypb.Jws) {
		s.Keys, s.Certificates = nil, &policypb.TokenCertificates{Anchors: []string{"root"}}
		if change != nil {
			change(s.Certificates)
		}
	}
}

// What is told of the check, for the policy around it.
func TestPart(t *testing.T) {
	loose := func(s *policypb.Jws) { s.Body, s.Header, s.UnsignedBody = nil, "X-Token", "accepted" }
	tests := []struct {
		name   string
		change func(*policypb.Jws)
		binds  bool
		window time.Duration
		pays   bool
		header string
		shared bool
	}{
		{name: "body", binds: true, pays: true},
		{name: "JSON, something beside it", change: func(s *policypb.Jws) { s.Body, s.Json, s.UnsignedBody = nil, "/a", "accepted" }, binds: true, pays: true},
		{name: "handed over", change: func(s *policypb.Jws) { s.Body = nil }, pays: true},
		{name: "header", change: inHeader, binds: true, header: "x-token"},
		{name: "detached", change: apart("encoded"), binds: true, header: "x-token"},
		{name: "no body", change: func(s *policypb.Jws) { s.Body, s.Header = nil, "X-Token" }, binds: true, header: "x-token"},
		{name: "any body", change: loose, header: "x-token", shared: true},
		{name: "a time", change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{} }, binds: true, pays: true, window: 600 * time.Second},
		{name: "a narrow time", change: func(s *policypb.Jws) { s.Time = &policypb.TokenTime{Tolerance: durationpb.New(time.Second)} }, binds: true, pays: true, window: 2 * time.Second},
	}
	for _, tt := range tests {
		s := settings(func(s *policypb.Jws) { s.Name = "n1" })
		if tt.change != nil {
			tt.change(s)
		}
		part := build(t, s, one(t, func(e *authz.Env) { e.Payload = true }))
		header := ""
		if len(part.Credentials) > 0 {
			header = part.Credentials[0].Header
		}
		if part.Name != "n1" || !part.Authenticates || !part.Signs || part.Challenge != `Signature realm="webhook"` ||
			part.BindsBody != tt.binds || part.Window != tt.window || part.Payload != tt.pays || header != tt.header || part.SharedSecret != tt.shared {
			t.Errorf("%s: %+v", tt.name, part)
		}
		if build(t, s, one(t)).Payload {
			t.Errorf("%s: a payload that nobody asked for", tt.name)
		}
	}
	part := build(t, settings(asserting("{match:tenant}{match:a}{match:tenant}", "x")), one(t))
	if !slices.Equal(part.Captures, []string{"a", "tenant"}) {
		t.Errorf("captures = %q", part.Captures)
	}
}

// Without a wish for it, nothing is kept of what was read.
func TestNoContent(t *testing.T) {
	identity, err := newCheck(t, settings()).Verify(t.Context(), post(token(t, keyOf("key"), edHeader, payload(t, nil)), ""))
	authztest.WantReason(t, err, verified)
	if identity.Content != nil {
		t.Errorf("content = %+v", identity.Content)
	}
}

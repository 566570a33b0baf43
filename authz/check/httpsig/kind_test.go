package httpsig_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/httpsig"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestMistakes(t *testing.T) {
	tests := []struct {
		name string
		edit func(*policypb.HttpSignature)
		path string
	}{
		{name: "no components", edit: components(), path: "components"},
		{name: "unknown derived component", edit: components("content-digest", "@body"), path: "components[1]"},
		{name: "component of responses", edit: components("content-digest", "@status"), path: "components[1]"},
		{name: "component of the draft", edit: components("content-digest", "(request-target)"), path: "components[1]"},
		{name: "query parameter", edit: components("content-digest", "@query-param"), path: "components[1]"},
		{name: "capitals", edit: components("Content-Digest"), path: "components[0]"},
		{name: "signature", edit: components("content-digest", "signature"), path: "components[1]"},
		{name: "signature-input", edit: components("content-digest", "signature-input"), path: "components[1]"},
		{name: "authority without public_url", edit: components("content-digest", "@authority"), path: "components[1]"},
		{name: "scheme without public_url", edit: components("content-digest", "@scheme"), path: "components[1]"},
		{name: "target without public_url", edit: components("content-digest", "@target-uri"), path: "components[1]"},
		{name: "public_url", edit: func(s *policypb.HttpSignature) { s.PublicUrl = "ftp://h" }, path: "public_url"},
		{name: "public_url with a user", edit: func(s *policypb.HttpSignature) { s.PublicUrl = "https://a@h" }, path: "public_url"},
		{name: "no algorithm", edit: func(s *policypb.HttpSignature) { s.Algorithms = nil }, path: "algorithms"},
		{name: "unknown algorithm", edit: func(s *policypb.HttpSignature) { s.Algorithms = []string{"none"} }, path: "algorithms[0]"},
		{name: "hmac with public keys", edit: func(s *policypb.HttpSignature) { s.Algorithms = []string{"ed25519", "hmac-sha256"} }, path: "algorithms[1]"},
		{name: "public keys' algorithm with secrets", edit: func(s *policypb.HttpSignature) { shared(s); s.Algorithms = []string{"ed25519"} }, path: "algorithms[0]"},
		{name: "keys and secrets", edit: func(s *policypb.HttpSignature) { shared(s); s.Keys = []string{"keys"} }, path: ""},
		{name: "neither", edit: func(s *policypb.HttpSignature) { s.Keys = nil }, path: ""},
		{name: "key_ids with public keys", edit: func(s *policypb.HttpSignature) { s.KeyIds = []string{"a"} }, path: "key_ids"},
		{name: "undeclared keys", edit: func(s *policypb.HttpSignature) { s.Keys = []string{"keys", "gone"} }, path: "keys[1]"},
		{name: "undeclared secret", edit: func(s *policypb.HttpSignature) { shared(s); s.Secrets = []string{"acme", "gone"} }, path: "secrets[1]"},
		{name: "keys by URL", edit: func(s *policypb.HttpSignature) { s.Keys = []string{"keys", "by-url"} }, path: "keys[1]"},
		{name: "wide window", edit: func(s *policypb.HttpSignature) { s.Tolerance = durationpb.New(time.Hour) }, path: "tolerance"},
		{name: "version", edit: func(s *policypb.HttpSignature) { s.Version = "rfc9422" }, path: "version"},
		{name: "header with RFC 9421", edit: func(s *policypb.HttpSignature) { s.Header = "signature" }, path: "header"},
		{name: "header of the draft", edit: func(s *policypb.HttpSignature) { *s = *draft(); s.Header = "x-signature" }, path: "header"},
		{name: "label with the draft", edit: func(s *policypb.HttpSignature) { *s = *draft(); s.Label = "a" }, path: "label"},
		{name: "tag with the draft", edit: func(s *policypb.HttpSignature) { *s = *draft(); s.Tag = "a" }, path: "tag"},
		{name: "nonce with the draft", edit: func(s *policypb.HttpSignature) { *s = *draft(); s.Nonce = "required" }, path: "nonce"},
		{name: "derived component with the draft", edit: func(s *policypb.HttpSignature) { *s = *draft(components("digest", "@method")) }, path: "components[1]"},
		{name: "unknown component of the draft", edit: func(s *policypb.HttpSignature) { *s = *draft(components("digest", "(method)")) }, path: "components[1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			tt.edit(s)
			e := environment(map[string]authz.KeySet{"keys": keys(), "by-url": nil}, map[string]authz.Secrets{"acme": authztest.Values(sharedKey)})
			part, problems := httpsig.Kind().Build(s, e)
			if !slices.ContainsFunc(problems, func(p authz.Problem) bool { return p.Path == tt.path && !p.Warning && p.Message != "" && p.Code != "" }) {
				t.Errorf("problems = %v, want one at %q", problems, tt.path)
			}
			if part.Check != nil {
				t.Error("there is a check all the same")
			}
		})
	}
}

func TestPart(t *testing.T) {
	tests := []struct {
		name   string
		edits  []func(*policypb.HttpSignature)
		places []authz.Location
		window time.Duration
		binds  bool
		warns  bool
	}{
		{name: "plain", places: []authz.Location{{Header: "signature-input"}, {Header: "signature"}}, window: 10 * time.Minute, binds: true},
		{
			name: "narrow", window: 20 * time.Second, binds: true, places: []authz.Location{{Header: "signature-input"}, {Header: "signature"}},
			edits: []func(*policypb.HttpSignature){func(s *policypb.HttpSignature) { s.Tolerance = durationpb.New(10 * time.Second) }},
		},
		{
			name: "undated", binds: true, places: []authz.Location{{Header: "signature-input"}, {Header: "signature"}},
			edits: []func(*policypb.HttpSignature){func(s *policypb.HttpSignature) { s.Undated = "accepted" }},
		},
		{
			name: "body not covered", window: 10 * time.Minute, binds: true, warns: true, places: []authz.Location{{Header: "signature-input"}, {Header: "signature"}},
			edits: []func(*policypb.HttpSignature){components("@method")},
		},
		{
			name: "unsigned body", window: 10 * time.Minute, places: []authz.Location{{Header: "signature-input"}, {Header: "signature"}},
			edits: []func(*policypb.HttpSignature){components("@method"), unsigned},
		},
		{name: "draft", places: []authz.Location{{Header: "signature"}}, window: 10 * time.Minute, binds: true, edits: []func(*policypb.HttpSignature){func(s *policypb.HttpSignature) { *s = *draft() }}},
		{name: "draft, authorization", places: []authz.Location{{Header: "authorization"}}, window: 10 * time.Minute, binds: true, edits: []func(*policypb.HttpSignature){func(s *policypb.HttpSignature) { *s = *draft(inAuthorization) }}},
		{
			name: "draft, with the other digest", places: []authz.Location{{Header: "signature"}}, window: 10 * time.Minute, binds: true, warns: true,
			edits: []func(*policypb.HttpSignature){func(s *policypb.HttpSignature) { *s = *draft(components("content-digest")) }},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(tt.edits...)
			s.Name = "ours"
			part, problems := httpsig.Kind().Build(s, environment(map[string]authz.KeySet{"keys": keys()}, nil))
			if part.Name != "ours" || !part.Authenticates || !part.Signs || part.SharedSecret || part.Unfit == nil || part.Challenge == "" {
				t.Errorf("part = %+v", part)
			}
			if !slices.Equal(part.Credentials, tt.places) || part.Window != tt.window || part.BindsBody != tt.binds {
				t.Errorf("credentials = %v, window = %v, binds = %v", part.Credentials, part.Window, part.BindsBody)
			}
			warned := slices.ContainsFunc(problems, func(p authz.Problem) bool { return p.Warning && p.Code == httpsig.CodeUnsignedBody })
			if warned != tt.warns || len(problems) > 0 != tt.warns {
				t.Errorf("problems = %v, want a warning: %v", problems, tt.warns)
			}
		})
	}
}

func TestUnfit(t *testing.T) {
	tell := func(part authz.Part) (told []string) {
		part.Unfit(authztest.Received(), func(secret string, _ error) { told = append(told, secret) })
		return told
	}
	if told := tell(newPart(t, settings(shared))); told != nil {
		t.Errorf("told of %v", told)
	}
	weak := newPart(t, settings(shared), func(e *authz.Env) {
		e.Secret = authztest.Env(map[string]authz.Secrets{"acme": authztest.Values("short")}).Secret
	})
	if told := tell(weak); !slices.Equal(told, []string{"acme"}) {
		t.Errorf("told of %v, want acme", told)
	}
	if told := tell(newPart(t, settings())); told != nil {
		t.Errorf("told of %v", told)
	}
}

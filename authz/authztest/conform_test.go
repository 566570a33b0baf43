package authztest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// A seal is a small kind of its own, sound unless one of its bugs is set: an
// HMAC of the body in a header.
type seal struct {
	ref authz.Reference
	bug string
}

func (s *seal) Verify(_ context.Context, r *authz.Request) (authz.Identity, error) {
	value, presence := r.Header.Get("x-seal")
	switch {
	case s.bug == "takes the first header" && presence == authz.Many:
		for _, field := range r.Header.Fields {
			if field.Name == "x-seal" {
				value, presence = field.Value, authz.One
				break
			}
		}
	case presence == authz.Many:
		return authz.Identity{}, authz.Deny(authz.ReasonDuplicateHeader, "")
	}
	if presence != authz.One && s.bug == "takes absent for wrong" {
		return authz.Identity{}, authz.Deny(authz.ReasonSignatureMismatch, "")
	}
	if presence != authz.One {
		return authz.Identity{}, authz.Deny(authz.ReasonCredentialMissing, "")
	}
	body, err := s.body(r)
	if err != nil {
		return authz.Identity{}, err
	}
	if s.bug == "writes to the request" {
		r.Header.Fields[0].Value = "seen"
	}
	return s.compare(r, value, body)
}

func (s *seal) body(r *authz.Request) ([]byte, error) {
	if s.bug == "takes any body" {
		return append(r.Body.Raw, r.Body.Text...), nil
	}
	return r.WholeBody()
}

func (s *seal) compare(r *authz.Request, value string, body []byte) (authz.Identity, error) {
	versions, err := s.ref.Secrets.Versions(r.Received)
	if err != nil && s.bug == "takes trouble for wrong" {
		return authz.Identity{}, authz.Deny(authz.ReasonSignatureMismatch, "")
	}
	if err != nil && s.bug == "passes in trouble" {
		return authz.Identity{Principal: "x", Secret: s.ref.Name, Version: 1, Credential: true}, nil
	}
	if err != nil {
		return authz.Identity{}, err
	}
	trouble := versions.Unusable
	if len(versions.Accepted) == 0 {
		trouble = authz.Deny(authz.ReasonSecretMissing, "")
	}
	if s.bug == "puts trouble first" && trouble != nil {
		return authz.Identity{}, trouble
	}
	for _, version := range versions.Accepted {
		key := version.Secret.Reveal()
		if err := s.ref.CheckKey(key); err != nil && s.bug != "takes any key" {
			trouble = err
			continue
		}
		right := []byte(mark(key, body))
		given := []byte(value)
		if s.bug == "compares a prefix" {
			right = right[:min(len(right), max(len(given), 8))]
		}
		if s.bug == "trims" {
			given = bytes.TrimSpace(given)
		}
		if hmac.Equal(right, given) {
			version := version.Number
			if s.bug == "does not tell the version" {
				version = 0
			}
			return authz.Identity{Principal: s.ref.Name, Secret: s.ref.Name, Version: version, Previous: len(versions.Accepted) != version, Credential: true}, nil
		}
		if s.bug == "knows the newest only" {
			break
		}
	}
	switch {
	case trouble != nil && s.bug != "forgets trouble":
		return authz.Identity{}, trouble
	case s.bug == "tells the credential":
		return authz.Identity{}, authz.Deny(authz.ReasonSignatureMismatch, "got "+value)
	case s.bug == "tells the secret":
		return authz.Identity{}, authz.Deny(authz.ReasonSignatureMismatch, fmt.Sprintf("key %s", versions.Accepted[0].Secret.Reveal()))
	}
	return authz.Identity{}, authz.Deny(authz.ReasonSignatureMismatch, "")
}

func mark(key, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func subject(bug string) authztest.Subject {
	kind := authz.NewKind("seal", "seal", func(secrets []string, env *authz.Env) (authz.Part, []authz.Problem) {
		refs, problems := env.References("secrets", secrets)
		if len(problems) > 0 && bug != "ignores undeclared secrets" {
			return authz.Part{}, problems
		}
		part := authz.Part{Authenticates: bug != "says nothing of itself", BindsBody: true, Credentials: []authz.Location{{Header: "x-seal"}}}
		if len(refs) > 0 {
			part.Check = &seal{ref: refs[0], bug: bug}
		}
		return part, nil
	})
	return authztest.Subject{
		Kind: kind, Settings: []string{authztest.SecretName},
		Secret: "0123456789-one-of-the-keys", Other: "abcdefghij+zwei-der-kennungen", Useless: []string{"short", "aaaaaaaaaaaaaaaaaaaa"},
		Present: func(secret string) *authz.Request {
			return authztest.Request("POST", "/h", "payload", "x-other", "x", "x-seal", mark([]byte(secret), []byte("payload")))
		},
		Bare: func() *authz.Request { return authztest.Request("POST", "/h", "payload", "x-other", "x") },
	}
}

func TestConformSound(t *testing.T) { authztest.Conform(t, subject("")) }

// Each bug is found, and by the law that is about it.
func TestViolations(t *testing.T) {
	for bug, law := range map[string]string{
		"takes the first header":     "refuses duplicates",
		"takes absent for wrong":     "tells absent from wrong",
		"takes any body":             "holds on to the body",
		"writes to the request":      "leaves the request alone",
		"takes trouble for wrong":    "answers trouble as trouble",
		"passes in trouble":          "answers trouble as trouble",
		"puts trouble first":         "trouble decides only if nothing matches",
		"forgets trouble":            "trouble decides only if nothing matches",
		"takes any key":              "uses no useless secret",
		"compares a prefix":          "passes nothing random or changed",
		"trims":                      "passes nothing random or changed",
		"does not tell the version":  "passes what is right",
		"knows the newest only":      "passes the previous version",
		"tells the credential":       "tells no secret and no credential",
		"tells the secret":           "tells no secret and no credential",
		"ignores undeclared secrets": "names undeclared secrets",
		"says nothing of itself":     "says what it is",
	} {
		t.Run(bug, func(t *testing.T) {
			found := authztest.Violations(t.Context(), subject(bug))
			for _, violation := range found {
				if strings.HasPrefix(violation, law) {
					return
				}
			}
			t.Errorf("Violations() = %q, want one of %q", found, law)
		})
	}
	if found := authztest.Violations(t.Context(), subject("")); len(found) > 0 {
		t.Errorf("Violations() of a sound kind = %q, want none", found)
	}
}

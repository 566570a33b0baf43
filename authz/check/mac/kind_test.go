package mac_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/check/mac"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestProblems(t *testing.T) {
	tests := []struct {
		name string
		mac  *policypb.Mac
		want []string // path, code
	}{
		{name: "none", mac: settings()},
		{
			name: "empty", mac: &policypb.Mac{},
			want: []string{"algorithm setting", "encoding setting", "credential setting", "message *", "secrets secrets_required"},
		},
		{
			name: "several at once",
			mac: settings(func(m *policypb.Mac) {
				m.Credential = &policypb.Credential{Fields: &policypb.FieldsGrammar{Signature: "v1", Separator: "|"}}
				m.Algorithm, m.Encoding = "hmac-md5", "base32"
				m.Message = "{bdy}"
				m.Timestamp = &policypb.Timestamp{Value: "{bdy}", Unit: "minutes"}
				m.Key = &policypb.Key{Decode: "rot13"}
				m.Assert = []*policypb.Assertion{{Value: "{body}", Equals: "{x}"}, {Value: "{body}"}}
				m.Secrets = []string{"key", "nobody"}
			}),
			want: []string{
				"algorithm setting", "encoding setting", "credential.fields.separator setting", "credential setting",
				"timestamp.unit setting", "timestamp.value template_value", "message template_value",
				"assert[0].equals template_value", "assert[1] setting", "key.decode setting", "secrets[1] undeclared_secret",
			},
		},
		{name: "sha1", mac: settings(func(m *policypb.Mac) { m.Algorithm = "hmac-sha1" }), want: []string{"algorithm weak_algorithm"}},
		{name: "sha1, accepted", mac: settings(func(m *policypb.Mac) { m.Algorithm, m.WeakAlgorithm = "hmac-sha1", "accepted" })},
		{name: "no secrets", mac: settings(func(m *policypb.Mac) { m.Secrets = nil }), want: []string{"secrets secrets_required"}},
		{
			name: "body not covered",
			mac:  settings(func(m *policypb.Mac) { m.Message = "{header:X-Id}" }),
			want: []string{"message unsigned_body warning"},
		},
		{
			name: "body not covered, accepted",
			mac:  settings(func(m *policypb.Mac) { m.Message, m.UnsignedBody = "{header:X-Id}", "accepted" }),
		},
		{
			name: "body covered by a weak digest",
			mac:  settings(func(m *policypb.Mac) { m.Message = "{body|md5|hex}" }),
			want: []string{"message unsigned_body warning"},
		},
		{
			name: "asserted digest of what is not signed",
			mac: settings(func(m *policypb.Mac) {
				m.Message = "{header:X-Id}"
				m.Assert = []*policypb.Assertion{{Value: "{header:X-Digest}", Equals: "{body|sha256|hex}"}}
			}),
			want: []string{"message unsigned_body warning"},
		},
		{
			name: "asserted digest of what is not signed, the other way round",
			mac: settings(func(m *policypb.Mac) {
				m.Message = "{header:X-Id}"
				m.Assert = []*policypb.Assertion{{Value: "{body|sha256|hex}", Equals: "{header:X-Digest}"}}
			}),
			want: []string{"message unsigned_body warning"},
		},
		{
			name: "asserted digest of what is signed",
			mac: settings(func(m *policypb.Mac) {
				m.Message = "{header:X-Digest}"
				m.Assert = []*policypb.Assertion{{Value: "{body|sha256|hex}", Equals: "{header:X-Digest}"}}
			}),
		},
		{name: "time", mac: timed("seconds")},
		{
			name: "time not signed",
			mac:  timed("seconds", func(m *policypb.Mac) { m.Message = "{body}" }),
			want: []string{"timestamp unsigned_timestamp"},
		},
		{
			name: "time not signed, unchecked",
			mac:  timed("seconds", unchecked, func(m *policypb.Mac) { m.Message = "{body}" }),
		},
		{
			name: "time signed by another name",
			mac:  timed("seconds", func(m *policypb.Mac) { m.Message = "{header:X-Timestamp}.{body}" }),
		},
		{
			name: "time in a group",
			mac:  timed("seconds", func(m *policypb.Mac) { m.Message = "{header:X-Id|only:a-z}.[{timestamp}.{body}]" }),
			want: []string{"timestamp unsigned_timestamp"},
		},
		{
			name: "unchecked with a tolerance",
			mac:  timed("seconds", unchecked, tolerance(time.Minute, nil)),
			want: []string{"timestamp.unchecked setting"},
		},
		{
			name: "wide window",
			mac: timed("seconds", func(m *policypb.Mac) {
				m.Timestamp.Tolerance = durationpb.New(11 * time.Minute)
			}),
			want: []string{"timestamp.tolerance wide_window"},
		},
		{name: "timestamp in the message without one", mac: settings(func(m *policypb.Mac) { m.Message = "{timestamp}.{body}" }), want: []string{"message template_value"}},
		{name: "field that the grammar lacks", mac: settings(func(m *policypb.Mac) { m.Message = "{credential:t}.{body}" }), want: []string{"message template_value"}},
		{name: "time and body side by side", mac: timed("rfc3339", func(m *policypb.Mac) {
			m.Message = "{header:X-Id}{timestamp}{body}"
		}), want: []string{"message template_ambiguous"}},
		{name: "time and body side by side, accepted", mac: timed("rfc3339", func(m *policypb.Mac) {
			m.Message, m.AmbiguousMessage = "{header:X-Id}{timestamp}{body}", "accepted"
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part, problems := mac.Kind().Build(tt.mac, environment(map[string]*store{"key": live(secret)}))
			var got []string
			mistakes := 0
			for _, p := range problems {
				entry := p.Path + " " + p.Code
				if slices.Contains(tt.want, p.Path+" *") {
					entry = p.Path + " *"
				}
				if p.Warning {
					entry += " warning"
				} else {
					mistakes++
				}
				got = append(got, entry)
			}
			if !slices.Equal(slices.Compact(got), tt.want) {
				t.Errorf("Build() problems =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if (part.Check != nil) != (mistakes == 0) {
				t.Errorf("Build() check = %v beside %d mistakes", part.Check, mistakes)
			}
		})
	}
}

func TestBuildWithoutEnvironment(t *testing.T) {
	_, problems := mac.Kind().Build(settings(), (*authz.Env)(nil))
	if len(problems) != 1 || problems[0].Code != authz.CodeUndeclaredSecret {
		t.Errorf("Build() problems = %v, want one %s", problems, authz.CodeUndeclaredSecret)
	}
}

// The catalogue is built without secrets and without an environment.
func TestCatalogueEntry(t *testing.T) {
	part, problems := mac.Kind().Build(settings(func(m *policypb.Mac) { m.Secrets = nil }), (*authz.Env)(nil))
	if len(problems) != 1 || problems[0].Code != mac.CodeSecretsRequired || part.Check != nil {
		t.Errorf("Build() = %+v, %v, want the one problem %s", part, problems, mac.CodeSecretsRequired)
	}
}

func TestPart(t *testing.T) {
	part := build(t, settings(func(m *policypb.Mac) {
		m.Name = "acme-v2"
		m.Credential = &policypb.Credential{Headers: []string{"X-Primary", "X-Secondary"}}
		m.Message = "{match:tenant}:{body}"
		m.Assert = []*policypb.Assertion{{Value: "{match:area}", OneOf: []string{"eu"}}, {Value: "{match:tenant}", OneOf: []string{"acme"}}}
	}), map[string]*store{"key": live(secret)})
	if part.Name != "acme-v2" || !part.Authenticates || !part.BindsBody || part.SharedSecret ||
		part.Challenge != `Signature realm="webhook"` || part.TrustedHops != nil {
		t.Errorf("Part = %+v", part)
	}
	if got, want := fmt.Sprint(part.Credentials), "[{x-primary } {x-secondary }]"; got != want {
		t.Errorf("Credentials = %v, want %v", got, want)
	}
	if want := []string{"area", "tenant"}; !slices.Equal(part.Captures, want) {
		t.Errorf("Captures = %q, want %q", part.Captures, want)
	}

	r := post(body, "x-primary", code(t, "capture"))
	r.Captures = []authz.Field{{Name: "tenant", Value: "acme"}, {Name: "area", Value: "eu"}}
	if _, err := part.Check.Verify(t.Context(), r); err != nil {
		t.Errorf("Verify() = %v, want verified", err)
	}
}

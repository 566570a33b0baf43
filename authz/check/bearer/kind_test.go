package bearer_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestBuild(t *testing.T) {
	with := func(change func(*policypb.Jwt)) *policypb.Bearer { return jwt(change) }
	asked := func(change func(*policypb.Introspection)) *policypb.Bearer { return introspection(change) }
	claim := func(name, value string) *policypb.RequiredClaim {
		return &policypb.RequiredClaim{Name: name, Equals: value}
	}
	from := func(issuer string, claims ...*policypb.RequiredClaim) *policypb.Bearer {
		return jwt(func(s *policypb.Jwt) { s.Issuer, s.RequiredClaims = issuer, claims })
	}
	word := func(s string) *string { return &s }
	tests := []struct {
		name string
		s    *policypb.Bearer
		want string // path of the first problem; "-" for none
		code string
	}{
		{name: "jwt", s: jwt(nil), want: "-"},
		{name: "introspection", s: introspection(nil), want: "-"},
		{name: "own", s: clients("acme"), want: "-"},
		{name: "nothing", s: &policypb.Bearer{}, want: ""},
		{name: "two", s: &policypb.Bearer{Jwt: jwt(nil).GetJwt(), Own: clients("acme").GetOwn()}, want: ""},
		{name: "prefix begins with a space", s: &policypb.Bearer{Prefix: word(" x"), Jwt: jwt(nil).GetJwt()}, want: "prefix"},
		{name: "prefix is not ASCII", s: &policypb.Bearer{Prefix: word("é"), Jwt: jwt(nil).GetJwt()}, want: "prefix"},

		{name: "no issuer", s: from(""), want: "jwt.issuer"},
		{name: "blank in the issuer", s: from("https://a b"), want: "jwt.issuer"},
		{name: "pattern", s: from("https://login.microsoftonline.com/{tenantid}/v2.0"), want: "jwt.issuer"},
		{name: "no audience", s: with(func(s *policypb.Jwt) { s.Audiences = nil }), want: "jwt.audiences"},
		{name: "empty audience", s: with(func(s *policypb.Jwt) { s.Audiences = []string{"a", ""} }), want: "jwt.audiences[1]"},
		{name: "no keys", s: with(func(s *policypb.Jwt) { s.Keys = nil }), want: "jwt.keys"},
		{name: "undeclared keys", s: with(func(s *policypb.Jwt) { s.Keys = []string{"keys", "kesy"} }), want: "jwt.keys[1]", code: authz.CodeUndeclaredKeys},
		{name: "keys of another issuer", s: with(func(s *policypb.Jwt) { s.Keys = []string{"discovered"} }), want: "jwt.keys[0]"},
		{name: "keys of the issuer", s: with(func(s *policypb.Jwt) { s.Keys, s.Issuer = []string{"discovered"}, "https://other.example" }), want: "-"},
		{name: "issuer without the scheme", s: with(func(s *policypb.Jwt) { s.Keys, s.Issuer = []string{"discovered"}, "other.example" }), want: "-"},
		{name: "issuer with a slash", s: with(func(s *policypb.Jwt) { s.Keys, s.Issuer = []string{"discovered"}, "https://other.example/" }), want: "jwt.keys[0]"},
		{name: "no algorithms", s: with(func(s *policypb.Jwt) { s.Algorithms = nil }), want: "jwt.algorithms"},
		{name: "shared key", s: with(func(s *policypb.Jwt) { s.Algorithms = []string{"ES256", "HS256"} }), want: "jwt.algorithms[1]"},
		{name: "algorithm none", s: with(func(s *policypb.Jwt) { s.Algorithms = []string{"none"} }), want: "jwt.algorithms[0]"},
		{name: "skew", s: with(func(s *policypb.Jwt) { s.ClockSkew = durationpb.New(10 * time.Minute) }), want: "-"},
		{name: "much skew", s: with(func(s *policypb.Jwt) { s.ClockSkew = durationpb.New(10*time.Minute + 1) }), want: "jwt.clock_skew"},
		{name: "negative skew", s: with(func(s *policypb.Jwt) { s.ClockSkew = durationpb.New(-1) }), want: "jwt.clock_skew"},
		{name: "claim without name", s: from(issuer, claim("", "x")), want: "jwt.required_claims[0].name"},
		{name: "claim without value", s: from(issuer, claim("x", "")), want: "jwt.required_claims[0]"},
		{name: "claim of an empty value", s: from(issuer, &policypb.RequiredClaim{Name: "x", OneOf: []string{"a", ""}}), want: "jwt.required_claims[0].one_of[1]"},
		{name: "claim with both", s: from(issuer, &policypb.RequiredClaim{Name: "x", Equals: "a", OneOf: []string{"b"}}), want: "jwt.required_claims[0]"},
		{name: "claim twice", s: from(issuer, claim("x", "a"), claim("x", "b")), want: "jwt.required_claims[1].name"},
		{name: "claim that is judged anyway", s: from(issuer, claim("aud", "a")), want: "jwt.required_claims[0].name"},

		{name: "Google", s: from("https://accounts.google.com"), want: "jwt.required_claims"},
		{name: "Google without scheme", s: from("accounts.google.com"), want: "jwt.required_claims"},
		{name: "Google, with a slash", s: from("https://accounts.google.com/"), want: "jwt.required_claims"},
		{name: "Google, any other claim", s: from("https://accounts.google.com", claim("email_verified", "true"), claim("azp", "x")), want: "jwt.required_claims"},
		{name: "Google, email", s: from("https://accounts.google.com", claim("email", "a@b.example")), want: "-"},
		{name: "GitHub", s: from("https://token.actions.githubusercontent.com"), want: "jwt.required_claims"},
		{name: "GitHub, who caused it", s: from("https://token.actions.githubusercontent.com", claim("actor", "octocat"), claim("job_workflow_ref", "x")), want: "jwt.required_claims"},
		{name: "GitHub, repository", s: from("https://token.actions.githubusercontent.com", claim("repository", "octo/hello")), want: "-"},
		{name: "GitHub of an enterprise", s: from("https://token.actions.githubusercontent.com/octocat-inc"), want: "-"},
		{name: "GitLab", s: from("https://gitlab.com"), want: "jwt.required_claims"},
		{name: "GitLab, project", s: from("https://gitlab.com", claim("project_path", "a/b")), want: "-"},
		{name: "Terraform", s: from("https://app.terraform.io"), want: "jwt.required_claims"},
		{name: "Buildkite", s: from("https://agent.buildkite.com"), want: "jwt.required_claims"},
		{name: "Buildkite, a name that every organization may have", s: from("https://agent.buildkite.com", claim("pipeline_slug", "deploy")), want: "jwt.required_claims"},
		{name: "Buildkite, organization", s: from("https://agent.buildkite.com", claim("organization_slug", "acme-inc")), want: "-"},
		{name: "Apple", s: from("https://appleid.apple.com"), want: "jwt.required_claims"},
		{name: "Microsoft, any tenant", s: from("https://login.microsoftonline.com/common/v2.0", claim("sub", "x")), want: "jwt.issuer"},
		{name: "Microsoft, organizations", s: from("https://login.microsoftonline.com/organizations/v2.0", claim("sub", "x")), want: "jwt.issuer"},
		{name: "Microsoft, consumers", s: from("https://login.microsoftonline.com/consumers", claim("sub", "x")), want: "jwt.issuer"},
		{name: "Microsoft, personal accounts", s: from("https://login.microsoftonline.com/9188040D-6c67-4c5b-b112-36a304b66dad/v2.0", claim("tid", "x")), want: "jwt.required_claims"},
		{name: "Microsoft, one tenant", s: from("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"), want: "-"},

		{name: "undeclared secret", s: asked(func(s *policypb.Introspection) { s.Secrets = []string{"x"} }), want: "introspection.secrets[0]", code: authz.CodeUndeclaredSecret},
		{name: "no secret", s: asked(func(s *policypb.Introspection) { s.Secrets = nil }), want: "introspection.secrets"},
		{name: "no URL", s: asked(func(s *policypb.Introspection) { s.Url = "idp" }), want: "introspection.url"},
		{name: "no client", s: asked(func(s *policypb.Introspection) { s.ClientId = "" }), want: "introspection.client_id"},
		{name: "any token", s: asked(func(s *policypb.Introspection) { s.Audiences = nil }), want: "introspection"},
		{name: "any active token", s: asked(func(s *policypb.Introspection) {
			s.Audiences, s.RequiredClaims = nil, []*policypb.RequiredClaim{claim("active", "true")}
		}), want: "introspection.required_claims[0].name"},
		{name: "claims in place of audiences", s: asked(func(s *policypb.Introspection) {
			s.Audiences, s.RequiredClaims = nil, []*policypb.RequiredClaim{claim("scope", "hooks"), claim("iss", issuer)}
		}), want: "-"},
		{name: "claims that every token of the server has", s: asked(func(s *policypb.Introspection) {
			s.Audiences, s.RequiredClaims = nil, []*policypb.RequiredClaim{claim("iss", issuer), claim("token_type", "Bearer")}
		}), want: "introspection"},

		{name: "neither clients nor scopes", s: clients(), want: "own"},
		{name: "clients and scopes", s: &policypb.Bearer{Own: &policypb.OwnToken{Clients: []string{"acme"}, Scopes: []string{"orders"}}}, want: "own"},
		{name: "undeclared client", s: clients("acme", "acne"), want: "own.clients[1]", code: bearer.CodeUndeclaredClient},
		{name: "undeclared scope", s: scopes("orders", "order"), want: "own.scopes[1]", code: bearer.CodeUndeclaredScope},
		{name: "scopes", s: scopes("orders", "stock"), want: "-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := asking(&oracle{}, nil)
			e.Own = issuing(nil).Own
			e.Own.Clients["carl"] = []string{"returns"}
			e.Keys = func(name string) (authz.KeyReference, bool) {
				ref := authz.KeyReference{Name: name, Set: set()}
				if name == "discovered" {
					ref.Issuer = "https://other.example"
				}
				return ref, name == "keys" || name == "discovered"
			}
			part, problems := bearer.Kind().Build(tt.s, e)
			switch {
			case tt.want == "-" && (len(problems) > 0 || part.Check == nil):
				t.Errorf("Build() = %v, %v, want no problem", part.Check, problems)
			case tt.want == "-":
			case part.Check != nil || len(problems) == 0 || problems[0].Path != tt.want || tt.code != "" && problems[0].Code != tt.code:
				t.Errorf("Build() = %v, %v, want a problem at %q", part.Check, problems, tt.want)
			}
		})
	}
	e := issuing(nil)
	e.Own.Clients["carl"] = []string{"returns"}
	if _, problems := bearer.Kind().Build(scopes("orders", "returns"), e); len(problems) != 1 || problems[0].Path != "own.scopes" {
		t.Errorf("scopes of two clients: problems = %v", problems)
	}
	e.Own.Keys = nil
	if _, problems := bearer.Kind().Build(clients("acme"), e); len(problems) != 1 || problems[0].Code != "bug" {
		t.Errorf("neither keys nor grants: problems = %v", problems)
	}
	if _, problems := bearer.Kind().Build(introspection(nil), authztest.Env(map[string]authz.Secrets{"client": authztest.Values("x")})); len(problems) != 1 || problems[0].Code != "bug" {
		t.Errorf("nobody to ask: problems = %v", problems)
	}
	e.Own = nil
	if _, problems := bearer.Kind().Build(clients("acme"), e); len(problems) != 1 || problems[0].Path != "own" {
		t.Errorf("no token endpoint: problems = %v", problems)
	}
}

func TestPart(t *testing.T) {
	word := func(s string) *string { return &s }
	tests := []struct {
		settings  *policypb.Bearer
		name      string
		location  string
		challenge string
	}{
		{settings: jwt(nil), name: "jwt", location: "authorization", challenge: `Bearer realm="webhook"`},
		{settings: introspection(nil), name: "introspection", location: "authorization", challenge: `Bearer realm="webhook"`},
		{settings: clients("acme"), name: "own", location: "authorization", challenge: `Bearer realm="webhook"`},
		{settings: &policypb.Bearer{Prefix: word("Token "), Jwt: jwt(nil).GetJwt()}, name: "jwt", location: "authorization", challenge: `Token realm="webhook"`},
		{settings: &policypb.Bearer{Header: "X-Token", Jwt: jwt(nil).GetJwt()}, name: "jwt", location: "x-token", challenge: `Bearer realm="webhook"`},
	}
	for _, tt := range tests {
		e := asking(&oracle{}, nil)
		e.Own, e.Keys = issuing(nil).Own, one().Keys
		part, problems := bearer.Kind().Build(tt.settings, e)
		if len(problems) > 0 || !part.Authenticates || !part.SharedSecret || part.BindsBody || part.Name != tt.name || part.Challenge != tt.challenge {
			t.Errorf("Build() = %+v, %v", part, problems)
		}
		if len(part.Credentials) != 1 || part.Credentials[0] != (authz.Location{Header: tt.location}) {
			t.Errorf("Credentials = %+v, want %s", part.Credentials, tt.location)
		}
	}
}

// A key set that can tell what is wrong with its secrets is asked.
func TestUnfit(t *testing.T) {
	part, problems := bearer.Kind().Build(jwt(nil), env(map[string]authz.KeySet{"keys": unfit{set()}}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	told := ""
	part.Unfit(authztest.Received(), func(secret string, _ error) { told += secret })
	if told != "pem" {
		t.Errorf("Unfit tells %q, want pem", told)
	}
}

type unfit struct{ authz.KeySet }

func (unfit) Unfit(_ time.Time, tell func(string, error)) {
	tell("pem", authz.Deny(authz.ReasonSecretInvalid, ""))
}

// Keys that requests name by a URL are nobody's in particular.
func TestKeysByURL(t *testing.T) {
	_, problems := bearer.Kind().Build(jwt(nil), env(map[string]authz.KeySet{"keys": nil}))
	if len(problems) != 1 || problems[0].Path != "jwt.keys[0]" {
		t.Errorf("problems = %v", problems)
	}
}

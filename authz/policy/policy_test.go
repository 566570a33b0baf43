package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

const goodKey = "a key of sixteen bytes or more"

// fixed is a secret with one version.
type fixed string

func (f fixed) Versions(time.Time) (*authz.Versions, error) {
	return &authz.Versions{Accepted: []authz.Version{{Number: 1, Secret: authz.NewSecret([]byte(f))}}}, nil
}

func compile(t *testing.T, text string) *policy.Table {
	t.Helper()
	file, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, policy.Options{})
	if file == nil {
		t.Fatalf("the policy file has mistakes: %+v", findings)
	}
	return file.Table(policy.Sources{Secret: func(string) authz.Secrets { return fixed(goodKey) }})
}

func TestDecideAdmits(t *testing.T) {
	table := compile(t, declared+`
policies:
  plain: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}
  hosts: {require: {api_key: {header: X-Api-Key, secrets: [key]}}, hosts: [a.test, "*.b.test"]}
  methods: {require: {api_key: {header: X-Api-Key, secrets: [key]}}, methods: [POST, PUT]}
  sized: {require: {api_key: {header: X-Api-Key, secrets: [key]}}, body: {max: 10B}}
  catalogue: {require: {provider: {name: gitlab, secrets: [key]}}}
  choice: {require: {any_of: [{provider: {name: gitlab, secrets: [key]}}, {api_key: {header: X-Api-Key, secrets: [key]}}]}}
`)
	tests := []struct {
		name, policy string
		change       func(*authz.Request)
		want         authz.Reason
	}{
		{name: "allowed", policy: "plain", want: authz.ReasonVerified},
		{name: "a large body is no matter", policy: "plain", change: func(r *authz.Request) { r.Body = authz.Body{Raw: make([]byte, 2<<20), Size: 2 << 20} }, want: authz.ReasonVerified},
		{name: "host", policy: "hosts", change: func(r *authz.Request) { r.Host = "A.test:443" }, want: authz.ReasonVerified},
		{name: "host suffix", policy: "hosts", change: func(r *authz.Request) { r.Host = "x.b.test" }, want: authz.ReasonVerified},
		{name: "other host", policy: "hosts", change: func(r *authz.Request) { r.Host = "c.test" }, want: authz.ReasonPolicyNotAllowed},
		{name: "suffix without a label", policy: "hosts", change: func(r *authz.Request) { r.Host = "b.test" }, want: authz.ReasonPolicyNotAllowed},
		{name: "no host", policy: "hosts", change: func(r *authz.Request) { r.Host = "" }, want: authz.ReasonPolicyNotAllowed},
		{name: "host that is none", policy: "hosts", change: func(r *authz.Request) { r.Host = "a.test,b.test" }, want: authz.ReasonHostAmbiguous},
		{name: "method", policy: "methods", change: func(r *authz.Request) { r.Method = "PUT" }, want: authz.ReasonVerified},
		{name: "other method", policy: "methods", change: func(r *authz.Request) { r.Method = "GET" }, want: authz.ReasonMethodNotAllowed},
		{name: "method override header", policy: "methods", change: func(r *authz.Request) {
			r.Method = "GET"
			r.Header.Fields = append(r.Header.Fields, authz.Field{Name: "x-http-method-override", Value: "POST"})
		}, want: authz.ReasonMethodNotAllowed},
		{name: "catalogue's method", policy: "catalogue", change: func(r *authz.Request) { r.Method = "GET" }, want: authz.ReasonMethodNotAllowed},
		{name: "catalogue's method beside another check", policy: "choice", change: func(r *authz.Request) { r.Method = "GET" }, want: authz.ReasonVerified},
		{name: "at the limit", policy: "sized", change: func(r *authz.Request) { r.Body = authz.Body{Raw: make([]byte, 10), Size: 10} }, want: authz.ReasonVerified},
		{name: "over the limit", policy: "sized", change: func(r *authz.Request) { r.Body = authz.Body{Raw: make([]byte, 11), Size: 11} }, want: authz.ReasonBodyTooLarge},
		{name: "announced over the limit", policy: "sized", change: func(r *authz.Request) {
			r.Header.Fields = append(r.Header.Fields, authz.Field{Name: "content-length", Value: "11"})
		}, want: authz.ReasonBodyTooLarge},
		{name: "cut", policy: "sized", change: func(r *authz.Request) { r.Body = authz.Body{Raw: make([]byte, 5), Delivery: authz.DeliveryCut} }, want: authz.ReasonBodyTruncated},
		{name: "wrong key", policy: "plain", change: func(r *authz.Request) { r.Header.Fields[0].Value = "another key of sixteen bytes" }, want: authz.ReasonAPIKeyInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &authz.Request{
				Received: time.Unix(1_700_000_000, 0), Method: "POST", Host: "a.test", Path: "/", Protocol: "HTTP/1.1",
				Header: authz.Header{Fields: []authz.Field{{Name: "x-api-key", Value: goodKey}}},
			}
			if tt.change != nil {
				tt.change(r)
			}
			got := table.Named(tt.policy).Decide(t.Context(), r, nil)
			if got.Reason() != tt.want || got.Allowed() != (tt.want == authz.ReasonVerified) {
				t.Errorf("Decide() = %v (%s), want %v", got.Reason(), got.Detail(), tt.want)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	table := compile(t, declared+`
policies:
  plain: {require: {any_of: [{api_key: {header: X-Api-Key, secrets: [key]}}, {basic: {secrets: [key]}}]}}
  stated:
    require: {provider: {name: begini, secrets: [key]}}
    answers:
      invalid: {status: 422, headers: {X-Why: "no"}, body: "no\n"}
      too_large: {body: ""}
      limited: {status: 503, headers: {Retry-After: "60"}}
`)
	show := func(a *policy.Answer) string {
		return fmt.Sprintf("%d %v %q %v", a.Status, a.Headers, a.Body, a.HasBody)
	}
	const challenge = `[{www-authenticate ApiKey realm="webhook", Basic realm="webhook", charset="UTF-8"}]`
	tests := []struct {
		policy string
		class  authz.Class
		want   string
	}{
		{"plain", authz.ClassMissing, `401 ` + challenge + ` "" false`},
		{"plain", authz.ClassMalformed, `401 ` + challenge + ` "" false`},
		{"plain", authz.ClassInvalid, `401 ` + challenge + ` "" false`},
		{"plain", authz.ClassStale, `401 ` + challenge + ` "" false`},
		{"plain", authz.ClassForbidden, `403 [] "" false`},
		{"plain", authz.ClassNoPolicy, `403 [] "" false`},
		{"plain", authz.ClassAmbiguous, `400 [] "" false`},
		{"plain", authz.ClassTooLarge, `413 [] "" false`},
		{"plain", authz.ClassNotConfigured, `500 [] "" false`},
		{"plain", authz.ClassInternal, `500 [] "" false`},
		{"plain", authz.ClassUnavailable, `503 [{retry-after 5}] "" false`},
		{"plain", authz.ClassLimited, `429 [{retry-after 5}] "" false`},
		{"stated", authz.ClassLimited, `503 [{retry-after 60}] "" false`},
		{"plain", authz.Class(200), `500 [] "" false`},
		{"stated", authz.ClassMissing, `403 [] "" false`},
		{"stated", authz.ClassInvalid, `422 [{x-why no} {content-type text/plain; charset=utf-8}] "no\n" true`},
		{"stated", authz.ClassTooLarge, `413 [{content-type text/plain; charset=utf-8}] "" true`},
		{"stated", authz.ClassStale, `401 [{www-authenticate Signature realm="webhook"}] "" false`},
	}
	for _, tt := range tests {
		if got := show(table.Named(tt.policy).Answer(tt.class)); got != tt.want {
			t.Errorf("policy %s, class %s: got %s, want %s", tt.policy, tt.class, got, tt.want)
		}
	}
	var none *policy.Table
	for _, class := range authz.Classes() {
		if got, want := show(none.DefaultAnswer(class)), show(table.DefaultAnswer(class)); got != want {
			t.Errorf("class %s: a nil table answers %s, want %s", class, got, want)
		}
	}
}

func TestUpstream(t *testing.T) {
	table := compile(t, declared+`
policies:
  key: {require: {api_key: {header: X-Api-Key, secrets: [key]}}}
  query: {require: {api_key: {query: token, secrets: [key]}}}
  kept: {require: {api_key: {header: X-Api-Key, secrets: [key]}}, upstream: {remove_credentials: false}}
  signed: {require: {provider: {name: github, secrets: [key]}}}
  stripped: {require: {provider: {name: github, secrets: [key]}}, upstream: {remove_credentials: true}}
  sets: {require: {api_key: {header: X-Api-Key, secrets: [key]}}, upstream: {headers: {X-Sender: "{principal}", X-Api-Key: "seen"}}}
  other: {require: {api_key: {header: X-Api-Key, secrets: [key]}}, upstream: {headers: {X-Team: "{header:X-Team-In}"}}}
`)
	if got, want := table.Reserved(), []string{"x-api-key", "x-sender", "x-team"}; !slices.Equal(got, want) {
		t.Fatalf("Reserved() = %q, want %q", got, want)
	}
	tests := []struct{ policy, headers, query, set string }{
		{policy: "key", headers: "x-api-key x-sender x-team"},
		{policy: "query", headers: "x-api-key x-sender x-team", query: "token"},
		{policy: "kept", headers: "x-api-key x-sender x-team"}, // reserved by another policy
		{policy: "signed", headers: "x-api-key x-sender x-team"},
		{policy: "stripped", headers: "x-api-key x-hub-signature-256 x-sender x-team"},
		{policy: "sets", headers: "x-team", set: "[{x-api-key seen} {x-sender key}]"},
		{policy: "other", headers: "x-api-key x-sender", set: "[{x-team blue}]"},
	}
	for _, tt := range tests {
		t.Run(tt.policy, func(t *testing.T) {
			p := table.Named(tt.policy)
			if got := strings.Join(p.RemoveHeaders(), " "); got != tt.headers {
				t.Errorf("RemoveHeaders() = %q, want %q", got, tt.headers)
			}
			if got := strings.Join(p.RemoveQuery(), " "); got != tt.query {
				t.Errorf("RemoveQuery() = %q, want %q", got, tt.query)
			}
			r := &authz.Request{Method: "POST", Path: "/?token=" + strings.ReplaceAll(goodKey, " ", "%20"), Header: authz.Header{Fields: []authz.Field{{Name: "x-api-key", Value: goodKey}, {Name: "x-team-in", Value: "blue"}}}}
			d := p.Decide(t.Context(), r, nil)
			if !d.Allowed() {
				return
			}
			got, err := p.AppendHeaders(nil, d, r)
			if err != nil || tt.set != "" && fmt.Sprint(got) != tt.set {
				t.Errorf("AppendHeaders() = %v, %v, want %s", got, err, tt.set)
			}
		})
	}
}

// A header that can't be set must deny: the upstream relies on it.
func TestUpstreamPartMissing(t *testing.T) {
	table := compile(t, declared+`
policies:
  p: {require: {api_key: {header: X-Api-Key, secrets: [key]}}, upstream: {headers: {X-Team: "{header:X-Team-In}"}}}
`)
	for _, value := range []string{"", "new\r\nline", "\xff"} {
		r := &authz.Request{Header: authz.Header{Fields: []authz.Field{{Name: "x-api-key", Value: goodKey}, {Name: "x-team-in", Value: value}}}}
		d := table.Named("p").Decide(t.Context(), r, nil)
		if !d.Allowed() {
			t.Fatalf("Decide() = %v, want an allow", d.Reason())
		}
		if got, err := table.Named("p").AppendHeaders(nil, d, r); err == nil {
			t.Errorf("AppendHeaders() with %q = %v, want an error", value, got)
		}
	}
}

func TestLargestBody(t *testing.T) {
	tests := []struct {
		text string
		want int64
	}{
		{text: "", want: 1 << 20},
		{text: "gateway: {max_request_bytes: 4MiB}\n", want: 4 << 20},
		{text: "gateway: {max_request_bytes: 4KiB}\n", want: 1 << 20},
	}
	for _, tt := range tests {
		if got := compile(t, tt.text+somePolicies("a")).LargestBody(); got != tt.want {
			t.Errorf("LargestBody() with %q = %d, want %d", tt.text, got, tt.want)
		}
	}
}

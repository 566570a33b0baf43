package extauthz_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/extauthz"
)

// watched is a table with each policy twice: once enforced, once watching.
const watched = `
gateway: {body: raw-full, max_request_bytes: 1MiB}
secrets:
  github: {env: {name: GITHUB}}
  key: {env: {name: KEY}}
  gone: {env: {name: GONE}}
  down: {env: {name: DOWN}}
  panics: {env: {name: PANICS}}
  slow: {env: {name: SLOW}}
policies:
  enforced:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    upstream: {headers: {X-Sender: "{principal}"}}
  key:
    mode: monitor
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    upstream: {headers: {X-Principal: "{principal}", X-From: "{header:X-Nothing}"}}
    methods: [POST]
  query: {mode: monitor, require: {api_key: {query: token, secrets: [key]}}}
  github: {mode: monitor, require: {provider: {name: github, secrets: [github]}}}
  gone: {mode: monitor, require: {api_key: {header: X-Api-Key, secrets: [gone]}}}
  down: {mode: monitor, require: {api_key: {header: X-Api-Key, secrets: [down]}}}
  panics: {mode: monitor, require: {api_key: {header: X-Api-Key, secrets: [panics]}}}
  slow: {mode: monitor, require: {api_key: {header: X-Api-Key, secrets: [slow]}}}
  hosts:
    mode: monitor
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    hosts: [other.example.com]
`

func watchingLab(tb testing.TB, change func(*extauthzConfig)) *lab {
	tb.Helper()
	table := tableOf(tb, watched)
	return newLab(tb, func(c *extauthzConfig) {
		c.Tables = func() *policy.Table { return table }
		if change != nil {
			change(c)
		}
	})
}

// Whatever a policy that only watches says, the request passes as it came, but
// for the headers that tell the upstream who was verified.
func TestMonitorLetsThrough(t *testing.T) {
	l := watchingLab(t, nil)
	method := func(r *authpb.CheckRequest, method string) *authpb.CheckRequest {
		r.Attributes.Request.Http.Method = method
		return r
	}
	query := request("query", "")
	query.Attributes.Request.Http.Path = "/hooks?token=" + apiKey
	tests := []struct {
		name      string
		request   *authpb.CheckRequest
		reason    string
		class     string
		principal string
	}{
		{name: "verified", request: keyed("key"), reason: "verified", principal: "key"},
		{name: "verified by query", request: query, reason: "verified", principal: "key"},
		{name: "verified by signature", request: signed("abc"), reason: "verified", principal: "github"},
		{name: "no credential", request: request("key", ""), reason: "credential_missing", class: "missing"},
		{name: "wrong credential", request: request("key", "", "x-api-key", "wrong"), reason: "api_key_invalid", class: "invalid"},
		{name: "credential twice", request: keyed("key", "x-api-key", apiKey), reason: "duplicate_header", class: "malformed"},
		{name: "wrong signature", request: request("github", "abc", "x-hub-signature-256", "sha256="+sign("other")), reason: "signature_mismatch", class: "invalid"},
		{name: "method", request: method(keyed("key"), "PUT"), reason: "method_not_allowed", class: "forbidden"},
		{name: "body over the limit", request: signed(strings.Repeat("x", 1<<20+1)), reason: "body_too_large", class: "too_large"},
		{name: "secret gone", request: keyed("gone"), reason: "secret_missing", class: "not_configured"},
		{name: "store down", request: keyed("down"), reason: "secret_unavailable", class: "unavailable"},
		{name: "panic in a check", request: keyed("panics"), reason: "bug", class: "internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response := l.check(t, tt.request)
			ok := response.GetOkResponse()
			if ok == nil {
				t.Fatalf("denied: %v", response)
			}
			if len(ok.GetHeaders()) > 0 || len(ok.GetQueryParametersToRemove()) > 0 || len(ok.GetResponseHeadersToAdd()) > 0 {
				t.Errorf("changes the request: %v", ok)
			}
			removed := slices.Sorted(slices.Values(ok.GetHeadersToRemove()))
			if want := []string{"x-envoy-auth-partial-body", "x-from", "x-hookauthz-decision-id", "x-principal", "x-sender"}; !slices.Equal(removed, want) {
				t.Errorf("headers_to_remove = %q, want %q", removed, want)
			}
			decision, version := "deny", ""
			if tt.reason == "verified" {
				decision, version = "allow", "current"
			}
			for name, want := range map[string]string{
				"mode": "monitor", "decision": decision, "reason": tt.reason, "class": tt.class,
				"principal": tt.principal, "secret_version": version, "policy": l.last(t).Policy,
			} {
				same(t, name, metadatum(response, name), want)
			}
		})
	}
	if log := l.log.String(); strings.Contains(log, apiKey) {
		t.Errorf("the log holds the value of a panic: %s", log)
	}
}

// What happens before a policy judges, or beside it, denies in either mode.
func TestMonitorNeverCoversOthers(t *testing.T) {
	unready := func(c *extauthzConfig) { c.Ready = func() bool { return false } }
	full := func(c *extauthzConfig) { c.MaxInflightBytes = 1 }
	change := func(f func(*authpb.AttributeContext)) *authpb.CheckRequest {
		r := keyed("key")
		f(r.GetAttributes())
		return r
	}
	tests := []struct {
		name    string
		config  func(*extauthzConfig)
		request *authpb.CheckRequest
		raw     []byte // in place of request
		left    time.Duration
		reason  string
		status  int
	}{
		{name: "a host that the policy is not for", request: keyed("hosts"), reason: "policy_not_allowed", status: 403},
		{name: "an enforced policy", request: request("enforced", ""), reason: "credential_missing", status: 401},
		{name: "unknown policy", request: keyed("nobody"), reason: "policy_not_found", status: 500},
		{name: "no route", request: keyed(""), reason: "route_not_found", status: 403},
		{name: "undecodable", raw: []byte{0xff}, reason: "bug", status: 500},
		{name: "empty message", request: &authpb.CheckRequest{}, reason: "bug", status: 500},
		{name: "not ready", config: unready, request: keyed("key"), reason: "not_ready", status: 503},
		{name: "overloaded", config: full, request: keyed("key"), reason: "overloaded", status: 503},
		{name: "too little time", request: keyed("key"), left: time.Millisecond, reason: "deadline", status: 503},
		{name: "no path", request: change(func(a *authpb.AttributeContext) { a.Request.Http.Path = "" }), reason: "path_ambiguous", status: 400},
		{name: "no method", request: change(func(a *authpb.AttributeContext) { a.Request.Http.Method = "" }), reason: "shape_ambiguous", status: 400},
		{name: "header with a line break", request: keyed("key", "x-a", "b\nc"), reason: "shape_ambiguous", status: 400},
		{name: "statement of the gateway that is not understood", request: change(func(a *authpb.AttributeContext) {
			a.ContextExtensions["hookauthz.body"] = "?"
		}), reason: "gateway_not_attested", status: 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := watchingLab(t, tt.config)
			ctx := t.Context()
			if tt.left > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.left)
				defer cancel()
			}
			message := tt.raw
			if message == nil {
				var err error
				if message, err = proto.Marshal(tt.request); err != nil {
					t.Fatal(err)
				}
			}
			if message == nil {
				message = []byte{}
			}
			response := l.raw(ctx, t, message)
			same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), tt.status)
			same(t, "reason", metadatum(response, "reason"), tt.reason)
			same(t, "mode", metadatum(response, "mode"), "enforce")
		})
	}
}

// Once the policy was asked, running out of time is its verdict like another.
func TestMonitorDeadlineInPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := watchingLab(t, func(c *extauthzConfig) { c.Budget = slowness / 2 })
		response := l.check(t, keyed("slow"))
		same(t, "reason", metadatum(response, "reason"), "deadline")
		if response.GetOkResponse() == nil {
			t.Error("denied")
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(slowness/4, cancel)
		response = l.checkWith(ctx, t, keyed("slow"))
		same(t, "reason after a cancel", metadatum(response, "reason"), "deadline")
		same(t, "mode after a cancel", metadatum(response, "mode"), "monitor")
	})
}

func TestMonitorPanicOutsideChecks(t *testing.T) {
	l := newLab(t, func(c *extauthzConfig) { c.Tables = func() *policy.Table { panic(inPanic) } })
	response := l.check(t, keyed("key"))
	same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 500)
	same(t, "mode", metadatum(response, "mode"), "enforce")
}

// Only a policy that says so itself lets its denials pass.
func TestMonitorWantsTheModeOfThePolicy(t *testing.T) {
	table := tableOf(t, watched)
	enforced, watches := table.Named("enforced"), table.Named("key")
	denied := authz.Denied(authz.ReasonAPIKeyInvalid, "")
	tests := []struct {
		name     string
		decision authz.Decision
		table    *policy.Table
		by       *policy.Policy
		ok       bool
	}{
		{name: "a denial of a policy that watches", decision: authz.Monitored(denied), table: table, by: watches, ok: true},
		{name: "the zero decision of one", decision: authz.Monitored(authz.Decision{}), table: table, by: watches, ok: true},
		{name: "a denial that is not monitored", decision: denied, table: table, by: watches},
		{name: "the zero decision", table: table, by: watches},
		{name: "of an enforced policy", decision: authz.Monitored(denied), table: table, by: enforced},
		{name: "an allow of an enforced policy", decision: authz.Monitored(proof(t, enforced)), table: table, by: enforced},
		{name: "without a policy", decision: authz.Monitored(denied), table: table},
		{name: "without a table", decision: authz.Monitored(denied), by: watches},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := extauthz.AppendAllow(tt.decision, tt.table, tt.by)
			same(t, "AppendAllow gives a response", err == nil, tt.ok)
			raw, status, after := extauthz.Respond(tt.decision, tt.table, tt.by, nil)
			var response authpb.CheckResponse
			if err := proto.Unmarshal(raw, &response); err != nil {
				t.Fatal(err)
			}
			obeys(t, &response)
			same(t, "passes", response.GetOkResponse() != nil, tt.ok)
			same(t, "decision passes", after.Passes(), tt.ok)
			if tt.decision.IsMonitored() && !tt.ok {
				same(t, "status", status, 500)
				same(t, "reason", after.Reason().String(), "guard_tripped")
				same(t, "monitored", after.IsMonitored(), false)
			}
		})
	}
}

// Headers for the upstream are for requests that were verified and enforced.
func TestMonitorSetsNothing(t *testing.T) {
	table := tableOf(t, watched)
	by := table.Named("key")
	forged := []authz.Field{{Name: "x-principal", Value: "me"}, {Name: "X\n", Value: ""}}
	raw, status, _ := extauthz.Respond(authz.Monitored(authz.Denied(authz.ReasonAPIKeyInvalid, "")), table, by, forged)
	var response authpb.CheckResponse
	if err := proto.Unmarshal(raw, &response); err != nil {
		t.Fatal(err)
	}
	same(t, "status", status, 200)
	if len(response.GetOkResponse().GetHeaders()) > 0 || !slices.Contains(response.GetOkResponse().GetHeadersToRemove(), "x-principal") {
		t.Errorf("response = %v", &response)
	}
}

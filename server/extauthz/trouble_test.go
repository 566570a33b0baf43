package extauthz_test

import (
	"slices"
	"strings"
	"testing"

	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/extauthz"
	"github.com/hookauthz/hookauthz/server/observe"
)

const inPanic = "request data in a panic"

type panickingRecorder struct{ calls int }

func (r *panickingRecorder) Record(*observe.Event) {
	r.calls++
	panic(inPanic)
}

func TestPanicOutsideChecks(t *testing.T) {
	recorder := &panickingRecorder{}
	tests := []struct {
		name   string
		change func(*extauthzConfig)
		events int
	}{
		{name: "tables", change: func(c *extauthzConfig) { c.Tables = func() *policy.Table { panic(inPanic) } }, events: 1},
		{name: "ready", change: func(c *extauthzConfig) { c.Ready = func() bool { panic(inPanic) } }, events: 1},
		{name: "recorder", change: func(c *extauthzConfig) { c.Recorder = recorder }},
		{name: "tables and recorder", change: func(c *extauthzConfig) {
			c.Recorder = recorder
			c.Tables = func() *policy.Table { panic(inPanic) }
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, tt.change)
			recorder.calls = 0
			for range 2 {
				message, err := proto.Marshal(keyed("key", "x-secret", inPanic))
				if err != nil {
					t.Fatal(err)
				}
				s := &stream{ctx: t.Context(), request: message}
				if err := extauthz.Serve(l.server, s); err != nil {
					t.Fatalf("a gRPC error: %v", err)
				}
				var response authpb.CheckResponse
				if err := proto.Unmarshal(s.reply, &response); err != nil {
					t.Fatal(err)
				}
				obeys(t, &response)
				same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 500)
				same(t, "reason", metadatum(&response, "reason"), "bug")
				if !strings.Contains(l.log.String(), metadatum(&response, "decision_id")) {
					t.Error("the log doesn't name the decision")
				}
			}
			same(t, "bytes in flight", l.server.InflightBytes(), int64(0))
			same(t, "events", l.count(), 2*tt.events)
			if recorder.calls > 2 {
				t.Errorf("the recorder was called %d times for 2 calls", recorder.calls)
			}
			if strings.Contains(l.log.String(), inPanic) {
				t.Errorf("the log holds what was panicked with: %s", l.log)
			}
		})
	}
}

// Whatever the cause, the sender sees the same bytes for one status of one
// policy, but for the decision's id.
func TestDenialsTellNothing(t *testing.T) {
	l := newLab(t, nil)
	seen := map[string]map[string]string{} // by policy and status: the answer and a request that got it
	try := func(name, policy string, r *authpb.CheckRequest) {
		t.Helper()
		response := l.check(t, r)
		answer := response.GetDeniedResponse()
		if answer == nil {
			t.Fatalf("%s: allowed", name)
		}
		// What the sender gets: everything but what stays in the gateway.
		text := strings.ReplaceAll(answer.String(), metadatum(response, "decision_id"), "ID")
		key := policy + " " + answer.GetStatus().String()
		if seen[key] == nil {
			seen[key] = map[string]string{}
		}
		seen[key][text] = name
		if len(seen[key]) > 1 {
			t.Errorf("%s: answers differ: %v", key, seen[key])
		}
		if policy != "" && strings.Contains(answer.GetBody(), policy) {
			t.Errorf("%s: the answer names the policy: %s", name, answer.GetBody())
		}
	}
	body := "abc"
	try("missing", "github", request("github", body))
	try("wrong", "github", request("github", body, "x-hub-signature-256", "sha256="+sign("other")))
	try("malformed", "github", request("github", body, "x-hub-signature-256", "sha256=zz"))
	try("short", "github", request("github", body, "x-hub-signature-256", "sha256=00"))
	try("twice", "github", request("github", body, "x-hub-signature-256", "sha256="+sign(body), "x-hub-signature-256", "sha256="+sign(body)))
	try("no body", "github", request("github", "", "content-length", "0", "x-hub-signature-256", "sha256="+sign("")))
	for _, key := range []string{"", "a", apiKey[:len(apiKey)-1], apiKey + "x", strings.ToUpper(apiKey)} {
		try("key "+key, "key", request("key", "", "x-api-key", key))
	}
	try("key missing", "key", request("key", ""))
	try("key twice", "key", keyed("key", "x-api-key", apiKey))
	try("no user", "basic", request("basic", "", "authorization", "Basic Ym9iOnBhc3N3b3Jk"))
	try("wrong password", "basic", request("basic", "", "authorization", "Basic YW5uOnBhc3N3b3Jk"))
	try("malformed user", "basic", request("basic", "", "authorization", "Basic !"))
	try("no credentials", "basic", request("basic", ""))
	try("unknown policy", "", request("nobody", ""))
	try("not described", "", &authpb.CheckRequest{})
	if len(seen) < 4 {
		t.Errorf("saw %d kinds of answers", len(seen))
	}
	challenge := value(l.check(t, request("basic", "")).GetDeniedResponse().GetHeaders(), "www-authenticate")
	if !strings.HasPrefix(challenge, "Basic ") {
		t.Errorf("www-authenticate = %q", challenge)
	}
}

func TestOwnAnswers(t *testing.T) {
	l := newLab(t, nil)
	response := l.check(t, request("own-answers", ""))
	answer := response.GetDeniedResponse()
	same(t, "status", int(answer.GetStatus().GetCode()), 404)
	same(t, "code", int(response.GetStatus().GetCode()), 16)
	same(t, "body", answer.GetBody(), "nothing here")
	same(t, "x-why", value(answer.GetHeaders(), "x-why"), "because")
	same(t, "content-type", value(answer.GetHeaders(), "content-type"), "text/plain; charset=utf-8")

	response = l.check(t, request("own-answers", "", "x-api-key", "wrong"))
	same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 424)
	if !strings.Contains(response.GetDeniedResponse().GetBody(), `"error":"denied"`) {
		t.Errorf("body = %q", response.GetDeniedResponse().GetBody())
	}
}

// A response without a proof, and every class, denies.
func TestDenialsWithoutPolicy(t *testing.T) {
	decisions := []authz.Decision{{}, authz.Denied(authz.ReasonVerified, "")}
	for _, reason := range authz.Reasons() {
		decisions = append(decisions, authz.Denied(reason, ""))
	}
	for _, decision := range decisions {
		raw, status := extauthz.AppendDenied(decision, "d-00000000000000000000")
		var response authpb.CheckResponse
		if err := proto.Unmarshal(raw, &response); err != nil {
			t.Fatal(err)
		}
		obeys(t, &response)
		if response.GetDeniedResponse() == nil || status < 400 {
			t.Errorf("%v: not denied: %v", decision.Reason(), &response)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := extauthz.Config{Tables: noTable, Recorder: &recorder{}}
	if _, err := extauthz.New(good); err != nil {
		t.Errorf("New: %v", err)
	}
	for name, change := range map[string]func(*extauthzConfig){
		"no tables":       func(c *extauthzConfig) { c.Tables = nil },
		"no recorder":     func(c *extauthzConfig) { c.Recorder = nil },
		"negative budget": func(c *extauthzConfig) { c.Budget = -1 },
		"negative bytes":  func(c *extauthzConfig) { c.MaxInflightBytes = -1 },
	} {
		config := good
		change(&config)
		if _, err := extauthz.New(config); err == nil {
			t.Errorf("%s: New gave no error", name)
		}
	}
}

func TestIDs(t *testing.T) {
	next, other := extauthz.NewIDs(), extauthz.NewIDs()
	seen := map[string]bool{}
	for range 10_000 {
		for _, id := range []string{next(), other()} {
			if len(id) != 22 || !strings.HasPrefix(id, "d-") || strings.Trim(id[2:], "0123456789abcdefghjkmnpqrstvwxyz") != "" {
				t.Fatalf("id = %q", id)
			}
			if seen[id] {
				t.Fatalf("id %q came twice", id)
			}
			seen[id] = true
		}
	}
}

// proof returns a decision that allows.
func proof(t *testing.T, by *policy.Policy) authz.Decision {
	t.Helper()
	r := authztest.Request("POST", "/hooks", "", "X-Api-Key", apiKey)
	decision := by.Decide(t.Context(), r, nil)
	if !decision.Allowed() {
		t.Fatalf("denied: %v", decision.Reason())
	}
	return decision
}

func TestAllowWantsProof(t *testing.T) {
	table := testTable(t)
	by := table.Named("key")
	good := proof(t, by)
	if _, err := extauthz.AppendAllow(good, table, by); err != nil {
		t.Errorf("AppendAllow with a proof: %v", err)
	}
	if raw, err := extauthz.AppendAllow(good, table, nil); err == nil {
		t.Errorf("AppendAllow without a policy = %x", raw)
	}
	if raw, err := extauthz.AppendAllow(good, nil, by); err == nil {
		t.Errorf("AppendAllow without a table = %x", raw)
	}
	for _, decision := range []authz.Decision{{}, authz.Denied(authz.ReasonVerified, ""), authz.Denied(authz.ReasonBug, "")} {
		if raw, err := extauthz.AppendAllow(decision, table, by); err == nil {
			t.Errorf("AppendAllow without a proof = %x", raw)
		}
	}
}

// What can't be sent safely is denied, and the denial is what is recorded.
func TestUnfitHeadersDeny(t *testing.T) {
	table := testTable(t)
	by := table.Named("key")
	field := func(name, value string) []authz.Field { return []authz.Field{{Name: name, Value: value}} }
	tests := []struct {
		name    string
		headers []authz.Field
		ok      bool
	}{
		{name: "plain", headers: field("x-a", "b c~"), ok: true},
		{name: "none", ok: true},
		{name: "empty value", headers: field("x-a", "")},
		{name: "line feed", headers: field("x-a", "b\nc")},
		{name: "NUL", headers: field("x-a", "b\x00")},
		{name: "tab", headers: field("x-a", "b\tc")},
		{name: "not ASCII", headers: field("x-a", "é")},
		{name: "not UTF-8", headers: field("x-a", "\xff")},
		{name: "long value", headers: field("x-a", strings.Repeat("b", 8<<10+1))},
		{name: "upper case", headers: field("X-A", "b")},
		{name: "pseudo header", headers: field(":path", "/")},
		{name: "no name", headers: field("", "b")},
		{name: "many", headers: slices.Repeat(field("x-a", "b"), 65)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, status, decision := extauthz.Respond(proof(t, by), table, by, tt.headers)
			var response authpb.CheckResponse
			if err := proto.Unmarshal(raw, &response); err != nil {
				t.Fatal(err)
			}
			obeys(t, &response)
			same(t, "allowed", response.GetOkResponse() != nil, tt.ok)
			same(t, "decision allows", decision.Allowed(), tt.ok)
			if !tt.ok {
				same(t, "status", status, 500)
				same(t, "reason", decision.Reason().String(), "guard_tripped")
			}
		})
	}
}

func TestUnfitAnswers(t *testing.T) {
	field := func(name, value string) []authz.Field { return []authz.Field{{Name: name, Value: value}} }
	good := policy.Answer{Status: 401}
	if _, err := extauthz.AppendDeny(&good); err != nil {
		t.Errorf("AppendDeny: %v", err)
	}
	for name, answer := range map[string]policy.Answer{
		"no status":    {},
		"allows":       {Status: 200},
		"odd status":   {Status: 600},
		"gone":         {Status: 410},
		"header":       {Status: 401, Headers: field("x-a", "\r\n")},
		"many headers": {Status: 401, Headers: slices.Repeat(field("x-a", "b"), 65)},
		"long body":    {Status: 401, HasBody: true, Body: strings.Repeat("x", 64<<10+1)},
		"odd body":     {Status: 401, HasBody: true, Body: "\xff"},
	} {
		if raw, err := extauthz.AppendDeny(&answer); err == nil {
			t.Errorf("%s: AppendDeny = %x, want an error", name, raw)
		}
	}
}

package policy_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// A store that answers as it is told and keeps the claims.
type store struct {
	result authz.ClaimResult
	err    error
	claims []authz.Claim
	after  func()
}

func (s *store) Claim(_ context.Context, c *authz.Claim) (authz.ClaimResult, error) {
	s.claims = append(s.claims, *c)
	if s.after != nil {
		s.after()
	}
	return s.result, s.err
}

const macSettings = `credential: {header: X-Signature}, algorithm: hmac-sha256, encoding: hex, message: "{timestamp}.{body}", ` +
	`timestamp: {value: "{header:X-Timestamp}", unit: seconds, tolerance: 120s, future_tolerance: 30s}, secrets: [s]`

const once = `secrets: {s: {env: {name: S}}}
policies:
  once:
    require: {mac: {` + macSettings + `}}
    replay: {store: redis, delivery_id: "{header:X-Delivery}"}
    upstream: {headers: {X-Team: "{header:X-Team-In}"}}
  best-effort:
    require: {mac: {` + macSettings + `}}
    replay: {store: redis, on_unavailable: allow}
  for-a-day:
    require: {mac: {credential: {header: X-Signature}, algorithm: hmac-sha256, encoding: hex, message: "{body}", secrets: [s]}}
    replay: {store: memory, ttl: 24h}
`

// compileReplay compiles text with these stores.
func compileReplay(t *testing.T, text string, stores map[string]authz.ReplayStore) *policy.Table {
	t.Helper()
	file, findings := policy.Read([]document.File{{Name: "policy.yaml", Data: []byte(text)}}, policy.Options{})
	if file == nil {
		t.Fatalf("mistakes: %v", findings)
	}
	return file.Table(policy.Sources{
		Secret: func(string) authz.Secrets { return fixed(goodKey) },
		Replay: func(name string) authz.ReplayStore { return stores[name] },
	})
}

func signedRequest(extra ...string) *authz.Request {
	const body = `{"id":1}`
	when := strconv.FormatInt(authztest.Received().Unix(), 10)
	sum := func(message string) string {
		state := hmac.New(sha256.New, []byte(goodKey))
		state.Write([]byte(message))
		return hex.EncodeToString(state.Sum(nil))
	}
	signature := sum(when + "." + body)
	if len(extra) > 0 && extra[0] == "undated" {
		signature, extra = sum(body), extra[1:]
	}
	r := authztest.Request("POST", "/", body, append([]string{"X-Signature", signature, "X-Timestamp", when, "X-Delivery", "d-1", "X-Team-In", "blue"}, extra...)...)
	r.Stream = "stream"
	return r
}

// What becomes of a claim decides, and is told.
func TestReplay(t *testing.T) {
	replayed := authz.Deny(authz.ReasonReplayed, "here before")
	away := authz.Deny(authz.ReasonReplayStoreUnavailable, "away")
	tests := []struct {
		name          string
		policy        string
		redis, memory store
		want          authz.Reason
		told          string
		asked         int // of the memory
	}{
		{name: "first", policy: "once", redis: store{result: authz.ClaimNew}, want: authz.ReasonVerified, told: "new"},
		{name: "the gateway again", policy: "once", redis: store{result: authz.ClaimRepeated}, want: authz.ReasonVerified, told: "repeat"},
		{name: "replayed", policy: "once", redis: store{err: replayed}, want: authz.ReasonReplayed, told: "replayed"},
		{name: "away", policy: "once", redis: store{err: away}, want: authz.ReasonReplayStoreUnavailable, told: "unavailable"},
		{name: "a grant with an error", policy: "once", redis: store{result: authz.ClaimNew, err: replayed}, want: authz.ReasonReplayed, told: "replayed"},
		{name: "neither grant nor error", policy: "once", want: authz.ReasonBug, told: "new"},
		{name: "an error without a reason", policy: "once", redis: store{err: context.Canceled}, want: authz.ReasonBug, told: "unavailable"},
		{
			name: "best effort, first", policy: "best-effort", redis: store{result: authz.ClaimNew}, memory: store{result: authz.ClaimNew},
			want: authz.ReasonVerified, told: "new", asked: 1,
		},
		{
			name: "best effort, away", policy: "best-effort", redis: store{err: away}, memory: store{result: authz.ClaimNew},
			want: authz.ReasonVerified, told: "local", asked: 1,
		},
		{
			name: "best effort, away, here before", policy: "best-effort", redis: store{err: away}, memory: store{err: replayed},
			want: authz.ReasonReplayed, told: "replayed", asked: 1,
		},
		{
			name: "best effort, both away", policy: "best-effort", redis: store{err: away}, memory: store{err: away},
			want: authz.ReasonReplayStoreUnavailable, told: "unavailable", asked: 1,
		},
		{
			name: "best effort, away, no grant", policy: "best-effort", redis: store{err: away},
			want: authz.ReasonBug, told: "local", asked: 1,
		},
		{name: "best effort, replayed", policy: "best-effort", redis: store{err: replayed}, memory: store{result: authz.ClaimNew}, want: authz.ReasonReplayed, told: "replayed"},
		{
			name: "best effort, passed here while Redis was away", policy: "best-effort", redis: store{result: authz.ClaimNew}, memory: store{err: replayed},
			want: authz.ReasonReplayed, told: "replayed", asked: 1,
		},
		{
			name: "best effort, the memory full", policy: "best-effort", redis: store{result: authz.ClaimNew}, memory: store{err: away},
			want: authz.ReasonVerified, told: "new", asked: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := compileReplay(t, once, map[string]authz.ReplayStore{"redis": &tt.redis, "memory": &tt.memory}).Named(tt.policy)
			var trace authz.Trace
			if d := p.Decide(t.Context(), signedRequest(), &trace); d.Reason() != tt.want || d.Allowed() != (tt.want == authz.ReasonVerified) {
				t.Errorf("Decide() = %v %q, want %v", d.Reason(), d.Detail(), tt.want)
			}
			if trace.Replay != tt.told || len(tt.redis.claims) != 1 || len(tt.memory.claims) != tt.asked {
				t.Errorf("told %q, %d and %d claims; want %q, 1 and %d", trace.Replay, len(tt.redis.claims), len(tt.memory.claims), tt.told, tt.asked)
			}
			if tt.policy == "once" && trace.Delivery != "d-1" {
				t.Errorf("delivery = %q, want d-1", trace.Delivery)
			}
		})
	}
}

// A claim holds what was signed, for as long as it would pass again.
func TestClaims(t *testing.T) {
	var redis, memory store
	redis.result, memory.result = authz.ClaimNew, authz.ClaimNew
	table := compileReplay(t, once, map[string]authz.ReplayStore{"redis": &redis, "memory": &memory})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	// A deadline is of the real clock, so the request comes now.
	r := signedRequest()
	table.Named("once").Decide(ctx, r, nil)
	table.Named("for-a-day").Decide(t.Context(), signedRequest("undated"), nil)
	if len(redis.claims) != 1 || len(memory.claims) != 1 {
		t.Fatalf("%d and %d claims, want one each", len(redis.claims), len(memory.claims))
	}
	h := authz.NewMessage("once")
	h.Write([]byte(strconv.FormatInt(r.Received.Unix(), 10) + `.{"id":1}`))
	got := redis.claims[0]
	if got.Policy != "once" || got.Stream != "stream" || len(got.Messages) != 1 || got.Messages[0] != authz.SumMessage(h) {
		t.Errorf("claim = %+v, want the signed message of policy once", got)
	}
	if got.Keep < 150*time.Second || got.Keep > 5*time.Minute || !got.Signed.Equal(r.Received.Truncate(time.Second)) || got.Repeat != 10*time.Second {
		t.Errorf("kept %v, signed %v, repeat %v; want both sides of the window, the time that was signed, at most 10s", got.Keep, got.Signed, got.Repeat)
	}
	if got := memory.claims[0]; got.Keep < 24*time.Hour || !got.Signed.IsZero() || got.Repeat != 0 {
		t.Errorf("kept %v, signed %v, repeat %v; want the ttl, no time, none without a deadline", got.Keep, got.Signed, got.Repeat)
	}
}

// A time that was enforced is told where other ways enforce none: after a restart
// such a message is known to be new.
func TestClaimOfOneWay(t *testing.T) {
	const text = `secrets: {s: {env: {name: S}}}
policies:
  either:
    require: {any_of: [{mac: {` + macSettings + `}}, {mac: {credential: {header: X-Other}, algorithm: hmac-sha256, encoding: hex, message: "{body}", secrets: [s]}}]}
    replay: {store: memory, ttl: 24h}
`
	memory := store{result: authz.ClaimNew}
	r := signedRequest()
	compileReplay(t, text, map[string]authz.ReplayStore{"memory": &memory}).Named("either").Decide(t.Context(), r, nil)
	if len(memory.claims) != 1 || !memory.claims[0].Signed.Equal(r.Received.Truncate(time.Second)) {
		t.Errorf("claims = %+v, want one with the time that was signed", memory.claims)
	}
}

func TestClaiming(t *testing.T) {
	table := compileReplay(t, once, nil)
	if got := table.Claiming("redis"); !slices.Equal(got, []string{"best-effort", "once"}) {
		t.Errorf("in Redis: %v", got)
	}
	if got := table.Claiming("memory"); !slices.Equal(got, []string{"for-a-day"}) {
		t.Errorf("in memory: %v", got)
	}
}

// Nothing is claimed for a request that does not pass, or could not go on.
func TestNotClaimed(t *testing.T) {
	tests := []struct {
		name string
		edit func(r *authz.Request)
		want authz.Reason
	}{
		{name: "wrong signature", edit: func(r *authz.Request) { r.Body.Raw = []byte(`{"id":2}`) }, want: authz.ReasonSignatureMismatch},
		{name: "stale", edit: func(r *authz.Request) { r.Received = r.Received.Add(3 * time.Minute) }, want: authz.ReasonTimestampStale},
		{
			name: "a header for the application is missing", want: authz.ReasonPartMissing,
			edit: func(r *authz.Request) {
				r.Header.Fields = slices.DeleteFunc(r.Header.Fields, func(f authz.Field) bool { return f.Name == "x-team-in" })
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			redis := store{result: authz.ClaimNew}
			r := signedRequest()
			tt.edit(r)
			d := compileReplay(t, once, map[string]authz.ReplayStore{"redis": &redis}).Named("once").Decide(t.Context(), r, nil)
			if d.Reason() != tt.want || len(redis.claims) != 0 {
				t.Errorf("Decide() = %v with %d claims, want %v and none", d.Reason(), len(redis.claims), tt.want)
			}
		})
	}
}

// A grant that comes when nobody waits for it any more allows nothing.
func TestClaimAfterTheDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	redis := store{result: authz.ClaimNew, after: cancel}
	d := compileReplay(t, once, map[string]authz.ReplayStore{"redis": &redis}).Named("once").Decide(ctx, signedRequest(), nil)
	if d.Allowed() || d.Reason() != authz.ReasonDeadline {
		t.Errorf("Decide() = %v, want %v", d.Reason(), authz.ReasonDeadline)
	}
}

// A store that does not answer leaves time for the process's own memory.
func TestBestEffortInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := store{result: authz.ClaimNew}
		p := compileReplay(t, once, map[string]authz.ReplayStore{"redis": silent{}, "memory": &memory}).Named("best-effort")
		r := signedRequest()
		time.Sleep(time.Until(r.Received))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		var trace authz.Trace
		if d := p.Decide(ctx, r, &trace); !d.Allowed() || trace.Replay != "local" {
			t.Errorf("Decide() = %v %q, told %q; want an allow by memory", d.Reason(), d.Detail(), trace.Replay)
		}
	})
}

// silent never answers.
type silent struct{}

func (silent) Claim(ctx context.Context, _ *authz.Claim) (authz.ClaimResult, error) {
	<-ctx.Done()
	return authz.ClaimNone, authz.Deny(authz.ReasonReplayStoreUnavailable, "silent")
}

// Without a store nothing passes.
func TestNoReplayStore(t *testing.T) {
	for _, name := range []string{"once", "best-effort"} {
		if d := compileReplay(t, once, nil).Named(name).Decide(t.Context(), signedRequest(), nil); d.Reason() != authz.ReasonReplayStoreUnavailable {
			t.Errorf("%s: Decide() = %v, want %v", name, d.Reason(), authz.ReasonReplayStoreUnavailable)
		}
	}
}

func TestReplayMistakes(t *testing.T) {
	with := func(require, replay string) string {
		return "secrets: {s: {env: {name: S}}}\npolicies:\n  p:\n    require: " + require + "\n    replay: " + replay + "\n"
	}
	dated, undated := "mac: {"+macSettings+"}", `mac: {credential: {header: X-Signature}, algorithm: hmac-sha256, encoding: hex, message: "{body}", secrets: [s]}`
	moved := strings.ReplaceAll(dated, "X-Signature", "X-Other")
	placed := strings.ReplaceAll(strings.ReplaceAll(dated, "{header: X-Signature}", `{header: X-Signature, fields: {signature: v1, separator: ","}}`), "{header:X-Timestamp}", "{credential:t}")
	key := "api_key: {header: X-Key, secrets: [s]}"
	tests := []struct {
		name, text string
		options    policy.Options
		want       []string
	}{
		{name: "good", text: with("{"+dated+"}", "{store: memory}")},
		{name: "good beside a key", text: with("{all_of: [{"+dated+"}, {"+key+"}]}", "{store: memory}")},
		{name: "nothing signs", text: with("{"+key+"}", "{store: memory, ttl: 1h}"), want: []string{"policies.p.replay: needs a check"}},
		{name: "a way that does not sign", text: with("{any_of: [{"+dated+"}, {"+key+"}]}", "{store: memory}"), want: []string{"policies.p.replay: needs a check"}},
		{name: "no time", text: with("{"+undated+"}", "{store: memory}"), want: []string{"policies.p.replay: a way through require enforces no signed time, so nobody knows for how long to remember: add a timestamp that the message holds, or write ttl"}},
		{name: "a way without a time", text: with("{any_of: [{"+dated+"}, {"+undated+"}]}", "{store: memory}"), want: []string{"policies.p.replay: a way"}},
		{name: "one message on two ways", text: with("{any_of: [{"+dated+"}, {"+moved+"}]}", "{store: memory}")},
		{name: "one message on every way", text: with("{all_of: [{"+dated+"}, {any_of: [{"+key+"}, {"+undated+"}]}]}", "{store: memory}")},
		{name: "a message for each way", text: with("{any_of: [{"+dated+"}, {"+undated+"}]}", "{store: memory, ttl: 1h}"), want: []string{"warning policies.p.replay: no message is signed on every way"}},
		{name: "a message for each place", text: with("{any_of: [{"+placed+"}, {"+strings.ReplaceAll(placed, "X-Signature", "X-Other")+"}]}", "{store: memory}"), want: []string{"warning policies.p.replay: no message"}},
		{name: "a message for each way, one with a mistake", text: with("{any_of: [{"+dated+"}, {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: \"{bdy}\", secrets: [s]}}]}", "{store: memory}"), want: []string{"mac.message: unknown value"}},
		{name: "no time, a ttl", text: with("{"+undated+"}", "{store: memory, ttl: 1h}")},
		{name: "too short", text: with("{"+dated+"}", "{store: memory, ttl: 149s}"), want: []string{"policies.p.replay.ttl: is shorter"}},
		{name: "an id that nothing names", text: with("{"+dated+"}", `{store: memory, delivery_id: "{body}"}`), want: []string{"policies.p.replay.delivery_id: {body} can't stand in this field, which may hold header, query, "}},
		{name: "memory that allows", text: with("{"+dated+"}", "{store: memory, on_unavailable: allow}"), want: []string{"policies.p.replay.on_unavailable: has a meaning"}},
		{name: "best effort", text: with("{"+dated+"}", "{store: redis, on_unavailable: allow}"), want: []string{"warning policies.p.replay.on_unavailable: while"}},
		{name: "no store", text: with("{"+dated+"}", "{store: redis}"), options: policy.Options{NoReplayStore: true}, want: []string{"policies.p.replay.store: there is no store"}},
		{name: "bad template", text: with("{"+dated+"}", `{store: memory, delivery_id: "{headr:X}"}`), want: []string{"policies.p.replay.delivery_id: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantFindings(t, tt.text, tt.options, tt.want...) })
	}
}

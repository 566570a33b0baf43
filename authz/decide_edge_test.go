package authz_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A spiteful error panics when it is asked what it wraps, as a nil *url.Error
// does.
type spiteful struct{}

func (*spiteful) Error() string { return "spiteful" }
func (*spiteful) Unwrap() error { panic("s3cr3t in a panic") }

// What a check returns beside the results it is allowed to, each alone.
func TestDecideOddResults(t *testing.T) {
	identity := authz.Identity{Principal: "mallory", Credential: true}
	var none *authz.Denial
	tests := []struct {
		name string
		err  error
		want authz.Reason
	}{
		{name: "nil denial", err: none, want: authz.ReasonBug},
		{name: "wrapped nil denial", err: fmt.Errorf("x: %w", none), want: authz.ReasonBug},
		{name: "denial that says verified", err: authz.Deny(authz.ReasonVerified, ""), want: authz.ReasonBug},
		{name: "wrapped verified", err: fmt.Errorf("x: %w", authz.Deny(authz.ReasonVerified, "")), want: authz.ReasonBug},
		{name: "wrapped denial", err: fmt.Errorf("x: %w", authz.Deny(authz.ReasonSecretWeak, "")), want: authz.ReasonSecretWeak},
		{
			name: "joined denials: the first", want: authz.ReasonBasicInvalid,
			err: errors.Join(errUnknown, authz.Deny(authz.ReasonBasicInvalid, ""), authz.Deny(authz.ReasonBug, "")),
		},
		{name: "sentinel without reason", err: authz.ErrAbsent, want: authz.ReasonBug},
		{name: "wrapped sentinel without reason", err: fmt.Errorf("x: %w", authz.ErrRejected), want: authz.ReasonBug},
		{name: "deadline of its own", err: context.DeadlineExceeded, want: authz.ReasonBug},
		{name: "error that panics when unwrapped", err: &spiteful{}, want: authz.ReasonBug},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := verify(func(context.Context, *authz.Request) (authz.Identity, error) { return identity, tt.err })
			// An absent or rejected first member goes on to the second, which
			// must not be reached by what is no such result.
			tree := authz.AnyOf(true, authz.Require("kind", "", check), authz.AllOf())
			trace := &authz.Trace{}
			got := authz.Decide(t.Context(), &authz.Request{}, authz.Require("kind", "", check), trace)
			if got.Allowed() || got.Reason() != tt.want || got.Identity() != (authz.Identity{}) {
				t.Errorf("Decide() = %v, %+v, want %v", got.Reason(), got.Identity(), tt.want)
			}
			if len(trace.Results) != 1 || trace.Results[0].Reason != tt.want {
				t.Errorf("trace = %+v, want %v", trace.Results, tt.want)
			}
			if authz.Decide(t.Context(), &authz.Request{}, tree, nil).Allowed() {
				t.Error("Decide() of any_of allowed")
			}
			if got.Reason() == authz.ReasonBug && tt.name != "error that panics when unwrapped" {
				if by := authz.DeniedBy(tt.err); by.Allowed() || by.Reason() != tt.want {
					t.Errorf("DeniedBy() = %v, want %v", by.Reason(), tt.want)
				}
			}
		})
	}
}

func TestDecideEmptyRequirements(t *testing.T) {
	var none *nilCheck
	tests := []struct {
		name string
		tree authz.Requirement
	}{
		{name: "zero", tree: authz.Requirement{}},
		{name: "all_of nothing", tree: authz.AllOf()},
		{name: "any_of nothing", tree: authz.AnyOf(false)},
		{name: "any_of nothing, continue", tree: authz.AnyOf(true)},
		{name: "all_of zero", tree: authz.AllOf(authz.Requirement{})},
		{name: "any_of zero", tree: authz.AnyOf(true, authz.Requirement{})},
		{name: "no check", tree: authz.Require("kind", "", nil)},
		{name: "nil pointer as a check", tree: authz.Require("kind", "", none)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trace := &authz.Trace{}
			got := authz.Decide(t.Context(), &authz.Request{}, tt.tree, trace)
			if got.Allowed() || got.Reason() != authz.ReasonBug || got.Class() != authz.ClassInternal {
				t.Errorf("Decide() = %v %v, want %v", got.Allowed(), got.Reason(), authz.ReasonBug)
			}
			for _, result := range trace.Results {
				if result.Reason != authz.ReasonBug {
					t.Errorf("trace = %+v, want %v", trace.Results, authz.ReasonBug)
				}
			}
		})
	}
}

type nilCheck struct{ identity authz.Identity }

func (c *nilCheck) Verify(context.Context, *authz.Request) (authz.Identity, error) {
	return c.identity, nil
}

// A check that ends its goroutine takes the decision with it: nothing is
// returned that could be an allow.
func TestDecideGoexit(t *testing.T) {
	check := verify(func(context.Context, *authz.Request) (authz.Identity, error) {
		runtime.Goexit()
		return authz.Identity{}, nil
	})
	returned := make(chan bool, 1)
	go func() {
		allowed := false
		defer func() { returned <- allowed }()
		allowed = authz.Decide(t.Context(), &authz.Request{}, authz.Require("kind", "", check), nil).Allowed()
	}()
	if <-returned {
		t.Error("Decide() allowed")
	}
}

// What a check panics with is not told: it may hold request data.
func TestDecidePanicIsNotTold(t *testing.T) {
	check := verify(func(context.Context, *authz.Request) (authz.Identity, error) { panic("s3cr3t") })
	trace := &authz.Trace{}
	got := authz.Decide(t.Context(), &authz.Request{}, authz.Require("kind", "", check), trace)
	if told := fmt.Sprintf("%+v %+v", got, trace); strings.Contains(told, "s3cr3t") {
		t.Errorf("decision and trace tell the panic's value: %s", told)
	}
}

func TestTrace(t *testing.T) {
	now := time.Unix(100, 0)
	trace := &authz.Trace{Now: func() time.Time { now = now.Add(time.Millisecond); return now }}
	pass := verify(func(context.Context, *authz.Request) (authz.Identity, error) { return authz.Identity{}, nil })
	fail := verify(func(context.Context, *authz.Request) (authz.Identity, error) {
		return authz.Identity{}, authz.Deny(authz.ReasonBasicInvalid, "why")
	})
	tree := authz.AllOf(authz.Require("source_ip", "", pass), authz.Require("basic", "b", fail), authz.Require("mac", "", pass))
	authz.Decide(t.Context(), &authz.Request{}, tree, trace)
	want := []authz.CheckResult{
		{Kind: "source_ip", Reason: authz.ReasonVerified, Took: time.Millisecond},
		{Kind: "basic", Name: "b", Reason: authz.ReasonBasicInvalid, Detail: "why", Took: time.Millisecond},
	}
	if len(trace.Results) != len(want) || trace.Results[0] != want[0] || trace.Results[1] != want[1] {
		t.Errorf("Results = %+v, want %+v", trace.Results, want)
	}
	trace.Reset()
	if len(trace.Results) != 0 {
		t.Errorf("Results after Reset = %+v, want none", trace.Results)
	}
	if told := trace.Results[:cap(trace.Results)]; told[0] != (authz.CheckResult{}) {
		t.Errorf("Reset keeps %+v", told[0])
	}
}

func TestDecision(t *testing.T) {
	tests := []struct {
		name string
		got  authz.Decision
		want authz.Reason
	}{
		{name: "zero", got: authz.Decision{}, want: authz.ReasonBug},
		{name: "denied as verified", got: authz.Denied(authz.ReasonVerified, ""), want: authz.ReasonBug},
		{name: "denied by nothing", got: authz.DeniedBy(nil), want: authz.ReasonBug},
		{name: "denied by success", got: authz.DeniedBy(authz.Deny(authz.ReasonVerified, "")), want: authz.ReasonBug},
		{name: "denied by the unknown", got: authz.DeniedBy(errUnknown), want: authz.ReasonBug},
		{name: "denied", got: authz.Denied(authz.ReasonNotReady, "d"), want: authz.ReasonNotReady},
		{name: "denied by", got: authz.DeniedBy(authz.Deny(authz.ReasonHostAmbiguous, "d")), want: authz.ReasonHostAmbiguous},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got.Allowed() || tt.got.Reason() != tt.want || tt.got.Class() != tt.want.Class() {
				t.Errorf("got %v %v %v, want a denial with %v", tt.got.Allowed(), tt.got.Reason(), tt.got.Class(), tt.want)
			}
			if tt.got.Identity() != (authz.Identity{}) {
				t.Errorf("Identity() = %+v, want none", tt.got.Identity())
			}
		})
	}
}

// What a policy that only watches decides passes, and is no more allowed than
// before.
func TestMonitored(t *testing.T) {
	verified := authz.Decide(t.Context(), &authz.Request{}, authz.Require("a", "", identified{Credential: true}), nil)
	tests := []struct {
		name    string
		of      authz.Decision
		allowed bool
	}{
		{name: "zero", of: authz.Decision{}},
		{name: "denied", of: authz.Denied(authz.ReasonAPIKeyInvalid, "")},
		{name: "verified", of: verified, allowed: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := authz.Monitored(tt.of)
			if tt.of.IsMonitored() || tt.of.Passes() != tt.allowed {
				t.Errorf("before: monitored %v, passes %v", tt.of.IsMonitored(), tt.of.Passes())
			}
			if !got.IsMonitored() || !got.Passes() || got.Allowed() != tt.allowed || got.Reason() != tt.of.Reason() {
				t.Errorf("Monitored() = %v: monitored %v, passes %v, allowed %v", got.Reason(), got.IsMonitored(), got.Passes(), got.Allowed())
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	identity := authz.Identity{Principal: "key", Credential: true}
	pass := verify(func(context.Context, *authz.Request) (authz.Identity, error) { return identity, nil })
	tree := authz.AllOf(authz.Require("source_ip", "", pass), authz.AnyOf(false, authz.Require("api_key", "", pass)))
	trace := &authz.Trace{}
	r := &authz.Request{}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		trace.Reset()
		if !authz.Decide(ctx, r, tree, trace).Allowed() {
			b.Fatal("denied")
		}
	}
}

// A check that gives up because the context is done is no bug, and the trace
// doesn't call it passed.
func TestDecideGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	check := verify(func(ctx context.Context, _ *authz.Request) (authz.Identity, error) {
		cancel()
		return authz.Identity{}, fmt.Errorf("read: %w", ctx.Err())
	})
	trace := &authz.Trace{}
	got := authz.Decide(ctx, &authz.Request{}, authz.Require("kind", "", check), trace)
	if got.Allowed() || got.Reason() != authz.ReasonDeadline || trace.Results[0].Reason != authz.ReasonDeadline {
		t.Errorf("Decide() = %v, trace %+v, want %v", got.Reason(), trace.Results, authz.ReasonDeadline)
	}
}

// An all_of tells the first principal, secret and signed time that it finds.
func TestAllOfJoinsIdentities(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	tree := authz.AllOf(
		authz.Require("a", "", identified{Credential: true}),
		authz.Require("b", "", identified{Principal: "p", Signed: early, Credential: true}),
		authz.Require("c", "", identified{Principal: "q", Key: "k", Secret: "s", Version: 3, Previous: true, Stale: true, Signed: late, Credential: true}),
		authz.Require("d", "", identified{Principal: "r", Key: "l", Credential: true}),
	)
	got := authz.Decide(t.Context(), &authz.Request{}, tree, nil).Identity()
	want := authz.Identity{Principal: "p", Key: "k", Secret: "s", Version: 3, Previous: true, Stale: true, Signed: early, Credential: true}
	if got != want {
		t.Errorf("Identity() = %+v, want %+v", got, want)
	}
}

// identified is a check that passes.
type identified authz.Identity

func (i identified) Verify(context.Context, *authz.Request) (authz.Identity, error) {
	return authz.Identity(i), nil
}

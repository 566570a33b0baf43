package authz_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// switched is a context that a check can cancel, without a goroutine.
type switched struct {
	context.Context
	done bool
}

func (c *switched) Err() error {
	if c.done {
		return context.Canceled
	}
	return nil
}

// An actor is a check that does one of the things a check may do.
type actor struct {
	act  func(ctx *switched, leaf int) (authz.Identity, error)
	leaf int
}

func (a *actor) Verify(ctx context.Context, _ *authz.Request) (authz.Identity, error) {
	c, ok := ctx.(*switched)
	if !ok {
		return authz.Identity{}, errUnknown
	}
	return a.act(c, a.leaf)
}

var leafNames = []string{"leaf0", "leaf1", "leaf2", "leaf3"}

// rejections differ by leaf, so that the test sees which one decided.
var rejections = []authz.Reason{
	authz.ReasonAPIKeyInvalid, authz.ReasonSignatureMismatch, authz.ReasonCredentialMalformed, authz.ReasonTimestampStale,
}

// deeds are the results of the written table, and what goes wrong.
var deeds = []struct {
	name string
	act  func(ctx *switched, leaf int) (authz.Identity, error)
	said func(leaf int) said
}{
	{
		name: "passed",
		act: func(_ *switched, leaf int) (authz.Identity, error) {
			name := leafNames[leaf]
			return authz.Identity{Principal: name, Secret: name, Version: leaf + 1, Previous: leaf%2 == 1, Credential: true}, nil
		},
		said: func(leaf int) said { return said{"passed", authz.ReasonVerified, leafNames[leaf]} },
	},
	{
		name: "passed without credential",
		act:  func(*switched, int) (authz.Identity, error) { return authz.Identity{}, nil },
		said: func(int) said { return said{"passed", authz.ReasonVerified, ""} },
	},
	{
		name: "absent",
		act:  denies(func(int) authz.Reason { return authz.ReasonCredentialMissing }),
		said: func(int) said { return said{"absent", authz.ReasonCredentialMissing, ""} },
	},
	{
		name: "unmatched",
		act:  denies(func(int) authz.Reason { return authz.ReasonIPNotAllowed }),
		said: func(int) said { return said{"unmatched", authz.ReasonIPNotAllowed, ""} },
	},
	{
		name: "rejected",
		act:  denies(func(leaf int) authz.Reason { return rejections[leaf] }),
		said: func(leaf int) said { return said{"rejected", rejections[leaf], ""} },
	},
	{
		name: "not configured",
		act:  denies(func(int) authz.Reason { return authz.ReasonSecretMissing }),
		said: func(int) said { return said{"trouble", authz.ReasonSecretMissing, ""} },
	},
	{
		name: "unavailable",
		act:  denies(func(int) authz.Reason { return authz.ReasonSecretUnavailable }),
		said: func(int) said { return said{"trouble", authz.ReasonSecretUnavailable, ""} },
	},
	{
		name: "unknown error",
		act:  func(*switched, int) (authz.Identity, error) { return passing, errUnknown },
		said: func(int) said { return said{"trouble", authz.ReasonBug, ""} },
	},
	{
		name: "panic",
		act:  func(*switched, int) (authz.Identity, error) { panic("s3cr3t") },
		said: func(int) said { return said{"trouble", authz.ReasonBug, ""} },
	},
	{
		name: "cancelled, says passed",
		act:  func(ctx *switched, _ int) (authz.Identity, error) { ctx.done = true; return passing, nil },
		said: func(int) said { return said{"trouble", authz.ReasonDeadline, ""} },
	},
	{
		name: "cancelled, says so",
		act:  func(ctx *switched, _ int) (authz.Identity, error) { ctx.done = true; return passing, ctx.Err() },
		said: func(int) said { return said{"trouble", authz.ReasonDeadline, ""} },
	},
}

var (
	passing    = authz.Identity{Principal: "nobody", Secret: "nothing", Credential: true}
	errUnknown = errors.New("unknown")
)

func denies(reason func(leaf int) authz.Reason) func(*switched, int) (authz.Identity, error) {
	var prepared [4]error
	for leaf := range prepared {
		prepared[leaf] = authz.Deny(reason(leaf), "")
	}
	return func(_ *switched, leaf int) (authz.Identity, error) { return passing, prepared[leaf] }
}

// build makes the requirement that s describes.
func build(s shape, actors []*actor) authz.Requirement {
	if s.word == "leaf" {
		return authz.Require("kind", leafNames[s.leaf], actors[s.leaf])
	}
	var members []authz.Requirement
	for _, member := range s.members {
		members = append(members, build(member, actors))
	}
	switch s.word {
	case "all_of":
		return authz.AllOf(members...)
	case "any_of":
		return authz.AnyOf(false, members...)
	case "any_of continue":
		return authz.AnyOf(true, members...)
	}
	return authz.Requirement{}
}

// TestDecideModel compares Decide with the oracle: every tree of up to four
// leaves, every result at every leaf that is asked.
func TestDecideModel(t *testing.T) {
	for n, want := range []int{0, 1, 3, 21, 183} {
		all := shapes(0, max(n, 1))
		if n > 0 && len(all) != want {
			t.Errorf("%d shapes of %d leaves, want %d", len(all), n, want)
		}
		for _, s := range all {
			compare(t, s, max(n, 1))
		}
	}
}

// Lists of one member, and empty ones in the place of any leaf.
func TestDecideModelShortLists(t *testing.T) {
	for n := 1; n <= 3; n++ {
		for _, s := range shapes(0, n) {
			for _, w := range wrapped(s) {
				compare(t, w, n)
			}
			for _, w := range emptied(s) {
				compare(t, w, n)
			}
		}
	}
}

// emptied returns s with each leaf, in turn, replaced by an empty list.
func emptied(s shape) []shape {
	if s.word == "leaf" {
		return []shape{{word: "all_of"}, {word: "any_of"}, {word: "any_of continue"}, {word: "zero"}}
	}
	var all []shape
	for i, member := range s.members {
		for _, changed := range emptied(member) {
			members := append([]shape{}, s.members...)
			members[i] = changed
			all = append(all, shape{word: s.word, members: members})
		}
	}
	return all
}

// compare tries every combination of deeds at the n leaves of s. Leaves that are
// not asked keep the first deed, which passes: an outcome can't depend on them
// without asking them, and differs sees who was asked.
func compare(t *testing.T, s shape, n int) {
	t.Helper()
	actors := make([]*actor, n)
	for i := range actors {
		actors[i] = &actor{leaf: i}
	}
	requirement := build(s, actors)
	leaves := make([]said, n)
	digits := make([]int, n)
	trace := &authz.Trace{}
	request := &authz.Request{}
	for {
		for i, digit := range digits {
			actors[i].act = deeds[digit].act
			leaves[i] = deeds[digit].said(i)
		}
		trace.Reset()
		ctx := &switched{Context: t.Context()}
		got := authz.Decide(ctx, request, requirement, trace)
		want := rule(s, leaves)
		if problem := differs(got, want, trace, leaves); problem != "" {
			t.Fatalf("%+v with %v: %s", s, names(digits), problem)
		}
		if !next(digits, want.asked) {
			return
		}
	}
}

// differs returns how got is not what the oracle says, empty if it is.
func differs(got authz.Decision, want ruling, trace *authz.Trace, leaves []said) string {
	var asked []int
	for _, result := range trace.Results {
		leaf := slices.Index(leafNames, result.Name)
		asked = append(asked, leaf)
		// A check that passes after the deadline did pass.
		late := leaves[leaf].reason == authz.ReasonDeadline && result.Reason == authz.ReasonVerified
		if result.Reason != leaves[leaf].reason && !late {
			return fmt.Sprintf("trace says %v of %s, want %v", result.Reason, result.Name, leaves[leaf].reason)
		}
	}
	principal := ""
	if want.word == "passed" && len(want.principals) > 0 {
		principal = want.principals[0]
	}
	identity := got.Identity()
	switch {
	case got.Allowed() != (want.word == "passed"):
		return fmt.Sprintf("Allowed() = %v, want %s", got.Allowed(), want.word)
	case got.Reason() != want.reason:
		return fmt.Sprintf("Reason() = %v, want %v", got.Reason(), want.reason)
	case got.Class() != want.reason.Class():
		return fmt.Sprintf("Class() = %v, want %v", got.Class(), want.reason.Class())
	case identity.Principal != principal || identity.Secret != principal:
		return fmt.Sprintf("Identity() = %+v, want principal and secret %q", identity, principal)
	case principal != "" && identity.Version != slices.Index(leafNames, principal)+1:
		return fmt.Sprintf("Identity() = %+v, want the version of %q", identity, principal)
	case got.Allowed() && identity.Credential != want.credential:
		return fmt.Sprintf("Identity() = %+v, want credential %v", identity, want.credential)
	case !slices.Equal(asked, want.asked):
		return fmt.Sprintf("asked %v, want %v", asked, want.asked)
	}
	return ""
}

func names(digits []int) []string {
	var all []string
	for _, digit := range digits {
		all = append(all, deeds[digit].name)
	}
	return all
}

// next gives the last leaf that was asked its next deed, or, after the last one,
// the leaf asked before it; false when all have had all.
func next(digits, asked []int) bool {
	for _, leaf := range slices.Backward(asked) {
		digits[leaf]++
		if digits[leaf] < len(deeds) {
			return true
		}
		digits[leaf] = 0
	}
	return false
}

// A context that is done before the walk runs no check at all.
func TestDecideDoneBefore(t *testing.T) {
	ran := false
	check := verify(func(context.Context, *authz.Request) (authz.Identity, error) {
		ran = true
		return authz.Identity{Credential: true}, nil
	})
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	got := authz.Decide(ctx, &authz.Request{}, authz.Require("kind", "", check), nil)
	if got.Allowed() || got.Reason() != authz.ReasonDeadline || ran {
		t.Errorf("Decide() = %v, ran %v, want %v, not run", got.Reason(), ran, authz.ReasonDeadline)
	}
}

// verify makes a function a check.
type verify func(context.Context, *authz.Request) (authz.Identity, error)

func (f verify) Verify(ctx context.Context, r *authz.Request) (authz.Identity, error) {
	return f(ctx, r)
}

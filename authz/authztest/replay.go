package authztest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// VectorPolicy is the name of the one policy in [Vector.Config].
const VectorPolicy = "vector"

// RunVectors replays every vector below directory, each as a subtest.
func RunVectors(t *testing.T, directory string) {
	t.Helper()
	vectors, err := ReadVectors(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			if err := v.Replay(t.Context()); err != nil {
				t.Errorf("%s: %v", v.Source, err)
			}
		})
	}
}

// Config returns the vector's policy as a whole policy file. The secrets in it
// are declared only: their values are in [Vector.Secrets].
func (v *Vector) Config() string {
	var file strings.Builder
	if v.Gateway != "none" {
		fmt.Fprintf(&file, "gateway: {body: %s}\n", v.Gateway)
	}
	if len(v.Secrets) > 0 {
		file.WriteString("secrets:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(v.Secrets)) {
		weak := ""
		if slices.Contains(v.Weak, name) {
			weak = ", weak: accepted"
		}
		fmt.Fprintf(&file, "  %s: {env: {name: VECTOR}%s}\n", name, weak)
	}
	file.WriteString("policies:\n  " + VectorPolicy + ":\n")
	for line := range strings.Lines(v.Policy) {
		file.WriteString("    " + line)
	}
	return file.String()
}

// Replay decides the vector's request by its policy. It returns an error if the
// verdict or the reason is not the expected one, if the policy has a mistake, or
// if a request passes although no secret can be read.
func (v *Vector) Replay(ctx context.Context) error {
	file, findings := policy.Read([]document.File{{Name: v.Name + "/policy.yaml", Data: []byte(v.Config())}}, policy.Options{})
	if file == nil {
		var text strings.Builder
		if err := document.Render(&text, findings, "text", document.Plain, 1); err != nil {
			return err
		}
		return fmt.Errorf("the policy has mistakes:\n%s", &text)
	}
	got, err := v.decide(ctx, file, func(name string) authz.Secrets { return Values(v.Secrets[name]) })
	switch {
	case err != nil:
		return err
	case v.Allow && !got.Allowed():
		return fmt.Errorf("got deny %v (%s), want allow", got.Reason(), got.Detail())
	case !v.Allow && (got.Allowed() || got.Reason() != v.Reason):
		return fmt.Errorf("got %v (%s), want deny %v", got.Reason(), got.Detail(), v.Reason)
	}
	if !v.Allow || len(v.Secrets) == 0 {
		return nil
	}
	unavailable := authz.Deny(authz.ReasonSecretUnavailable, "")
	got, err = v.decide(ctx, file, func(string) authz.Secrets { return Failing(unavailable) })
	if err == nil && (got.Allowed() || got.Class() != authz.ClassUnavailable) {
		return fmt.Errorf("without any secret: got %v, want deny %v", got.Reason(), authz.ReasonSecretUnavailable)
	}
	return err
}

func (v *Vector) decide(ctx context.Context, file *policy.File, open func(string) authz.Secrets) (authz.Decision, error) {
	r, err := v.Request()
	if err != nil {
		return authz.Decision{}, err
	}
	table := file.Table(policy.Sources{Secret: open})
	r.Gateway = table.Gateway()
	r.Gateway.BodyByRoute = r.Gateway.BodyRawFull // there is one route
	return table.Named(VectorPolicy).Decide(ctx, r, nil), nil
}

package scheme_test

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// published are versions that never change.
type published authz.Versions

// Versions implements [authz.Secrets].
func (p *published) Versions(time.Time) (*authz.Versions, error) { return (*authz.Versions)(p), nil }

// Whoever rotates away from a value that can't be used has mended it, though the
// value counts as the previous one for a while.
func TestUnfitIsTheNewest(t *testing.T) {
	const good, bad = "kT9vWq2LxZ8mPd4sRb7n", "short"
	for _, tt := range []struct {
		newest, previous string
		want             bool
	}{
		{good, good, false},
		{good, bad, false},
		{bad, good, true},
		{bad, bad, true},
	} {
		versions := &published{Accepted: []authz.Version{
			{Number: 2, Secret: authz.NewSecret([]byte(tt.newest))},
			{Number: 1, Secret: authz.NewSecret([]byte(tt.previous)), Previous: true},
		}}
		ring := scheme.NewKeyring([]authz.Reference{{Name: "a", Secrets: versions}}, scheme.Derivation{}.Derive)
		unfit := map[string]error{}
		ring.Unfit(time.Now(), func(secret string, why error) { unfit[secret] = why })
		if err := unfit["a"]; (err != nil) != tt.want {
			t.Errorf("newest %q, previous %q: Unfit() = %v, want an error: %t", tt.newest, tt.previous, err, tt.want)
		}
	}
}

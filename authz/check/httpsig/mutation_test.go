package httpsig_test

import (
	mathrand "math/rand/v2"
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Requests are made and signed, and changed before and after that. Whether one must
// pass follows from what was changed; nothing of what is tested is asked. See
// [authztest.Cases] for how to make more of them.

// TestMutations: requests that are signed as the policy wants pass, and so do those in
// which nothing was changed that is signed; no other does.
func TestMutations(t *testing.T) {
	all := parties(t)
	before, after := signing(), sending()
	var passed, denied int
	authztest.Cases(t, 2000, func(random *mathrand.Rand) {
		d := newDraft(random, authztest.Pick(random, all...))
		var done []string
		apply := func(kinds []mutator, times int) {
			// At most one of each, in their order, so that none undoes another.
			drawn := random.Perm(len(kinds))[:times]
			slices.Sort(drawn)
			for _, i := range drawn {
				if fault := kinds[i].change(d); fault && d.fault == "" {
					d.fault = kinds[i].name
				}
				done = append(done, kinds[i].name)
			}
		}
		apply(before, authztest.Pick(random, 0, 0, 0, 1, 1, 2))
		d.sign(t)
		apply(after, authztest.Pick(random, 0, 0, 1, 1, 1, 2))
		identity, err := d.to.check.Verify(t.Context(), d.r)
		if (err == nil) != (d.fault == "") {
			t.Errorf("%s, %v: error = %v, want fault %q\nbase %q\n%s %s %v", d.to.name, done, err, d.fault, d.base, d.r.Method, d.r.Path, d.r.Header)
		}
		if err == nil && (identity.Principal != d.to.principal || !identity.Credential || identity.BodySigned != d.covers("content-digest")) ||
			err != nil && identity != (authz.Identity{}) {
			t.Errorf("%s, %v: identity = %+v, error = %v", d.to.name, done, identity, err)
		}
		if err == nil {
			passed++
		} else {
			denied++
		}
	})
	t.Logf("%d passed, %d denied", passed, denied)
}

// A mutator changes a draft and reports whether it must be denied then.
type mutator struct {
	name   string
	change func(d *drafted) bool
}

package bearer_test

import (
	mathrand "math/rand/v2"
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Tokens are made of facts, and changed together with them. Whether one must pass
// follows from the facts and from the bytes that were signed; nothing of what is
// tested is asked. See [authztest.Cases] for how to make more of them.

// TestMutations: tokens that are right pass, and so do those that are written in
// another way; no other does.
func TestMutations(t *testing.T) {
	all := parties(t)
	kinds := mutators()
	var passed, denied int
	authztest.Cases(t, 2000, func(random *mathrand.Rand) {
		d := newDraft(random, authztest.Pick(random, all...))
		var done []string
		// At most one of each kind, in their order, so that none undoes another.
		drawn := random.Perm(len(kinds))[:authztest.Pick(random, 0, 1, 1, 1, 1, 2, 2, 3)]
		slices.Sort(drawn)
		for _, i := range drawn {
			m := authztest.Pick(random, kinds[i]...)
			done = append(done, m.name)
			m.change(d)
		}
		if d.chance(10) {
			d.to = authztest.Pick(random, all...)
			done = append(done, "presented to "+d.to.name)
		}
		token := d.text()
		presented := token
		if d.chance(20) {
			presented = rewrite(d, token, all)
			done = append(done, "rewritten")
		}
		r, place := d.request(presented)
		done = append(done, place...)
		var fault string
		switch {
		case len(token) > 16<<10:
			fault = "long"
		case presented != token:
			fault = "not what was signed"
		case len(place) > 0 && place[0][0] == '!':
			fault = "place"
		default:
			fault = d.fault()
		}
		identity, err := d.to.check.Verify(t.Context(), r)
		if (err == nil) != (fault == "") {
			t.Errorf("%s, %v: error = %v, want fault %q\nheader %q\nclaims %q\n%v", d.to.name, done, err, fault, d.object(d.header), d.object(d.claims), r.Header)
		}
		if want := d.principalOf(); err == nil && (identity.Principal != want || !identity.Credential) || err != nil && identity != (authz.Identity{}) {
			t.Errorf("%s, %v: identity = %+v, want %q", d.to.name, done, identity, want)
		}
		if err == nil {
			passed++
		} else {
			denied++
		}
	})
	t.Logf("%d passed, %d denied", passed, denied)
}

// A mutator changes a draft and its facts.
type mutator struct {
	name   string
	change func(d *draft)
}

// mutators are all of them, by what they change. Those that look at all claims or
// the whole header come last.
func mutators() [][]mutator {
	return [][]mutator{
		signerMutators(), keyMutators(), typeMutators(), headerMutators(), timeMutators(), audienceMutators(), issuerMutators(),
		subjectMutators(), requiredMutators(), claimMutators(), textMutators(), signatureMutators(),
	}
}

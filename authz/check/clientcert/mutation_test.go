package clientcert_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Certificates are made of facts, as many authorities as it takes to confuse them:
// of few names and few keys, some made wrong. Whether a certificate must pass
// follows from the facts of those that are shown and of those that are trusted. No
// certificate is ever parsed for that, and nothing of what is tested is asked. See
// [authztest.Cases] for how to make more of them.

// TestMutations: who has a certificate that is right passes, in whatever way it is
// written, and nobody else does.
func TestMutations(t *testing.T) {
	var passed, denied, either int
	authztest.Cases(t, 60, func(random *mathrand.Rand) {
		w := newWorld(t, random)
		for range 4 {
			p := w.play(t)
			for range 6 { // by the same check, which remembers
				at := p.moment()
				r, done := p.present()
				r.Received = now().Add(at)
				want := mustDeny
				if !strings.Contains(done, "!") {
					shown := p.shown
					if strings.Contains(done, "alone") {
						shown = nil
					}
					want = p.verdict(at, shown)
				}
				identity, err := p.check.Verify(t.Context(), r)
				if (want == mustPass) != (err == nil) && want != mayPass {
					t.Errorf("%s at %v: error = %v, want verdict %d\n%s", done, at, err, want, p)
				}
				if good := (err != nil) == (identity == authz.Identity{}); !good || err == nil && (identity.Principal != p.principal() || !identity.Credential) {
					t.Errorf("%s: identity = %+v, error = %v, want principal %q\n%s", done, identity, err, p.principal(), p)
				}
				switch {
				case want == mayPass:
					either++
				case err == nil:
					passed++
				default:
					denied++
				}
			}
		}
	})
	t.Logf("%d passed, %d denied, %d may be either", passed, denied, either)
}

// moment returns when the certificate is shown: mostly now, otherwise at the edge
// of something.
func (p *play) moment() time.Duration {
	if p.IntN(5) > 0 {
		return 0
	}
	f := authztest.Pick(p.Rand, append(p.all, p.leaf, p.leaf, p.leaf)...)
	edges := []time.Duration{f.from, f.to}
	for _, l := range p.lists {
		edges = append(edges, l.from, l.to)
	}
	return authztest.Pick(p.Rand, edges...) + authztest.Pick(p.Rand, -time.Second, -time.Nanosecond, 0, time.Nanosecond, time.Second)
}

// String tells the facts.
func (p *play) String() string {
	text := fmt.Sprintf("%v\n", p.settings)
	tell := func(f *fact) {
		plain := *f
		plain.node = nil
		text += fmt.Sprintf("  %+v\n", plain)
	}
	tell(p.leaf)
	text += "anchors\n"
	for _, f := range p.anchors {
		tell(f)
	}
	text += "shown\n"
	for _, f := range p.shown {
		tell(f)
	}
	for _, l := range p.lists {
		plain := *l
		plain.RevocationList = nil
		text += fmt.Sprintf("list %+v\n", plain)
	}
	return text
}

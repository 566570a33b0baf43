package bearer_test

import (
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// TestOpaqueMutations: of opaque tokens the store decides, and of what it says
// every part counts.
func TestOpaqueMutations(t *testing.T) {
	const token = "2YotnFZFEjr1zCsicMWpAA"
	all := parties(t)
	authztest.Cases(t, 500, func(random *mathrand.Rand) {
		p := authztest.Pick(random, all[3], all[4])
		at := authztest.Received()
		grant := authz.Grant{
			Issuer: ownIssuer, Client: "acme", Scopes: []string{"stock", "orders"}, Policies: []string{"x", p.name},
			Expires: at.Add(authztest.Pick(random, time.Nanosecond, time.Second, time.Hour)),
		}
		switch random.IntN(8) {
		case 0:
			grant.Issuer = authztest.Pick(random, "", issuer, ownIssuer+"/")
		case 1:
			grant.Client = authztest.Pick(random, "bob", "idle", "", "gone", "ACME")
		case 2:
			grant.Scopes = authztest.Pick(random, nil, []string{"orders"}, []string{"orders stock"}, []string{"stock", "x", "orders"})
		case 3:
			grant.Policies = authztest.Pick(random, nil, []string{"x"}, []string{"first"}, []string{"second"}, []string{""})
		case 4:
			grant.Expires = authztest.Pick(random, time.Time{}, at, at.Add(-time.Nanosecond))
		}
		e := issuing(grants{token: grant})
		e.Policy = p.name
		part, problems := bearer.Kind().Build(&policypb.Bearer{Own: &policypb.OwnToken{Clients: p.clients, Scopes: p.scopes}}, e)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		presented := token
		if random.IntN(4) == 0 {
			presented = authztest.Pick(random, token+"=", token[1:], swapCase(token), token+"A", token+" ", "%32"+token[1:], token+"."+token, strings.Replace(token, "A", "\u0410", 1))
		}
		fits := presented == token && grant.Issuer == ownIssuer && slices.Contains(grant.Policies, p.name) && grant.Expires.After(at) && !ownFault(p, grant.Client, grant.Scopes)
		identity, err := part.Check.Verify(t.Context(), request(presented))
		if (err == nil) != fits || fits && identity.Principal != grant.Client {
			t.Errorf("%s: %+v, token %q: %+v, %v; want it to pass: %v", p.name, grant, presented, identity, err, fits)
		}
	})
}

//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Issuers in trouble, one world for all: the server waits 30 s for those that
// don't answer before it serves, and asks nobody more often than that.
func TestIssuers(t *testing.T) {
	t.Parallel()
	k := newSigner(t, "first", "ES256")
	words := map[string]string{"AUDIENCE": audience}
	issuers := map[string]*issuer{}
	for _, name := range []string{"good", "changing", "flooded", "drowned", "away", "impostor", "elsewhere", "huge", "slow", "page", "symmetric"} {
		issuers[name] = startIssuer(t, k)
		words[strings.ToUpper(name)] = issuers[name].url
	}
	issuers["away"].down()
	issuers["impostor"].lie(discoveryPath, says(200, "application/json",
		fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuers["good"].url, issuers["good"].url+jwksPath)))
	issuers["elsewhere"].lie(discoveryPath, leadsTo(issuers["good"].url+discoveryPath))
	issuers["huge"].lie(jwksPath, says(200, "application/json", `{"keys":[`+strings.Repeat(" ", 4<<20)+strings.TrimPrefix(string(jwks(k)), `{"keys":[`)))
	issuers["slow"].lie(jwksPath, hangs)
	issuers["page"].lie(jwksPath, says(200, "text/html", "<html>Please log in</html>"))
	issuers["symmetric"].lie(jwksPath, says(200, "application/json", `{"keys":[{"kty":"oct","kid":"first","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXM"}]}`))

	folder := fill(t, words, "issuers.yaml")
	w := newWorld(t, setup{config: folder, policies: append(policyNames(t, folder), "later"), flags: []string{"--dev"}, cold: true, listeners: []variant{failOpen}})
	w.denied(t, w.send(t, bearing("good", k.token(goodClaims(issuers["good"].url, audience)))), 503, authz.ReasonNotReady)
	if w.servers[0].stderr.find(60*time.Second, servingLine.MatchString) == "" {
		t.Fatalf("hookauthz does not serve without every issuer:\n%s", w.servers[0].stderr.tail(15))
	}
	with := func(name string, key signer) request {
		return bearing(name, key.token(goodClaims(issuers[name].url, audience)))
	}

	t.Run("others are not concerned", func(t *testing.T) {
		w.allowed(t, w.send(t, with("good", k)))
		w.allowed(t, w.send(t, github(event).to("/e2e/github")))
	})
	for _, name := range []string{"away", "impostor", "elsewhere", "huge", "slow", "page"} {
		t.Run(name+" before its keys were read", func(t *testing.T) {
			w.denied(t, w.send(t, with(name, k)), 503, authz.ReasonKeySetUnavailable)
			w.denied(t, w.send(t, with(name, k).on(failOpen.name)), 503, authz.ReasonKeySetUnavailable)
			w.denied(t, w.send(t, with(name, newSigner(t, "first", "ES256"))), 503, authz.ReasonKeySetUnavailable)
		})
	}
	issuers["away"].up(t)
	t.Run("a key that would be shared opens nothing", func(t *testing.T) {
		got := w.send(t, with("symmetric", k))
		w.unseen(t, got)
		if got.status < http.StatusBadRequest {
			t.Errorf("status %d", got.status)
		}
		w.never(t, w.send(t, bearing("symmetric", k.as("HS256").token(goodClaims(issuers["symmetric"].url, audience)))), 401)
	})
	t.Run("unknown keys by the hundred are one question", func(t *testing.T) {
		flood(t, w, issuers["flooded"], with("flooded", k))
	})
	t.Run("unknown keys by the thousand are one question", func(t *testing.T) {
		drown(t, w, issuers["drowned"], "drowned", with("drowned", k))
	})
	t.Run("keys are replaced", func(t *testing.T) {
		i, second := issuers["changing"], newSigner(t, "second", "ES256")
		w.allowed(t, w.send(t, with("changing", k)))
		i.publish(second, k)
		w.turns(t, 40*time.Second, with("changing", second), 401, 200)
		w.allowed(t, w.send(t, with("changing", k)))
	})
	t.Run("an issuer that went away", func(t *testing.T) {
		issuers["good"].down()
		for range 20 {
			w.allowed(t, w.send(t, with("good", k)))
		}
		// Nobody can tell whether it has such a key by now.
		w.never(t, w.send(t, with("good", newSigner(t, "third", "ES256"))), 503)
		w.denied(t, w.send(t, with("good", newSigner(t, "first", "ES256"))), 401, authz.ReasonSignatureMismatch)
		metrics := func(set, state string) (errors, in, age float64) {
			label := fmt.Sprintf("keyset=%q", set)
			return w.metric(t, "hookauthz_keyset_refresh_errors_total{"+label, ""),
				w.metric(t, fmt.Sprintf("hookauthz_keyset_state{%s,state=%q}", label, state), ""),
				w.metric(t, "hookauthz_keyset_age_seconds{"+label, "")
		}
		var age float64
		eventually(t, 5*time.Second, "the metrics tell of a fetch that failed, and of keys that are old", func() bool {
			var errors, stale float64
			errors, stale, age = metrics("good", "stale")
			return errors >= 1 && stale == 1 && age > 0
		})
		if errors, fresh, _ := metrics("drowned", "fresh"); errors != 0 || fresh != 1 {
			t.Errorf("another issuer: %v fetches failed, fresh %v; want none, 1", errors, fresh)
		}
		eventually(t, 5*time.Second, "the age of the keys grows", func() bool {
			_, _, later := metrics("good", "stale")
			return later > age
		})
		// A new policy file takes over what it keeps of the old one.
		later := github(event).to("/e2e/later")
		writeInto(t, folder, "later.yaml", "policies: {later: {require: {provider: {name: github, secrets: [github]}}}}\n")
		w.servers[0].signal(t, syscall.SIGHUP)
		w.turns(t, 15*time.Second, later, 500, 200)
		w.allowed(t, w.send(t, with("good", k)))
		w.allowed(t, w.send(t, github(event).to("/e2e/github")))
	})
	t.Run("an issuer that comes back", func(t *testing.T) {
		w.turns(t, 90*time.Second, with("away", k), 503, 200)
	})
}

// flood sends tokens of unknown keys, many at once, and counts what the issuer
// gets of them.
func flood(t *testing.T, w *world, i *issuer, good request) {
	t.Helper()
	stranger := newSigner(t, "", "ES256")
	before := i.asked(jwksPath)
	start := time.Now()
	senders := w.startLoad(t, func() request {
		return bearing("flooded", stranger.named("of-"+random()).token(goodClaims(i.url, audience)))
	})
	for range 10 {
		w.allowed(t, w.send(t, good))
		time.Sleep(100 * time.Millisecond)
	}
	outcomes := senders.end()
	if len(outcomes) != 1 || outcomes["401"] < 50 {
		t.Errorf("the flood ended so: %v; want every one 401, and 50 at least", outcomes)
	}
	windows := int(time.Since(start)/(30*time.Second)) + 2 // of 30 s that it may touch
	if got := i.asked(jwksPath) - before; got > windows {
		t.Errorf("the issuer was asked %d times, want %d at most", got, windows)
	}
}

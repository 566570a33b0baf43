//go:build e2e

package e2e

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

func TestReplayStoreClaims(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	store := readyStore(t, r.url())
	wantGrant(t, store, claimOf("1", 1), authz.ClaimNew)
	wantNone(t, store, claimOf("2", 1), authz.ReasonReplayed)
	wantNone(t, store, claimOf("", 1), authz.ReasonReplayed)
	wantGrant(t, store, claimOf("1", 1), authz.ClaimRepeated)

	other := claimOf("2", 1)
	other.Policy = "another"
	wantGrant(t, store, other, authz.ClaimNew)

	// All of them, or none.
	wantGrant(t, store, claimOf("3", 2, 3, 2), authz.ClaimNew)
	wantNone(t, store, claimOf("4", 4, 3), authz.ReasonReplayed)
	wantNone(t, store, claimOf("3", 4, 3), authz.ReasonReplayed)
	wantGrant(t, store, claimOf("4", 4), authz.ClaimNew)
	wantGrant(t, store, claimOf("3", 3, 2), authz.ClaimRepeated)
	wantNone(t, store, claimOf("3", 3, 4), authz.ReasonReplayed) // of two streams

	// Without a stream nobody is known again.
	wantGrant(t, store, claimOf("", 5), authz.ClaimNew)
	wantNone(t, store, claimOf("", 5), authz.ReasonReplayed)

	// A stream may repeat for a while only.
	brief := claimOf("6", 6)
	brief.Repeat = 50 * time.Millisecond
	wantGrant(t, store, brief, authz.ClaimNew)
	eventually(t, 5*time.Second, "the repeat is over", func() bool {
		_, reason, _ := claimIn(store, claimOf("6", 6))
		return reason == authz.ReasonReplayed
	})

	// No claim at all.
	wantNone(t, store, claimOf("7"), authz.ReasonBug)
	many := make([]int, 17)
	for i := range many {
		many[i] = 100 + i
	}
	wantNone(t, store, claimOf("7", many...), authz.ReasonBug)
	wantGrant(t, store, claimOf("7", many[1:]...), authz.ClaimNew)

	// What was signed before the store was ready may have passed before.
	wantNone(t, store, signedAt(time.Now().Add(-time.Minute), claimOf("8", 8)), authz.ReasonReplayStoreUnavailable)
	wantNone(t, store, signedAt(time.Now().Add(-time.Minute), claimOf("8", 1)), authz.ReasonReplayed)
	wantGrant(t, store, signedAt(time.Time{}, claimOf("8", 8)), authz.ClaimNew)

	// A clock that is wrong by minutes tells nothing.
	for _, off := range []time.Duration{-2 * time.Minute, 2 * time.Minute} {
		c := claimOf("9", 9)
		c.Now = c.Now.Add(off)
		wantNone(t, store, c, authz.ReasonReplayStoreUnavailable)
	}
	wantGrant(t, store, claimOf("9", 9), authz.ClaimNew)

	// Claims are kept a little longer than asked for, the epoch for ever.
	for name := range strings.FieldsSeq(r.keys(t)) {
		ttl := pttl(t, r, name)
		if name == "hookauthz:replay:epoch" {
			if ttl != -1 {
				t.Errorf("the epoch ends in %d ms", ttl)
			}
			continue
		}
		if !strings.HasPrefix(name, "hookauthz:replay:{") || ttl < 170_000 || ttl > 180_000 {
			t.Errorf("%s ends in %d ms, want 1 to 3 minutes", name, ttl)
		}
	}
}

func pttl(t *testing.T, r *redis, name string) int {
	t.Helper()
	ms, err := strconv.Atoi(strings.TrimPrefix(r.command(t, "PTTL", name), ":"))
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// A claim ends by itself.
func TestReplayStoreForgets(t *testing.T) {
	t.Parallel()
	r := replayRedis(t)
	store := readyStore(t, r.url())
	c := signedAt(time.Time{}, claimOf("1", 1))
	wantGrant(t, store, c, authz.ClaimNew)
	name := strings.ReplaceAll(strings.ReplaceAll(r.keys(t), "hookauthz:replay:epoch", ""), " ", "")
	if answer := r.command(t, "PEXPIRE", name, "1"); answer != ":1" {
		t.Fatalf("%q: %s", name, answer)
	}
	time.Sleep(5 * time.Millisecond)
	wantGrant(t, store, signedAt(time.Time{}, claimOf("2", 1)), authz.ClaimNew)
}

// documentedUser is the command that the page on replay has for a user.
func documentedUser(t *testing.T, password string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/replay.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("(?m)^ACL SETUSER .*$").FindString(string(text))
	return strings.Fields(strings.Replace(line, "PASSWORD", password, 1))
}

// Ways to connect other than a URL with host and password.
func TestReplayStoreConnects(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	r := replayRedis(t, "--unixsocket", path, "--unixsocketperm", "700")
	r.ok(t, documentedUser(t, "p@ss:/word")...)
	r.ok(t, "ACL", "SETUSER", "blind", "on", ">p", "~hookauthz:replay:*", "+eval", "+evalsha", "+get", "+set", "+time")
	r.ok(t, "ACL", "SETUSER", "reader", "on", ">p", "~hookauthz:replay:*", "+eval", "+evalsha", "+get", "+info", "+time")
	r.ok(t, "ACL", "SETUSER", "elsewhere", "on", ">p", "~other:*", "+@all")
	tests := []struct {
		name, url string
		want      string // in the error; "" for none
	}{
		{name: "socket", url: "unix://:" + r.password + "@" + path},
		{name: "database of a socket", url: "unix://:" + r.password + "@" + path + "?db=3"},
		{name: "database", url: strings.TrimSuffix(r.url(), "0") + "2"},
		{name: "least rights", url: "redis://hookauthz:p%40ss%3A%2Fword@" + r.address},
		{name: "no look at the settings", url: "redis://blind:p@" + r.address, want: "lacks the right"},
		{name: "no writing", url: "redis://reader:p@" + r.address, want: "lacks the right"},
		{name: "other keys", url: "redis://elsewhere:p@" + r.address, want: "lacks the right"},
		{name: "wrong password", url: "redis://:canary@" + r.address, want: "the password"},
		{name: "no password", url: "redis://" + r.address, want: "the password"},
		{name: "no TLS there", url: "rediss://:canary@" + r.address, want: "does not answer"},
		{name: "nobody", url: unreachable(t), want: "does not answer"},
		{name: "no socket", url: "unix:///nowhere/canary", want: "does not answer"},
		{name: "no cluster", url: "redis+cluster://:" + r.password + "@" + r.address, want: "not usable"},
		{name: "no Sentinel", url: "redis+sentinel://" + r.address + "?master=m", want: "not usable"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := openStore(t, tt.url)
			err := store.Usable(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				wantGrant(t, store, claimOf("1", i), authz.ClaimNew)
				wantNone(t, store, claimOf("2", i), authz.ReasonReplayed)
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			_, reason, refusal := claimIn(store, claimOf("1", 1000+i))
			if reason != authz.ReasonReplayStoreUnavailable {
				t.Fatalf("claim: %v", refusal)
			}
			for _, told := range []error{err, refusal} {
				if text := told.Error(); strings.Contains(text, "canary") || strings.Contains(text, r.address) || strings.Contains(text, r.password) {
					t.Errorf("it tells of the URL: %s", text)
				}
			}
		})
	}
}

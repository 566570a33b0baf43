package basic_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/basic"
)

// guess lets a source guess n passwords and returns how often each reason came.
func guess(t *testing.T, check authz.Check, n int, request func(i int) *authz.Request) map[authz.Reason]int {
	t.Helper()
	reasons := map[authz.Reason]int{}
	for i := range n {
		_, err := check.Verify(t.Context(), request(i))
		if err == nil {
			t.Fatal("a guess passed")
		}
		reasons[authz.DeniedBy(err).Reason()]++
	}
	return reasons
}

// What is counted is hashes: a flood must not cause more of them than the tokens
// that there are.
func TestFlood(t *testing.T) {
	tests := []struct {
		name    string
		request func(i int) *authz.Request
		want    int // hashes at most
	}{
		{name: "one user from one address", want: basic.UserBurst, request: func(i int) *authz.Request {
			return from("192.0.2.1", 0, fmt.Sprintf("ali:guess %d", i))
		}},
		{name: "many users from one address", want: basic.AddressBurst, request: func(i int) *authz.Request {
			return from("192.0.2.1", 0, fmt.Sprintf("user%d:guess", i))
		}},
		{name: "many users from one network of IPv6", want: basic.AddressBurst, request: func(i int) *authz.Request {
			return from(fmt.Sprintf("2001:db8::%x", i+1), 0, fmt.Sprintf("user%d:guess", i))
		}},
		{name: "IPv4 in two spellings", want: basic.UserBurst, request: func(i int) *authz.Request {
			return from([]string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2], 0, fmt.Sprintf("ali:guess %d", i))
		}},
		{name: "one user for a minute", want: basic.UserBurst + 6, request: func(i int) *authz.Request {
			return from("192.0.2.1", time.Duration(i)*time.Minute/500, fmt.Sprintf("ali:guess %d", i))
		}},
		{name: "many users for a minute", want: basic.AddressBurst + 60, request: func(i int) *authz.Request {
			return from("192.0.2.1", time.Duration(i)*time.Minute/500, fmt.Sprintf("user%d:guess", i))
		}},
		{name: "times in disorder", want: basic.UserBurst + 1, request: func(i int) *authz.Request {
			return from("192.0.2.1", time.Duration(i*7%10)*time.Second, fmt.Sprintf("ali:guess %d", i))
		}},
		{name: "the clock is set back after each ten", want: basic.UserBurst, request: func(i int) *authz.Request {
			return from("192.0.2.1", -time.Duration(i/10)*time.Hour, fmt.Sprintf("ali:guess %d", i))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check, m := newMetered(t, hashes(users()), one(hashOf(password)))
			reasons := guess(t, check, 500, tt.request)
			calls, _ := m.since()
			if calls > tt.want || calls < tt.want/2 || reasons[authz.ReasonBasicInvalid] != calls || reasons[authz.ReasonSenderLimit] != 500-calls {
				t.Errorf("%d hashes, want at most %d; %v", calls, tt.want, reasons)
			}
		})
	}
}

// A clock that was set back costs a source what the bucket holds, not the hours.
func TestClockSetBack(t *testing.T) {
	check, m := newMetered(t, hashes(users()), one(hashOf(password)))
	for _, after := range []time.Duration{0, -time.Hour, -time.Hour + basic.UserBurst*basic.UserPause} {
		guess(t, check, 10, func(i int) *authz.Request { return from("192.0.2.1", after, fmt.Sprintf("ali:guess %d", i)) })
	}
	if calls, _ := m.since(); calls != 2*basic.UserBurst {
		t.Errorf("%d hashes, want %d", calls, 2*basic.UserBurst)
	}
}

// Strangers lock nobody out: neither by a user's name, nor from the same address
// once the sender was seen there.
func TestFloodLeavesSenders(t *testing.T) {
	check, m := newMetered(t, hashes(users()), one(hashOf(password)))
	flood := func(after time.Duration) {
		guess(t, check, 100, func(i int) *authz.Request {
			return from("192.0.2.1", after, fmt.Sprintf("ali:guess %d", i))
		})
		guess(t, check, 100, func(i int) *authz.Request {
			return from("192.0.2.1", after, fmt.Sprintf("user%d:guess", i))
		})
		m.since()
	}
	steps := []struct {
		name    string
		address string
		after   time.Duration
		calm    bool
		want    authz.Reason
		calls   int
	}{
		{name: "an unseen sender behind the address of the flood", address: "192.0.2.1", want: authz.ReasonSenderLimit},
		{name: "an unseen sender elsewhere", address: "198.51.100.1", want: authz.ReasonVerified, calls: 1},
		{name: "then behind the address of the flood", address: "192.0.2.1", want: authz.ReasonSenderLimit},
		{name: "there, before the flood", address: "192.0.2.1", after: time.Hour, calm: true, want: authz.ReasonVerified, calls: 1},
		{name: "there, in the flood", address: "192.0.2.1", after: time.Hour, want: authz.ReasonVerified},
		{name: "and when its proof is old", address: "192.0.2.1", after: 2 * time.Hour, want: authz.ReasonVerified, calls: 1},
	}
	for _, step := range steps {
		if !step.calm {
			flood(step.after)
		}
		_, err := check.Verify(t.Context(), from(step.address, step.after, "ali:"+password))
		t.Run(step.name, func(t *testing.T) {
			authztest.WantReason(t, err, step.want)
			if calls, _ := m.since(); calls != step.calls {
				t.Errorf("%d hashes, want %d", calls, step.calls)
			}
		})
	}
}

// That the sender was seen a moment ago gives a guesser elsewhere no more guesses
// than there are tokens: else the right one would pass, and be told by it.
func TestGuessesAtASenderThatIsSeen(t *testing.T) {
	check, m := newMetered(t, hashes(users()), one(hashOf(password)))
	for _, after := range []time.Duration{0, time.Second, time.Hour} {
		_, err := check.Verify(t.Context(), from("198.51.100.1", after, "ali:"+password))
		authztest.WantReason(t, err, authz.ReasonVerified)
		guess(t, check, 2*basic.UserBurst, func(i int) *authz.Request { return from("192.0.2.1", after, fmt.Sprintf("ali:guess %d", i)) })
		m.since()
		_, err = check.Verify(t.Context(), from("192.0.2.1", after, "ali:"+password))
		authztest.WantReason(t, err, authz.ReasonSenderLimit)
		if calls, _ := m.since(); calls != 0 {
			t.Errorf("%d hashes, want none", calls)
		}
	}
}

// A sender that comes from several addresses is hashed once, and is seen at each.
func TestSenderOfManyAddresses(t *testing.T) {
	check, m := newMetered(t, hashes(users()), one(hashOf(password)))
	address := func(i int) string { return fmt.Sprintf("192.0.2.%d", i+1) }
	come := func(i int) error {
		_, err := check.Verify(t.Context(), from(address(i), 0, "ali:"+password))
		return err
	}
	for i := range basic.MaxSources + 1 {
		authztest.WantReason(t, come(i), authz.ReasonVerified)
	}
	if calls, _ := m.since(); calls != 1 {
		t.Errorf("%d hashes, want 1", calls)
	}
	for _, i := range []int{0, 1, basic.MaxSources} {
		guess(t, check, basic.UserBurst, func(n int) *authz.Request { return from(address(i), 0, fmt.Sprintf("ali:guess %d", n)) })
		want := authz.ReasonVerified
		if i == 0 { // forgotten
			want = authz.ReasonSenderLimit
		}
		authztest.WantReason(t, come(i), want)
	}
}

// Passwords that hold cost no tokens, however often they are hashed.
func TestGoodPasswordsAreNotLimited(t *testing.T) {
	secret := authztest.Values(hashOf(password))
	check, m := newMetered(t, hashes(users()), map[string]authz.Secrets{"one": secret})
	const n = 3 * basic.AddressBurst
	for range n {
		secret.Set(hashOf(password)) // forgets what is known of the sender
		if _, err := check.Verify(t.Context(), from("192.0.2.1", 0, "ali:"+password)); err != nil {
			t.Fatal(err)
		}
	}
	if calls, _ := m.since(); calls != n {
		t.Errorf("%d hashes, want %d", calls, n)
	}
}

// All checks of one kind together hash on no more than half of the cores, and on
// one for senders that were seen.
func TestHashesAtOnce(t *testing.T) {
	m := &meter{during: func() { time.Sleep(time.Millisecond) }}
	kind := basic.KindWith(m.matches)
	var wg sync.WaitGroup
	for i := range 4 {
		env := weakEnv(one(hashOf(password)))
		env.Policy = fmt.Sprint("policy", i)
		part, problems := kind.Build(hashes(users()), env)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for j := range 8 {
			wg.Go(func() {
				_, err := part.Check.Verify(t.Context(), from(fmt.Sprintf("192.0.2.%d", j), 0, fmt.Sprintf("ali:guess %d", j)))
				authztest.WantReason(t, err, authz.ReasonBasicInvalid)
			})
		}
	}
	wg.Wait()
	if most := max(1, runtime.GOMAXPROCS(0)/2); m.top > most {
		t.Errorf("%d hashes at once, want at most %d", m.top, most)
	}
}

// Requests that bring the same password at the same time share one hash.
func TestSameAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		pair string
		want authz.Reason
	}{
		{name: "right", pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "wrong", pair: "ali:guess", want: authz.ReasonBasicInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check, m := newMetered(t, hashes(users()), one(hashOf(password)))
				m.during = func() { time.Sleep(time.Second) }
				var wg sync.WaitGroup
				for range 50 {
					wg.Go(func() {
						_, err := check.Verify(t.Context(), from("192.0.2.1", 0, tt.pair))
						authztest.WantReason(t, err, tt.want)
					})
				}
				wg.Wait()
				if calls, _ := m.since(); calls != 1 {
					t.Errorf("%d hashes, want 1", calls)
				}
			})
		})
	}
}

// A request waits for its hash no longer than it lives, and not at all where too
// many wait. Then it has not failed: no token is gone.
func TestOverloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check, m := newMetered(t, hashes(users()), one(hashOf(password)))
		m.during = func() { time.Sleep(time.Minute) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		count := func(ctx context.Context, n int, pair func(i int) string) map[authz.Reason]int {
			var mu sync.Mutex
			reasons := map[authz.Reason]int{}
			var group sync.WaitGroup
			for i := range n {
				group.Go(func() {
					_, err := check.Verify(ctx, from(fmt.Sprintf("2001:db8:%x::1", i+1), 0, pair(i)))
					mu.Lock()
					defer mu.Unlock()
					reasons[authz.DeniedBy(err).Reason()]++
				})
			}
			group.Wait()
			return reasons
		}
		for i := range max(1, runtime.GOMAXPROCS(0)/2) { // hold all places for a minute
			wg.Go(func() {
				_, err := check.Verify(t.Context(), from("192.0.2.1", 0, fmt.Sprintf("ali:slow %d", i)))
				authztest.WantReason(t, err, authz.ReasonBasicInvalid)
			})
		}
		synctest.Wait()
		began := time.Now()
		reasons := count(ctx, 10, func(i int) string { return fmt.Sprintf("ali:guess %d", i) })
		if reasons[authz.ReasonOverloaded] != 10 || time.Since(began) != time.Second {
			t.Errorf("different passwords: %v after %v, want all overloaded after 1s", reasons, time.Since(began))
		}
		again, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if reasons := count(again, 10, func(int) string { return "ali:slow 0" }); reasons[authz.ReasonOverloaded] != 10 {
			t.Errorf("the same password: %v, want all overloaded", reasons)
		}
		last, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		began = time.Now()
		full := make(chan map[authz.Reason]int)
		go func() {
			full <- count(last, basic.MaxWaiting, func(i int) string { return fmt.Sprintf("ali:more %d", i) })
		}()
		synctest.Wait()
		_, err := check.Verify(t.Context(), from("198.51.100.7", 0, "ali:one more"))
		authztest.WantReason(t, err, authz.ReasonOverloaded)
		if time.Since(began) != 0 {
			t.Error("one more than may wait waited")
		}
		if reasons := <-full; reasons[authz.ReasonOverloaded] != basic.MaxWaiting {
			t.Errorf("%v, want all overloaded", reasons)
		}
		wg.Wait()

		// Whoever was turned away has all its tokens.
		m.during = nil
		m.since()
		guess(t, check, 2*basic.UserBurst, func(i int) *authz.Request { return from("198.51.100.7", 0, fmt.Sprintf("ali:later %d", i)) })
		if calls, _ := m.since(); calls != basic.UserBurst {
			t.Errorf("%d hashes, want %d", calls, basic.UserBurst)
		}
	})
}

// A sender that was seen does not wait behind strangers.
func TestKnownSendersHaveTheirOwnPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check, m := newMetered(t, hashes(users()), one(hashOf(password)))
		if _, err := check.Verify(t.Context(), from("192.0.2.1", 0, "ali:"+password)); err != nil {
			t.Fatal(err)
		}
		m.during = func() { time.Sleep(time.Minute) }
		var wg sync.WaitGroup
		for i := range 4 * runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				_, err := check.Verify(t.Context(), from(fmt.Sprintf("2001:db8:%x::1", i+1), 0, fmt.Sprintf("ali:guess %d", i)))
				authztest.WantReason(t, err, authz.ReasonBasicInvalid)
			})
		}
		synctest.Wait()
		began := time.Now()
		_, err := check.Verify(t.Context(), from("192.0.2.1", time.Hour, "ali:"+password))
		authztest.WantReason(t, err, authz.ReasonVerified)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v, one hash takes a minute", took)
		}
		wg.Wait()
	})
}

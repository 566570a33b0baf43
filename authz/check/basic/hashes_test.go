package basic_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/basic"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// made are the hashes that [hashOf] returned: with the race detector each takes
// long.
var made sync.Map

// hashOf returns a hash of the least cost, which only weak secrets may have.
func hashOf(text string) string {
	if before, ok := made.Load(text); ok {
		if hash, ok := before.(string); ok {
			return hash
		}
	}
	hash := hashAt(text, stored.MinWeakCost)
	made.Store(text, hash)
	return hash
}

func hashAt(text string, cost int) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(text), cost)
	if err != nil {
		return err.Error()
	}
	return string(hash)
}

func hashes(s *policypb.Basic) *policypb.Basic {
	s.Stored = "bcrypt"
	return s
}

// weakEnv is authztest.Env where all secrets may be weak.
func weakEnv(secrets map[string]authz.Secrets) *authz.Env {
	env := authztest.Env(secrets)
	find := env.Secret
	env.Secret = func(name string) (authz.Reference, bool) {
		ref, ok := find(name)
		ref.AcceptWeak = true
		return ref, ok
	}
	return env
}

// A meter counts what is hashed.
type meter struct {
	mu           sync.Mutex
	calls, work  int
	running, top int
	during       func() // called while a hash is made
}

func (m *meter) matches(h stored.Hash, password []byte) bool {
	m.mu.Lock()
	m.calls++
	m.work += h.Work()
	m.running++
	m.top = max(m.top, m.running)
	during := m.during
	m.mu.Unlock()
	if during != nil {
		during()
	}
	defer func() {
		m.mu.Lock()
		m.running--
		m.mu.Unlock()
	}()
	return h.Matches(password)
}

// since returns the calls and the work since it was last called.
func (m *meter) since() (calls, work int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls, work = m.calls, m.work
	m.calls, m.work = 0, 0
	return calls, work
}

func newMetered(tb testing.TB, s *policypb.Basic, secrets map[string]authz.Secrets) (authz.Check, *meter) {
	tb.Helper()
	m := &meter{}
	part, problems := basic.KindWith(m.matches).Build(s, weakEnv(secrets))
	if len(problems) > 0 {
		tb.Fatalf("Build: %v", problems)
	}
	return part.Check, m
}

// from returns a request that came from an address some time after the first.
func from(address string, after time.Duration, pair string) *authz.Request {
	r := authztest.Request("POST", "/h", "", "authorization", "Basic "+encode(pair))
	r.Peer, r.Received = netip.MustParseAddr(address), r.Received.Add(after)
	return r
}

func TestHashes(t *testing.T) {
	long := strings.Repeat("p", stored.MaxHashed)
	tests := []struct {
		name     string
		settings *policypb.Basic
		store    string
		pair     string
		want     authz.Reason
	}{
		{name: "users", settings: users(), store: hashOf(password), pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "pairs", settings: pairs(), store: "ali:" + hashOf(password), pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "2y", settings: users(), store: strings.Replace(hashOf(password), "$2a$", "$2y$", 1), pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "2b", settings: users(), store: strings.Replace(hashOf(password), "$2a$", "$2b$", 1), pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "wrong password", settings: users(), store: hashOf(password), pair: "ali:open barley", want: authz.ReasonBasicInvalid},
		{name: "unknown user", settings: users(), store: hashOf(password), pair: "eve:" + password, want: authz.ReasonBasicInvalid},
		{name: "unknown user of pairs", settings: pairs(), store: "ali:" + hashOf(password), pair: "eve:" + password, want: authz.ReasonBasicInvalid},
		{name: "the hash is no password", settings: users(), store: hashOf(password), pair: "ali:" + hashOf(password), want: authz.ReasonBasicInvalid},
		{name: "72 bytes", settings: users(), store: hashOf(long), pair: "ali:" + long, want: authz.ReasonVerified},
		{name: "73 bytes", settings: users(), store: hashOf(long), pair: "ali:" + long + "p", want: authz.ReasonBasicInvalid},
		{name: "a plain password in the store", settings: users(), store: password, pair: "ali:" + password, want: authz.ReasonSecretInvalid},
		{name: "a digest in the store", settings: users(), store: digest(password), pair: "ali:" + password, want: authz.ReasonSecretInvalid},
		{name: "a hash of the pair", settings: pairs(), store: hashOf("ali:" + password), pair: "ali:" + password, want: authz.ReasonSecretInvalid},
		{name: "newline", settings: users(), store: hashOf(password) + "\n", pair: "ali:" + password, want: authz.ReasonSecretInvalid},
		{name: "cost 15", settings: users(), store: strings.Replace(hashOf(password), "$04$", "$15$", 1), pair: "ali:" + password, want: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check, m := newMetered(t, hashes(tt.settings), one(tt.store))
			identity, err := check.Verify(t.Context(), from("192.0.2.1", 0, tt.pair))
			authztest.WantReason(t, err, tt.want)
			if err == nil && (identity != authz.Identity{Principal: "ali", Secret: "one", Version: 1, Credential: true}) {
				t.Errorf("identity = %+v", identity)
			}
			if calls, _ := m.since(); tt.name == "73 bytes" && calls != 0 {
				t.Errorf("%d hashes of what no hash can be of", calls)
			}
		})
	}
	// Where weak is not accepted, the cost has a floor.
	part, problems := basic.Kind().Build(hashes(users()), authztest.Env(one(hashOf(password))))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	_, err := part.Check.Verify(t.Context(), from("192.0.2.1", 0, "ali:"+password))
	authztest.WantReason(t, err, authz.ReasonSecretWeak)
}

// Whoever asks, known or not, causes as much work: that of the user who has most.
func TestEqualWork(t *testing.T) {
	s := hashes(&policypb.Basic{Users: []*policypb.BasicUser{
		{Name: "one", Secrets: []string{"a"}}, {Name: "three", Secrets: []string{"b", "c", "d"}}, {Name: "dear", Secrets: []string{"e"}},
	}})
	check, m := newMetered(t, s, map[string]authz.Secrets{
		"a": authztest.Values(hashAt("a", 4)), "b": authztest.Values(hashAt("b", 5)), "c": authztest.Values(hashAt("c", 5), hashAt("c1", 4)),
		"d": authztest.Values(hashAt("d", 6)), "e": authztest.Values(hashAt("e", 6)),
	})
	const most = 32 + 32 + 64 + 16
	for i, user := range []string{"one", "three", "dear", "nobody", "one", "a"} {
		_, err := check.Verify(t.Context(), from("192.0.2."+string(rune('1'+i)), 0, user+":wrong"))
		authztest.WantReason(t, err, authz.ReasonBasicInvalid)
		if calls, work := m.since(); work != most || calls > 4 {
			t.Errorf("user %s: %d hashes, work %d, want %d in at most 4", user, calls, work, most)
		}
	}
	for pair, want := range map[string]authz.Reason{"one:a": authz.ReasonVerified, "three:d": authz.ReasonVerified, "three:c1": authz.ReasonVerified, "dear:e": authz.ReasonVerified, "one:e": authz.ReasonBasicInvalid} {
		_, err := check.Verify(t.Context(), from("192.0.2.9", 0, pair))
		authztest.WantReason(t, err, want)
	}
}

// At most four hashes of a user are tried, newest versions first.
func TestHashesOfOneUser(t *testing.T) {
	secrets := map[string]authz.Secrets{}
	s := hashes(&policypb.Basic{})
	for _, name := range []string{"a", "b", "c"} {
		secrets[name] = authztest.Values("ali:"+hashOf(name+"2"), "ali:"+hashOf(name+"1"))
		s.Secrets = append(s.Secrets, name)
	}
	for secret, want := range map[string]authz.Reason{
		"a2": authz.ReasonVerified, "b2": authz.ReasonVerified, "c2": authz.ReasonVerified, "a1": authz.ReasonVerified,
		"b1": authz.ReasonBasicInvalid, "c1": authz.ReasonBasicInvalid,
	} {
		check, m := newMetered(t, s, secrets)
		_, err := check.Verify(t.Context(), from("192.0.2.1", 0, "ali:"+secret))
		authztest.WantReason(t, err, want)
		if calls, _ := m.since(); calls > 4 {
			t.Errorf("password %s: %d hashes", secret, calls)
		}
	}
	five := hashes(users())
	five.Users[0].Secrets = []string{"one", "one", "one", "one", "one"}
	if part, problems := basic.Kind().Build(five, authztest.Env(one("x"))); part.Check != nil || len(problems) != 1 || problems[0].Path != "users[0].secrets" {
		t.Errorf("Build() = %v, %v, want a mistake at users[0].secrets", part.Check, problems)
	}
}

// A password that matched is not hashed again for a minute, and never longer than
// its version counts.
func TestProof(t *testing.T) {
	secret := authztest.Values(hashOf(password))
	check, m := newMetered(t, hashes(users()), map[string]authz.Secrets{"one": secret})
	steps := []struct {
		name   string
		before func()
		after  time.Duration
		pair   string
		want   authz.Reason
		calls  int
	}{
		{name: "cold", pair: "ali:" + password, want: authz.ReasonVerified, calls: 1},
		{name: "warm", after: basic.ProofTime - 1, pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "out of order", after: -time.Second, pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "wrong password", pair: "ali:" + password + "x", want: authz.ReasonBasicInvalid, calls: 1},
		{name: "wrong again", pair: "ali:" + password + "x", want: authz.ReasonBasicInvalid, calls: 1},
		{name: "the password of another user", pair: "eve:" + password, want: authz.ReasonBasicInvalid, calls: 1},
		{name: "still warm", after: basic.ProofTime - 1, pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "old", after: basic.ProofTime, pair: "ali:" + password, want: authz.ReasonVerified, calls: 1},
		{name: "warm anew", after: 2*basic.ProofTime - 1, pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "the clock was set back", after: -time.Hour, pair: "ali:" + password, want: authz.ReasonVerified, calls: 1},
		{name: "a new version", before: func() { secret.Set(hashOf("new"), hashOf(password)) }, pair: "ali:new", want: authz.ReasonVerified, calls: 1},
		{name: "previous", pair: "ali:" + password, want: authz.ReasonVerified, calls: 2},
		{name: "previous, warm", pair: "ali:" + password, want: authz.ReasonVerified},
		{name: "previous ends", before: func() { secret.Set(hashOf("new")) }, pair: "ali:" + password, want: authz.ReasonBasicInvalid, calls: 1},
		{name: "unusable", before: func() { secret.Set("ruined") }, pair: "ali:new", want: authz.ReasonSecretInvalid},
		{name: "gone", before: func() { secret.Fail(authz.Deny(authz.ReasonSecretMissing, "")) }, pair: "ali:new", want: authz.ReasonSecretMissing},
	}
	for _, step := range steps {
		if step.before != nil {
			step.before()
		}
		_, err := check.Verify(t.Context(), from("192.0.2.1", step.after, step.pair))
		t.Run(step.name, func(t *testing.T) {
			authztest.WantReason(t, err, step.want)
			if calls, _ := m.since(); calls != step.calls {
				t.Errorf("%d hashes, want %d", calls, step.calls)
			}
		})
	}
}

// A proof of one policy is none for another, though they share a secret.
func TestProofsOfPolicies(t *testing.T) {
	m := &meter{}
	kind := basic.KindWith(m.matches)
	env := weakEnv(one(hashOf(password)))
	for range 2 {
		part, problems := kind.Build(hashes(users()), env)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if _, err := part.Check.Verify(t.Context(), from("192.0.2.1", 0, "ali:"+password)); err != nil {
			t.Fatal(err)
		}
		if calls, _ := m.since(); calls != 1 {
			t.Errorf("%d hashes, want 1", calls)
		}
	}
}

// A sender that has gone away before its password was hashed gets no allow, but
// finds it done when it comes again.
func TestDeadlineWhileHashing(t *testing.T) {
	check, m := newMetered(t, hashes(users()), one(hashOf(password)))
	ctx, cancel := context.WithCancel(t.Context())
	m.during = cancel
	requirement := authz.Require("basic", "", check)
	if got := authz.Decide(ctx, from("192.0.2.1", 0, "ali:"+password), requirement, nil); got.Reason() != authz.ReasonDeadline {
		t.Errorf("Decide() = %v, want %v", got.Reason(), authz.ReasonDeadline)
	}
	m.since()
	if got := authz.Decide(t.Context(), from("192.0.2.1", 0, "ali:"+password), requirement, nil); !got.Allowed() {
		t.Errorf("Decide() again = %v", got.Reason())
	}
	if calls, _ := m.since(); calls != 0 {
		t.Errorf("%d hashes for what was hashed before", calls)
	}
}

func BenchmarkBcrypt(b *testing.B) {
	const cost = stored.MinCost
	b.Run("warm", func(b *testing.B) {
		check := newCheck(b, hashes(users()), one(hashAt(password, cost)))
		r := from("192.0.2.1", 0, "ali:"+password)
		ctx := b.Context()
		if _, err := check.Verify(ctx, r); err != nil { // remembered from here on
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := check.Verify(ctx, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		check := newCheck(b, hashes(users()), one(hashAt(password, cost)))
		ctx := b.Context()
		b.ReportAllocs()
		after := time.Duration(0)
		for b.Loop() {
			after += basic.ProofTime
			if _, err := check.Verify(ctx, from("192.0.2.1", after, "ali:"+password)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A rotating secret swaps its two versions with each reading.
type rotating struct{ now, next *authztest.Secrets }

func (r *rotating) Versions(at time.Time) (*authz.Versions, error) {
	r.now, r.next = r.next, r.now
	return r.now.Versions(at)
}

// Both versions hold throughout, so no request meets a secret without one.
func TestRotationWhileHashing(t *testing.T) {
	const secret, other = "0123456789 one word", "abcdefghij+zweite Parole"
	for _, password := range []string{secret, other} {
		source := &rotating{
			now:  authztest.Values("ali:"+hashOf(secret), "ali:"+hashOf(other)),
			next: authztest.Values("ali:"+hashOf(other), "ali:"+hashOf(secret)),
		}
		part, problems := basic.Kind().Build(hashes(pairs()), weakEnv(map[string]authz.Secrets{"one": source}))
		if len(problems) > 0 {
			t.Fatalf("Build: %v", problems)
		}
		for range 2 { // begun by either
			r := authztest.Request("POST", "/h", "body", "authorization", "Basic "+encode("ali:"+password))
			if _, err := part.Check.Verify(t.Context(), r); err != nil {
				t.Errorf("Verify() error = %v while the secret rotates", err)
			}
			_, _ = source.Versions(r.Received)
		}
	}
}

package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/server/token"
)

func grantUntil(end time.Time) authz.Grant {
	return authz.Grant{
		Issuer: "https://hooks.example.com", Client: "acme", Scopes: []string{"orders", "refunds"}, Policies: []string{"shop"},
		Expires: end.Truncate(time.Millisecond),
	}
}

func put(t *testing.T, store *token.Store, grant authz.Grant) string {
	t.Helper()
	text, err := store.Put(t.Context(), grant, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func name(t *testing.T, text string) string {
	t.Helper()
	name, ok := token.NameOf(text)
	if !ok {
		t.Fatalf("NameOf(%q): no token", text)
	}
	return name
}

func TestStoreKeepsGrants(t *testing.T) {
	redis := start(t)
	store, other := open(t, redis.url()), open(t, redis.url())
	want := grantUntil(time.Now().Add(time.Minute))
	text := put(t, store, want)
	got, err := other.Find(t.Context(), text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Expires.Equal(want.Expires) || got.Issuer != want.Issuer || got.Client != want.Client || !slices.Equal(got.Scopes, want.Scopes) || !slices.Equal(got.Policies, want.Policies) {
		t.Errorf("Find() = %+v, want %+v", got, want)
	}

	// The Redis neither holds the token nor keeps the grant for longer.
	client := redis.client(t)
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 || strings.Contains(keys[0], text) || keys[0] != name(t, text) {
		t.Errorf("keys = %q, %v, want one that is not the token", keys, err)
	}
	if value, _ := client.Get(t.Context(), keys[0]).Result(); strings.Contains(value, text) {
		t.Errorf("the value holds the token: %s", value)
	}
	if ttl, err := client.PTTL(t.Context(), keys[0]).Result(); err != nil || ttl <= 50*time.Second || ttl > time.Minute {
		t.Errorf("TTL = %v, %v, want under a minute", ttl, err)
	}
}

func TestTokensDiffer(t *testing.T) {
	store := open(t, start(t).url())
	seen := map[string]bool{}
	for range 100 {
		text := put(t, store, grantUntil(time.Now().Add(time.Minute)))
		if seen[text] || len(text) != 43 {
			t.Fatalf("token %q was there before, or has not 256 bits", text)
		}
		seen[text] = true
	}
}

func TestFindRefuses(t *testing.T) {
	redis := start(t)
	store, client := open(t, redis.url()), redis.client(t)
	alive := put(t, store, grantUntil(time.Now().Add(time.Minute)))
	kept := func(value string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			text := put(t, store, grantUntil(time.Now().Add(time.Minute)))
			if err := client.Set(t.Context(), name(t, text), value, 0).Err(); err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
	literal := func(text string) func(*testing.T) string { return func(*testing.T) string { return text } }
	const good = `{"iss":"i","client":"c","policies":["p"],"expires":99999999999999}`
	tests := []struct {
		name string
		text func(*testing.T) string
		at   time.Duration // from now
		want authz.Reason
	}{
		{name: "alive", text: literal(alive), want: authz.ReasonVerified},
		{name: "written by hand", text: kept(good), want: authz.ReasonVerified},
		{name: "ended by our clock", text: literal(alive), at: time.Minute, want: authz.ReasonTokenExpired},
		{name: "another token", text: literal(strings.Repeat("A", 43)), want: authz.ReasonTokenInvalid},
		{name: "empty", text: literal(""), want: authz.ReasonTokenInvalid},
		{name: "short", text: literal(alive[1:]), want: authz.ReasonTokenInvalid},
		{name: "long", text: literal(alive + "A"), want: authz.ReasonTokenInvalid},
		{name: "stray bits", text: literal(strings.Repeat("A", 42) + "B"), want: authz.ReasonTokenInvalid},
		{name: "a line end in it", text: literal(alive[:42] + "\n"), want: authz.ReasonTokenInvalid},
		{name: "its key in the Redis", text: func(t *testing.T) string { t.Helper(); return name(t, alive) }, want: authz.ReasonTokenInvalid},
		{name: "an empty entry", text: kept(""), want: authz.ReasonTokenStoreUnavailable},
		{name: "no JSON", text: kept("yes"), want: authz.ReasonTokenStoreUnavailable},
		{name: "null", text: kept("null"), want: authz.ReasonTokenStoreUnavailable},
		{name: "an empty object", text: kept("{}"), want: authz.ReasonTokenStoreUnavailable},
		{name: "half of it", text: kept(good[:20]), want: authz.ReasonTokenStoreUnavailable},
		{name: "twice", text: kept(good + good), want: authz.ReasonTokenStoreUnavailable},
		{name: "an unknown field", text: kept(strings.Replace(good, "{", `{"admin":true,`, 1)), want: authz.ReasonTokenStoreUnavailable},
		{name: "no policies", text: kept(strings.Replace(good, `["p"]`, "[]", 1)), want: authz.ReasonTokenStoreUnavailable},
		{name: "no issuer", text: kept(strings.Replace(good, `"i"`, `""`, 1)), want: authz.ReasonTokenStoreUnavailable},
		{name: "no end", text: kept(strings.Replace(good, "99999999999999", "0", 1)), want: authz.ReasonTokenStoreUnavailable},
		{name: "a list there", text: func(t *testing.T) string {
			t.Helper()
			text := put(t, store, grantUntil(time.Now().Add(time.Minute)))
			client.Del(t.Context(), name(t, text))
			if err := client.LPush(t.Context(), name(t, text), "x").Err(); err != nil {
				t.Fatal(err)
			}
			return text
		}, want: authz.ReasonTokenStoreUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			grant, err := store.Find(t.Context(), tt.text(t), time.Now().Add(tt.at))
			if tt.want == authz.ReasonVerified {
				if err != nil {
					t.Errorf("Find() error = %v", err)
				}
				return
			}
			authztest.WantReason(t, err, tt.want)
			if grant.Client != "" || grant.Policies != nil {
				t.Errorf("Find() = %+v beside its error", grant)
			}
		})
	}
}

// Nothing is known while the Redis is away, and all is well when it is back.
func TestStoreAway(t *testing.T) {
	redis := start(t)
	store := open(t, redis.url())
	text := put(t, store, grantUntil(time.Now().Add(time.Hour)))
	away := func(what string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := store.Find(ctx, text, time.Now())
		authztest.WantReason(t, err, authz.ReasonTokenStoreUnavailable)
		if _, err := store.Put(ctx, grantUntil(time.Now().Add(time.Hour)), time.Now()); !errors.Is(err, authz.ErrUnavailable) {
			t.Errorf("%s: put error = %v, want %v", what, err, authz.ErrUnavailable)
		}
		if store.Ping(ctx) == nil {
			t.Errorf("%s: Ping() = nil", what)
		}
		if ctx.Err() != nil {
			t.Errorf("%s: no answer in time", what)
		}
	}
	redis.signal(t, syscall.SIGSTOP)
	away("stopped")
	redis.signal(t, syscall.SIGCONT)
	if _, err := store.Find(t.Context(), text, time.Now()); err != nil {
		t.Errorf("Find() error = %v after it went on", err)
	}

	redis.kill(t)
	away("killed")
	if !redis.up(t) {
		t.Fatal("it did not start again")
	}
	// It starts empty: what it knew is gone, and that is an answer.
	_, err := store.Find(t.Context(), text, time.Now())
	authztest.WantReason(t, err, authz.ReasonTokenInvalid)
	again := put(t, store, grantUntil(time.Now().Add(time.Hour)))
	if _, err := store.Find(t.Context(), again, time.Now()); err != nil {
		t.Errorf("Find() error = %v after the restart", err)
	}
}

// A Redis that starts again leaves connections behind that look alive.
func TestStoreAfterARestart(t *testing.T) {
	redis := start(t)
	store := open(t, redis.url())
	put(t, store, grantUntil(time.Now().Add(time.Hour)))
	redis.kill(t)
	if !redis.up(t) {
		t.Fatal("it did not start again")
	}
	text := put(t, store, grantUntil(time.Now().Add(time.Hour)))
	if _, err := store.Find(t.Context(), text, time.Now()); err != nil {
		t.Error(err)
	}
}

func TestFindEndsWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	store := open(t, "redis://"+silent.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = store.Find(ctx, strings.Repeat("A", 43), time.Now())
	authztest.WantReason(t, err, authz.ReasonTokenStoreUnavailable)
}

// Redis refuses in many ways; none of them is a verdict about the token.
func TestStoreRefused(t *testing.T) {
	redis := start(t)
	tests := []struct {
		name    string
		url     string
		prepare []any // a command
		find    bool  // reading works all the same
	}{
		{name: "no password", url: "redis://" + redis.address},
		{name: "wrong password", url: "redis://:wrong@" + redis.address},
		{name: "no such database", url: redis.url() + "99"},
		{name: "a replica that takes no writes", url: redis.url(), prepare: []any{"REPLICAOF", "127.0.0.1", "1"}, find: true},
		{name: "no memory left", url: redis.url(), prepare: []any{"CONFIG", "SET", "maxmemory", "1"}, find: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := redis.client(t)
			if tt.prepare != nil {
				if err := client.Do(t.Context(), tt.prepare...).Err(); err != nil {
					t.Fatal(err)
				}
				defer func() {
					client.Do(context.Background(), "REPLICAOF", "NO", "ONE")
					client.Do(context.Background(), "CONFIG", "SET", "maxmemory", "0")
				}()
			}
			store := open(t, tt.url)
			if _, err := store.Put(t.Context(), grantUntil(time.Now().Add(time.Hour)), time.Now()); !errors.Is(err, authz.ErrUnavailable) {
				t.Errorf("put error = %v, want %v", err, authz.ErrUnavailable)
			}
			_, err := store.Find(t.Context(), strings.Repeat("A", 43), time.Now())
			want := authz.ReasonTokenStoreUnavailable
			if tt.find {
				want = authz.ReasonTokenInvalid
			}
			authztest.WantReason(t, err, want)
			if strings.Contains(fmt.Sprint(err), redis.password) || strings.Contains(fmt.Sprint(err), "wrong") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

// A write whose answer is lost is no success, and is not tried twice.
func TestAnswerLost(t *testing.T) {
	redis := start(t)
	lossy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lossy.Close() }()
	go func() {
		for {
			from, err := lossy.Accept()
			if err != nil {
				return
			}
			go forward(from, redis.address)
		}
	}()
	store := open(t, "redis://:"+redis.password+"@"+lossy.Addr().String())
	if _, err := store.Put(t.Context(), grantUntil(time.Now().Add(time.Hour)), time.Now()); !errors.Is(err, authz.ErrUnavailable) {
		t.Errorf("put error = %v, want %v", err, authz.ErrUnavailable)
	}
	keys, err := redis.client(t).Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 {
		t.Errorf("keys = %q, %v, want the one that was written", keys, err)
	}
	if stats, err := redis.client(t).Info(t.Context(), "commandstats").Result(); err != nil || !strings.Contains(stats, "cmdstat_set:calls=1,") {
		t.Errorf("%v, %s, want one SET", err, stats)
	}
}

// forward passes everything on and ends the connection at the answer to SET.
func forward(from net.Conn, address string) {
	defer func() { _ = from.Close() }()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		last := strings.Contains(strings.ToLower(string(buffer[:n])), "\r\nset\r\n")
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		n, err = to.Read(buffer)
		if err != nil || last {
			return
		}
		if _, err := io.Copy(from, strings.NewReader(string(buffer[:n]))); err != nil {
			return
		}
	}
}

// Another's certificate is no Redis of ours.
func TestStoreVerifiesItsCertificate(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for file, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(folder, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	redis := begin(t, &server{path: program(t), password: rand.Text(), secure: folder})
	store := open(t, "rediss://:"+redis.password+"@"+redis.address)
	if store.Ping(t.Context()) == nil {
		t.Error("a certificate of an unknown authority is taken")
	}
}

func TestOpenStoreRefusesURLs(t *testing.T) {
	for _, url := range []string{"", "canary", "http://canary", "redis://h:canary", "redis://h/canary", "rediss://u:canary@h?canary=1", "rediss://u:canary@h?skip_verify=true", "unix:///canary.sock"} {
		if store, err := token.OpenStore(url); err == nil {
			_ = store.Close()
			t.Errorf("%q was taken", url)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error quotes the URL: %v", err)
		}
	}
}

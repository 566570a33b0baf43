//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	replayredis "github.com/hookauthz/hookauthz/authz/replay/redis"
)

// replayRedis starts Redis with arguments besides, of which the last of two counts.
func replayRedis(s scope, args ...string) *redis {
	s.Helper()
	for range 5 {
		r := &redis{address: freeAddress(s), password: random()}
		mustNotLeak(r.password)
		if r.runWith(s, args...) {
			return r
		}
		r.kill()
	}
	s.Fatalf("redis did not start")
	return nil
}

// runWith starts r, at its address, and reports whether it answers.
func (r *redis) runWith(s scope, args ...string) bool {
	s.Helper()
	_, port, _ := net.SplitHostPort(r.address)
	args = append([]string{
		"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", emptyFolder(s),
		"--requirepass", r.password, "--masterauth", r.password,
	}, args...)
	r.process = start(s, program(s, "HOOKAUTHZ_REDIS", "make tools"), nil, args...)
	return r.answers()
}

// again starts r anew after it ended.
func (r *redis) again(t *testing.T, args ...string) {
	t.Helper()
	if !r.runWith(t, args...) {
		t.Fatal("redis did not start again")
	}
}

// emptyFolder returns a new folder of this run.
func emptyFolder(s scope) string {
	s.Helper()
	folder, err := os.MkdirTemp(run.folder, "redis-")
	if err != nil {
		s.Fatalf("%v", err)
	}
	return folder
}

// command gives r a command and returns the first line of the answer, or all of
// one of several lines.
func (r *redis) command(s scope, words ...string) string {
	s.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		s.Fatalf("redis: %v", err)
	}
	defer func() { _ = conn.Close() }() // it was read
	_ = conn.SetDeadline(time.Now().Add(patience))
	for _, line := range [][]string{{"AUTH", r.password}, words} {
		text := fmt.Sprintf("*%d\r\n", len(line))
		for _, word := range line {
			text += fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
		}
		if _, err := conn.Write([]byte(text)); err != nil {
			s.Fatalf("redis: %v", err)
		}
	}
	in := bufio.NewReader(conn)
	for range 2 {
		line, err := in.ReadString('\n')
		if err != nil {
			s.Fatalf("redis: %s: %v", words[0], err)
		}
		if line == "+OK\r\n" && words != nil {
			words = nil // the login
			continue
		}
		var size int
		if n, _ := fmt.Sscanf(line, "$%d", &size); n == 1 && size > 0 {
			text := make([]byte, size)
			for read := 0; read < size; {
				n, err := in.Read(text[read:])
				if err != nil {
					s.Fatalf("redis: %v", err)
				}
				read += n
			}
			return string(text)
		}
		return strings.TrimSpace(line)
	}
	return "OK"
}

// ok is command for what must succeed.
func (r *redis) ok(s scope, words ...string) {
	s.Helper()
	if answer := r.command(s, words...); answer != "OK" && answer != "+OK" {
		s.Fatalf("redis: %s: %s", strings.Join(words, " "), answer)
	}
}

// keys returns the names in r.
func (r *redis) keys(s scope) string {
	s.Helper()
	return r.command(s, "EVAL", `return table.concat(redis.call('KEYS', '*'), ' ')`, "0")
}

// openStore opens a store that ends with the test.
func openStore(t *testing.T, url string) *replayredis.Store {
	t.Helper()
	store, err := replayredis.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// readyStore is openStore for a store that can be used, and has been since before
// what the test signs from now on.
func readyStore(t *testing.T, url string) *replayredis.Store {
	t.Helper()
	store := openStore(t, url)
	if err := store.Usable(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// claimOf is of one policy's messages, signed now.
func claimOf(stream string, messages ...int) *authz.Claim {
	now := time.Now()
	c := &authz.Claim{Policy: "p", Stream: stream, Now: now, Signed: now, Keep: time.Minute, Repeat: time.Minute}
	for _, i := range messages {
		c.Messages = append(c.Messages, sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))))
	}
	return c
}

// signedAt returns a claim with another signed time.
func signedAt(at time.Time, c *authz.Claim) *authz.Claim {
	c.Signed = at
	return c
}

// claimIn claims within a time that a check has.
func claimIn(store authz.ReplayStore, c *authz.Claim) (authz.ClaimResult, authz.Reason, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	result, err := store.Claim(ctx, c)
	if err == nil {
		return result, authz.ReasonVerified, nil
	}
	if result != authz.ClaimNone {
		return result, authz.ReasonBug, fmt.Errorf("a grant beside the error %w", err)
	}
	return result, authz.DeniedBy(err).Reason(), err
}

func wantGrant(t *testing.T, store authz.ReplayStore, c *authz.Claim, want authz.ClaimResult) {
	t.Helper()
	if got, _, err := claimIn(store, c); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func wantNone(t *testing.T, store authz.ReplayStore, c *authz.Claim, want authz.Reason) {
	t.Helper()
	if got, reason, err := claimIn(store, c); reason != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// unreachable is a URL where nothing listens.
func unreachable(s scope) string { return "redis://" + freeAddress(s) }

// socketPath is short enough for one.
func socketPath(s scope) string { return filepath.Join(emptyFolder(s), "s") }

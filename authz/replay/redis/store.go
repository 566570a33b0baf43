// Package redis remembers in a Redis, which many processes share, what was claimed.
//
// A claim is one script, so that of any number of processes one is granted it.
// Whatever is not a clear answer is [authz.ReasonReplayStoreUnavailable]: an answer
// that was lost may have granted the claim to nobody.
package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // G505: Redis names scripts by it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hookauthz/hookauthz/authz"
)

// MaxMessages is how many messages one claim may have.
const MaxMessages = 16

// MaxDrift is by how much the clocks of Redis and of this process may differ. A
// claim is refused beyond, since an epoch would mean nothing.
const MaxDrift = time.Minute

// retryTime is how long the client itself may need to repeat a call that Redis
// redirected.
const retryTime = 2 * time.Second

// prefix begins all keys.
const prefix = "hookauthz:replay:"

// keyBytes is how much of a message and of a stream is kept. Whoever found two
// messages alike in 128 bits would only have the second of his own refused.
const keyBytes = 16

// A Store is an [authz.ReplayStore] in Redis. Its methods may be called by many
// goroutines. Nothing is tried twice.
type Store struct {
	client  redis.UniversalClient
	cluster bool
	digest  string // of the script
	looks   looks
}

var _ authz.ReplayStore = (*Store)(nil)

// Open returns the store at url, whose forms are:
//
//	redis://user:password@host:port/database   or rediss:// for TLS
//	unix://user:password@/path?db=database
//	redis+sentinel://user:password@host:port,host:port/database?master=NAME&sentinel_password=PASSWORD
//	redis+cluster://user:password@host:port,host:port
//
// It does not connect yet. The error holds nothing of url.
func Open(url string) (*Store, error) {
	address, err := ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("open the replay store: %v", err)
	}
	digest := sha1.Sum([]byte(script)) //nolint:gosec // G401: Redis names scripts by it
	return &Store{
		client: client(address), cluster: address.form == formCluster,
		digest: hex.EncodeToString(digest[:]), looks: looks{seen: map[string]look{}},
	}, nil
}

// Close closes the connections.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close the replay store: %v", err)
	}
	return nil
}

// Usable returns nil if every server that keeps claims can be written and forgets
// none. It begins an epoch where there is none, except in a cluster, so that what is
// signed from now on can be told from what came before anything was remembered; see
// [Store.Prepare]. The error wraps [ErrEvicts] if a server does forget; it holds
// nothing of the URL. It waits no longer than ctx lives.
func (s *Store) Usable(ctx context.Context) error {
	err := each(ctx, s.client, s.looks.ask)
	if err == nil && !s.cluster {
		err = s.begin(ctx, "")
	}
	if err == nil {
		return nil
	}
	if !ours(err) {
		err = said(err)
	}
	return fmt.Errorf("the replay store is not usable: %w", err)
}

// Prepare is for a cluster, where each policy has an epoch of its own: it begins
// that. Without it the policy's first claim does, and is refused, since its message
// was signed before.
func (s *Store) Prepare(ctx context.Context, policy string) error {
	if err := s.begin(ctx, policy); err != nil {
		return fmt.Errorf("the replay store is not usable: %w", err)
	}
	return nil
}

func (s *Store) begin(ctx context.Context, policy string) error {
	_, _, err := s.run(ctx, &authz.Claim{Policy: policy, Now: time.Now(), Keep: time.Second}, "-")
	return err
}

// Claim implements [authz.ReplayStore]. Times are kept by the clock of Redis.
func (s *Store) Claim(ctx context.Context, c *authz.Claim) (authz.ClaimResult, error) {
	if n := len(c.Messages); n == 0 || n > MaxMessages || c.Keep <= 0 {
		return authz.ClaimNone, authz.Deny(authz.ReasonBug, fmt.Sprintf("a claim of %d messages for %v", n, c.Keep))
	}
	word, process, err := s.run(ctx, c, tag(c.Stream))
	if err != nil {
		return authz.ClaimNone, unavailable(err.Error())
	}
	if word == "replayed" { // whatever the server's settings
		return authz.ClaimNone, authz.Deny(authz.ReasonReplayed, "what was signed came before")
	}
	if word == "early" {
		return authz.ClaimNone, unavailable("signed before anything that the store still remembers")
	}
	if err := s.trusted(ctx, process, c.Policy); err != nil {
		return authz.ClaimNone, unavailable(err.Error())
	}
	if ctx.Err() != nil {
		return authz.ClaimNone, unavailable("the deadline passed before the claim")
	}
	switch {
	case word == "new", word == "repeat" && c.Stream == "": // only this call knows its tag
		return authz.ClaimNew, nil
	case word == "repeat":
		return authz.ClaimRepeated, nil
	}
	return authz.ClaimNone, unavailable(errAnswer.Error())
}

func unavailable(detail string) error {
	return authz.Deny(authz.ReasonReplayStoreUnavailable, "the replay store: "+detail)
}

// trusted returns nil if the server that answered was seen to forget nothing.
func (s *Store) trusted(ctx context.Context, process, policy string) error {
	if known, err := s.looks.recall(process); known {
		return err
	}
	server, err := keeper(ctx, s.client, s.epoch(policy))
	if err != nil {
		return errSilent
	}
	if err := s.looks.ask(ctx, server); err != nil {
		return err
	}
	if known, err := s.looks.recall(process); known {
		return err
	}
	return errSilent // another server answers by now
}

// run runs the script and returns its answer. The error is one of ours.
func (s *Store) run(ctx context.Context, c *authz.Claim, tag string) (word, process string, err error) {
	names := []any{s.epoch(c.Policy)}
	for i := range c.Messages {
		if name := messageName(c.Policy, &c.Messages[i]); !contains(names, name) {
			names = append(names, name)
		}
	}
	var signed int64
	if !c.Signed.IsZero() {
		signed = c.Signed.UnixMicro()
	}
	args := append(append(make([]any, 0, len(names)+9), "evalsha", s.digest, len(names)), names...)
	args = append(args, c.Now.UnixMicro(), MaxDrift.Microseconds(), signed,
		(c.Keep + 2*MaxDrift).Milliseconds(), max(c.Repeat, repeatOf(c)).Microseconds(), tag)
	cmd := redis.NewCmd(ctx, args...)
	err = s.client.Process(ctx, once{cmd})
	if err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") { // nothing ran
		args[0], args[1] = "eval", script
		cmd = redis.NewCmd(ctx, args...)
		err = s.client.Process(ctx, once{cmd})
	}
	if err != nil {
		return "", "", said(err)
	}
	answer, err := cmd.StringSlice()
	switch {
	case err != nil || len(answer) != 2 || answer[1] == "":
		return "", "", errAnswer
	case answer[0] == "clock":
		return "", "", errClock
	}
	return answer[0], answer[1], nil
}

// repeatOf is for how long at least a call may be repeated by itself.
func repeatOf(c *authz.Claim) time.Duration {
	if c.Stream != "" {
		return 0
	}
	return retryTime
}

func contains(names []any, name string) bool {
	for _, one := range names {
		if one == name {
			return true
		}
	}
	return false
}

// epoch returns the name of what says since when everything is remembered. It is one
// for all policies, but in a cluster a script reads nothing of another server.
func (s *Store) epoch(policy string) string {
	if s.cluster {
		return home(policy)
	}
	return prefix + "epoch"
}

// home begins the names of a policy's keys. A cluster chooses a server by what is in
// braces.
func home(policy string) string { return prefix + "{" + policy + "}" }

func messageName(policy string, m *authz.Message) string {
	return home(policy) + ":" + base64.RawURLEncoding.EncodeToString(m[:keyBytes])
}

// tag returns what a stream is known by, or a call without one.
func tag(stream string) string {
	if stream == "" {
		return rand.Text()
	}
	sum := sha256.Sum256([]byte(stream))
	return base64.RawURLEncoding.EncodeToString(sum[:keyBytes])
}

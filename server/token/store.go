package token

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/hookauthz/hookauthz/authz"
)

// Bounds of the connections to Redis. Envoy waits 200 ms for a check by default,
// and a Redis nearby answers within one.
const (
	dialTime    = time.Second
	commandTime = 200 * time.Millisecond
	poolSize    = 32
	idleTime    = 5 * time.Minute
	bufferSize  = 4 << 10
)

// A Store keeps opaque tokens in Redis, under the SHA-256 of each: whoever reads
// the Redis gets no token. Its methods may be called by many goroutines. Nothing
// is tried twice.
type Store struct{ client *redis.Client }

var _ authz.GrantStore = (*Store)(nil)

// OpenStore returns the store at url, redis://host:port or rediss://host:port,
// with user:password@ and /database if need be. It does not connect yet. The error
// holds nothing of url.
func OpenStore(url string) (*Store, error) {
	scheme, _, _ := strings.Cut(url, "://")
	options, err := redis.ParseURL(url)
	// A query could turn off what is set below, or the check of the certificate.
	if err != nil || scheme != "redis" && scheme != "rediss" || strings.Contains(url, "?") {
		return nil, errors.New("open the token store: its URL is not redis://host:port or rediss://host:port")
	}
	logging.Disable() // errors are returned, and told by us
	options.Protocol = 2
	options.MaxRetries = -1
	options.DialTimeout, options.DialerRetries = dialTime, 1
	options.ReadTimeout, options.WriteTimeout = commandTime, commandTime
	options.ContextTimeoutEnabled = true
	options.PoolSize, options.MaxActiveConns, options.PoolTimeout = poolSize, poolSize, commandTime
	options.PipelinePoolSize = -1
	options.ConnMaxIdleTime = idleTime
	options.ReadBufferSize, options.WriteBufferSize = bufferSize, bufferSize
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Store{client: redis.NewClient(options)}, nil
}

// Close closes the connections.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close the token store: %w", err)
	}
	return nil
}

// Ping returns nil if the Redis answers. It waits no longer than ctx lives.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return unreachable()
	}
	return nil
}

// entry is a grant as it is kept.
type entry struct {
	Issuer   string   `json:"iss"`
	Client   string   `json:"client"`
	Scopes   []string `json:"scopes,omitempty"`
	Policies []string `json:"policies"`
	Expires  int64    `json:"expires"` // in milliseconds since 1970
}

// Find implements [authz.GrantStore]. A token that ended by our clock is
// [authz.ReasonTokenExpired], whatever Redis still holds.
func (s *Store) Find(ctx context.Context, token string, now time.Time) (authz.Grant, error) {
	name, ok := nameOf(token)
	if !ok {
		return authz.Grant{}, authz.Deny(authz.ReasonTokenInvalid, "it has not the form of our tokens")
	}
	text, err := s.client.Get(ctx, name).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return authz.Grant{}, authz.Deny(authz.ReasonTokenInvalid, "it is none of our tokens, or it ended")
	case err != nil:
		return authz.Grant{}, unreachable()
	}
	grant, ok := parseEntry(text)
	switch {
	case !ok:
		// It is one of our tokens, perhaps of a newer version of ours.
		return authz.Grant{}, authz.Deny(authz.ReasonTokenStoreUnavailable, "what the token store holds is no grant that can be read")
	case !now.Before(grant.Expires):
		return authz.Grant{}, authz.Deny(authz.ReasonTokenExpired, "the token ended")
	}
	return grant, nil
}

// put keeps a grant and returns its new token. An error leaves it open whether
// the grant is kept, and then nobody knows its token.
func (s *Store) put(ctx context.Context, grant authz.Grant, now time.Time) (string, error) {
	token := newOpaque()
	name, _ := nameOf(token)
	text, err := json.Marshal(entry{
		Issuer: grant.Issuer, Client: grant.Client, Scopes: grant.Scopes, Policies: grant.Policies, Expires: grant.Expires.UnixMilli(),
	})
	if err != nil {
		return "", authz.Deny(authz.ReasonBug, "a grant can't be written")
	}
	if err := s.client.Set(ctx, name, text, grant.Expires.Sub(now)).Err(); err != nil {
		return "", unreachable()
	}
	return token, nil
}

// remove ends a token.
func (s *Store) remove(ctx context.Context, token string) error {
	name, ok := nameOf(token)
	if !ok {
		return nil
	}
	if err := s.client.Del(ctx, name).Err(); err != nil {
		return unreachable()
	}
	return nil
}

// unreachable tells of a Redis that gave no answer, or none to go by. The errors
// of its client may hold the address of the connection, and are not passed on.
func unreachable() error {
	return authz.Deny(authz.ReasonTokenStoreUnavailable, "the token store does not answer, or not as it should")
}

// opaqueBytes is the length of a token before it is encoded: beyond guessing.
const opaqueBytes = 32

// newOpaque returns a new token, base64url.
func newOpaque() string {
	raw := make([]byte, opaqueBytes)
	_, _ = rand.Read(raw) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(raw)
}

// nameOf returns the key of a token in Redis, false if it has not the form of one.
func nameOf(token string) (string, bool) {
	var raw [opaqueBytes]byte
	if len(token) != base64.RawURLEncoding.EncodedLen(opaqueBytes) {
		return "", false
	}
	if n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(token)); err != nil || n != opaqueBytes {
		return "", false
	}
	sum := sha256.Sum256([]byte(token))
	return "hookauthz:token:" + base64.RawURLEncoding.EncodeToString(sum[:]), true
}

// parseEntry reads what was kept, strictly.
func parseEntry(text []byte) (authz.Grant, bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var e entry
	if err := decoder.Decode(&e); err != nil {
		return authz.Grant{}, false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return authz.Grant{}, false
	}
	if e.Issuer == "" || e.Client == "" || len(e.Policies) == 0 || e.Expires <= 0 {
		return authz.Grant{}, false
	}
	return authz.Grant{Issuer: e.Issuer, Client: e.Client, Scopes: e.Scopes, Policies: e.Policies, Expires: time.UnixMilli(e.Expires)}, true
}

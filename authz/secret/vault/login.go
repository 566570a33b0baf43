package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// maxCredentialBytes is the largest token, role ID or secret ID.
const maxCredentialBytes = 16 << 10

// A token is what a login brought.
type token struct {
	secret    authz.Secret
	ttl       time.Duration // at login; 0 for one that does not end
	renewable bool          // and ours to renew
	owned     bool          // and ours to revoke
	ends      *atomic.Pointer[time.Time]
}

func newToken(value string, ttl time.Duration) token {
	t := token{secret: authz.NewSecret([]byte(value)), ttl: ttl, ends: &atomic.Pointer[time.Time]{}}
	t.extend(ttl)
	return t
}

// lifetime returns seconds as a duration. Some write a thousand years for "for
// ever", which is more than a duration holds.
func lifetime(seconds int) time.Duration {
	return time.Duration(min(int64(seconds), int64(forEver/time.Second))) * time.Second
}

// extend notes that the token now lives for ttl.
func (t token) extend(ttl time.Duration) {
	ends := time.Now().Add(ttl)
	t.ends.Store(&ends)
}

// left returns how long the token lives, false if it does not end.
func (t token) left(now time.Time) (time.Duration, bool) {
	if t.ttl == 0 {
		return 0, false
	}
	return max(t.ends.Load().Sub(now), 0), true
}

// login gets a token by the configured method. The credential is read anew.
func (c *Client) login(ctx context.Context) (token, *secret.Error) {
	if c.cfg.Auth == AuthAppRole {
		return c.loginAppRole(ctx)
	}
	return c.loginToken(ctx)
}

// loginToken takes a token that somebody gave us after a look at it.
func (c *Client) loginToken(ctx context.Context) (token, *secret.Error) {
	value := string(c.cfg.Token.Reveal())
	if c.cfg.TokenFile != "" {
		var ok bool
		if value, ok = credentialFile(c.cfg.TokenFile); !ok {
			return token{}, loginFailure(secret.CauseCredential)
		}
	}
	client, err := newAPI(c.cfg, c.transport, value)
	if err != nil {
		return token{}, loginFailure(secret.CauseCredential)
	}
	r, failure := c.lookupSelf(ctx, client)
	if failure != nil {
		return token{}, failure
	}
	o, failure := r.verdict(secret.OperationLookup)
	if failure != nil {
		return token{}, refused(failure)
	}
	data, ok := o.object("data")
	if !ok {
		return token{}, r.failure(secret.OperationLookup, secret.ClassTransient, secret.CauseMalformed)
	}
	seconds, ok := data.number("ttl")
	if !ok {
		return token{}, r.failure(secret.OperationLookup, secret.ClassTransient, secret.CauseMalformed)
	}
	if cause := c.unsuitable(data); cause != "" {
		return token{}, loginFailure(cause)
	}
	t := newToken(value, lifetime(seconds))
	t.renewable = string(data["renewable"]) == "true" && c.cfg.TokenFile == ""
	return t, nil
}

// loginAppRole exchanges role ID and secret ID for a token.
func (c *Client) loginAppRole(ctx context.Context) (token, *secret.Error) {
	role, ok := credentialFile(c.cfg.RoleIDFile)
	if !ok {
		return token{}, loginFailure(secret.CauseCredential)
	}
	id, ok := credentialFile(c.cfg.SecretIDFile)
	if !ok {
		return token{}, loginFailure(secret.CauseCredential)
	}
	body, err := json.Marshal(map[string]string{"role_id": role, "secret_id": id})
	if err != nil {
		return token{}, loginFailure(secret.CauseCredential)
	}
	client, err := newAPI(c.cfg, c.transport, "")
	if err != nil {
		return token{}, loginFailure(secret.CauseCredential)
	}
	r, failure := c.call(ctx, secret.OperationLogin, func(ctx context.Context) (*api.Response, error) {
		return client.Logical().WriteRawWithContext(ctx, "auth/"+c.cfg.AuthMount+"/login", body)
	})
	if failure != nil {
		return token{}, failure
	}
	o, failure := r.verdict(secret.OperationLogin)
	if failure != nil {
		return token{}, refused(failure)
	}
	t, failure := c.issued(r, o, secret.OperationLogin)
	if failure != nil {
		return token{}, failure
	}
	t.owned = true
	return t, nil
}

// issued decodes the token of a login or renewal.
func (c *Client) issued(r reply, o object, operation string) (token, *secret.Error) {
	auth, ok := o.object("auth")
	if !ok {
		return token{}, r.failure(operation, secret.ClassTransient, secret.CauseMalformed)
	}
	value, ok := auth.text("client_token")
	seconds, whole := auth.number("lease_duration")
	if !ok || !whole || value == "" {
		return token{}, r.failure(operation, secret.ClassTransient, secret.CauseMalformed)
	}
	if seconds == 0 {
		return token{}, &secret.Error{Class: secret.ClassCredential, Cause: secret.CauseLease, Operation: operation}
	}
	if cause := c.unsuitable(auth); cause != "" {
		return token{}, &secret.Error{Class: secret.ClassCredential, Cause: cause, Operation: operation}
	}
	t := newToken(value, lifetime(seconds))
	t.renewable = string(auth["renewable"]) == "true"
	return t, nil
}

// unsuitable returns why a token must not be used, as far as o tells.
func (c *Client) unsuitable(o object) secret.Cause {
	if c.cfg.Dev {
		return ""
	}
	for _, name := range []string{"policies", "token_policies", "identity_policies"} {
		if policies, ok := o.texts(name); !ok || slices.Contains(policies, "root") {
			return secret.CauseRootToken
		}
	}
	if uses, ok := o.number("num_uses"); !o.null("num_uses") && (!ok || uses > 0) {
		return secret.CauseUses
	}
	return ""
}

// renew returns the token's new life.
func (c *Client) renew(ctx context.Context, s *session) (time.Duration, *secret.Error) {
	r, failure := c.call(ctx, secret.OperationRenew, func(ctx context.Context) (*api.Response, error) {
		return s.client.Logical().WriteRawWithContext(ctx, "auth/token/renew-self", []byte("{}"))
	})
	if failure != nil {
		return 0, failure
	}
	o, failure := r.verdict(secret.OperationRenew)
	if failure != nil {
		return 0, refused(failure)
	}
	t, failure := c.issued(r, o, secret.OperationRenew)
	if failure != nil {
		return 0, failure
	}
	return t.ttl, nil
}

// revoke gives a token back that we logged in for.
func (c *Client) revoke(ctx context.Context, s *session) {
	r, failure := c.call(ctx, secret.OperationRevoke, func(ctx context.Context) (*api.Response, error) {
		return s.client.Logical().WriteRawWithContext(ctx, "auth/token/revoke-self", []byte("{}"))
	})
	e := secret.Event{Type: secret.EventRevocation, Result: secret.ResultOK}
	if failure == nil && r.status/100 != 2 {
		failure = r.failure(secret.OperationRevoke, secret.ClassCredential, secret.CauseRefused)
	}
	if failure != nil {
		e.Result, e.Err, e.Class, e.Cause, e.Status = result(failure), failure, failure.Class, failure.Cause, failure.Status
	}
	c.cfg.Observer.Observe(e)
}

// refused marks Vault's own no to a credential as such.
func refused(e *secret.Error) *secret.Error {
	if e.Class.Authoritative() || e.Cause == secret.CauseUpgrading {
		e.Class, e.Cause, e.RetryAfter = secret.ClassCredential, secret.CauseRefused, 0
	}
	return e
}

func loginFailure(cause secret.Cause) *secret.Error {
	return &secret.Error{Class: secret.ClassCredential, Cause: cause, Operation: secret.OperationLogin}
}

// result names the outcome of a login for metrics.
func result(e *secret.Error) string {
	switch {
	case e == nil:
		return secret.ResultOK
	case e.Cause == secret.CauseRefused:
		return secret.ResultRefused
	case e.Cause == secret.CauseRootToken, e.Cause == secret.CauseUses, e.Cause == secret.CauseLease:
		return secret.ResultUnsuitable
	}
	return secret.ResultError
}

// credentialFile reads a file that holds one word.
func credentialFile(name string) (string, bool) {
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return "", false
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxCredentialBytes+1))
	word := string(bytes.TrimSpace(text))
	if err != nil || len(text) > maxCredentialBytes || word == "" || strings.ContainsFunc(word, unprintable) {
		return "", false
	}
	return word, true
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

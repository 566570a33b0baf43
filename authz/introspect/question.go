package introspect

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// maxAnswer is how large an answer may be, in bytes. Real ones have a few hundred.
const maxAnswer = 64 << 10

// A question is how a server is asked.
type question struct {
	client  Client
	url     string
	private bool
	ring    *scheme.Keyring[authz.Secret] // of Authorization headers
	taken   *atomic.Pointer[credential]   // what the server took last
}

// A credential is one live version of our client secret.
type credential struct {
	secret  string
	version int
	header  authz.Secret
}

func newQuestion(client Client, server authz.IntrospectionServer) question {
	// RFC 6749, section 2.3.1: id and secret are form-encoded first.
	id := url.QueryEscape(server.ClientID)
	return question{
		client: client, url: server.URL, private: server.PrivateNetwork, taken: &atomic.Pointer[credential]{},
		ring: scheme.NewKeyring(server.Secrets, func(ref authz.Reference, secret authz.Secret) (authz.Secret, error) {
			if err := ref.CheckPassword(secret.Reveal()); err != nil {
				return authz.Secret{}, err //nolint:wrapcheck // a denial
			}
			pair := id + ":" + url.QueryEscape(string(secret.Reveal()))
			return authz.NewSecret([]byte("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))), nil
		}),
	}
}

// ask returns what the server says of token. It tries the live versions of our
// client secret until the server takes one. The error is a denial.
func (q *question) ask(ctx context.Context, token string, now time.Time, timeout time.Duration) (answer, error) {
	credentials, trouble := q.credentials(now)
	body := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
	for _, c := range credentials {
		response, err := q.client.Do(ctx, outbound.Request{
			Method: http.MethodPost, URL: q.url, Body: []byte(body), Private: q.private, MaxBytes: maxAnswer, Timeout: timeout,
			Header: http.Header{
				"Accept":        {jsonType},
				"Authorization": {string(c.header.Reveal())},
				"Content-Type":  {"application/x-www-form-urlencoded"},
				// Not sent: it permits another attempt where an idle connection
				// turns out to be closed. A question changes nothing.
				"Idempotency-Key": {},
			},
		})
		if err != nil {
			return answer{}, failure(err)
		}
		if response.Status == http.StatusUnauthorized || response.Status == http.StatusForbidden {
			continue // it does not take this secret
		}
		q.taken.Store(&c)
		return read(response)
	}
	if trouble == nil {
		trouble = authz.Deny(authz.ReasonSecretInvalid, "the authorization server refuses our client secret")
	}
	return answer{}, downError{trouble}
}

// credentials returns what the server may take, what it took last first.
func (q *question) credentials(now time.Time) ([]credential, error) {
	var all []credential
	var trouble error
	for i := range q.ring.Len() {
		keys, err := q.ring.At(i, now)
		trouble = scheme.WorseTrouble(trouble, err)
		for _, key := range keys {
			all = append(all, credential{secret: key.Secret, version: key.Version, header: key.Value})
		}
	}
	if last := q.taken.Load(); last != nil {
		i := slices.IndexFunc(all, func(c credential) bool { return c.secret == last.secret && c.version == last.version })
		if i > 0 {
			first := all[i]
			all = slices.Insert(slices.Delete(all, i, i+1), 0, first)
		}
	}
	return all, trouble
}

// failure is the denial where a server gave no answer.
func failure(err error) error {
	denial := unavailable("the authorization server: " + err.Error())
	var known *outbound.Error
	if errors.As(err, &known) && (known.Cause == outbound.CauseTooLarge || known.Cause == outbound.CauseEncoding) {
		return denial // the next token's answer may be another
	}
	return downError{denial}
}

// overloaded reports whether status says that the server answers nobody now.
func overloaded(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func refused(status int) error {
	denial := unavailable(fmt.Sprintf("the authorization server answers with status %d", status))
	if overloaded(status) {
		return downError{denial}
	}
	return denial
}

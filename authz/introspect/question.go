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
//
// A server that takes none of them refuses us and not the token, unless it took
// one before, or forbids: that something in front of it may do for certain tokens.
func (q *question) ask(ctx context.Context, token string, now time.Time, timeout time.Duration) (answer, error) {
	credentials, trouble := q.credentials(now)
	blocked := slices.ContainsFunc(credentials, q.took)
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
		switch response.Status {
		case http.StatusForbidden:
			blocked = true // or it does not take this secret
			continue
		case http.StatusUnauthorized:
			continue // it does not take this secret
		case http.StatusOK:
			q.taken.Store(&c)
		}
		return read(response)
	}
	if trouble == nil {
		trouble = authz.Deny(authz.ReasonSecretInvalid, "the authorization server refuses our client secret")
	}
	if blocked {
		return answer{}, trouble // the next token may not be
	}
	return answer{}, downError{trouble}
}

// took reports whether c is what the server took last.
func (q *question) took(c credential) bool {
	last := q.taken.Load()
	return last != nil && c.secret == last.secret && c.version == last.version
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
	if i := slices.IndexFunc(all, q.took); i > 0 {
		first := all[i]
		all = slices.Insert(slices.Delete(all, i, i+1), 0, first)
	}
	return all, trouble
}

// failure is the denial where a server gave no answer.
func failure(err error) error {
	denial := unavailable("the authorization server: " + err.Error())
	if known, ok := errors.AsType[*outbound.Error](err); ok {
		switch known.Cause {
		case outbound.CauseTooLarge, outbound.CauseEncoding, outbound.CauseRedirect:
			return denial // the next token's answer may be another
		default:
		}
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

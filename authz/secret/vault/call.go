package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// A reply is what a server answered.
type reply struct {
	status      int
	contentType string
	retryAfter  time.Duration
	body        []byte
}

// call makes one request in its own time and returns the whole reply. The error
// is transient: there was no reply.
func (c *Client) call(
	ctx context.Context, operation string, request func(context.Context) (*api.Response, error),
) (reply, *secret.Error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	started := time.Now()
	r, err := receive(request(ctx))
	c.cfg.Observer.Observe(secret.Event{
		Type: secret.EventRequest, Operation: operation, Duration: time.Since(started), Status: r.status,
	})
	if err != nil {
		return reply{}, &secret.Error{Class: secret.ClassTransient, Cause: cause(err), Operation: operation}
	}
	return r, nil
}

// receive reads the reply that the library returned, also beside its error for
// a status. What that error says is not used: it quotes URL and body.
func receive(resp *api.Response, err error) (reply, error) {
	if resp != nil && resp.Body != nil {
		defer resp.Body.Close() //nolint:errcheck // all that counts was read
	}
	status := &api.ResponseError{}
	if err != nil && !errors.As(err, &status) {
		return reply{}, err //nolint:wrapcheck // only classified
	}
	if resp == nil {
		return reply{}, errors.New("no response")
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err //nolint:wrapcheck // only classified
	}
	return reply{
		status: resp.StatusCode, contentType: resp.Header.Get("Content-Type"), body: body,
		retryAfter: retryAfter(resp.Header),
	}, nil
}

// cause returns why there was no reply.
func cause(err error) secret.Cause {
	var (
		unverified *tls.CertificateVerificationError
		authority  x509.UnknownAuthorityError
		invalid    x509.CertificateInvalidError
		hostname   x509.HostnameError
		record     tls.RecordHeaderError
		alert      tls.AlertError
		network    net.Error
	)
	switch {
	case errors.Is(err, errTooLarge):
		return secret.CauseTooLarge
	case errors.Is(err, context.Canceled):
		return secret.CauseCancelled
	case errors.As(err, &unverified), errors.As(err, &authority), errors.As(err, &invalid),
		errors.As(err, &hostname), errors.As(err, &record), errors.As(err, &alert):
		return secret.CauseTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return secret.CauseTimeout
	}
	return secret.CauseNetwork
}

// retryAfter returns how long the server asks to be left alone, at most an
// hour.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, time.Hour)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), time.Hour)
	}
	return 0
}

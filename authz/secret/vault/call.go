package vault

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// A reply is what a server answered.
type reply struct {
	status      int
	contentType string
	retryAfter  time.Duration // that it asks for, at most an hour
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
		retryAfter: min(outbound.RetryAfter(resp.Header), time.Hour),
	}, nil
}

// cause returns why there was no reply.
func cause(err error) secret.Cause {
	var network net.Error
	switch {
	case errors.Is(err, errTooLarge):
		return secret.CauseTooLarge
	case errors.Is(err, context.Canceled):
		return secret.CauseCancelled
	case outbound.IsTLS(err):
		return secret.CauseTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return secret.CauseTimeout
	}
	return secret.CauseNetwork
}

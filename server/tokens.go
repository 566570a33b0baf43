package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/listen"
	"github.com/hookauthz/hookauthz/server/token"
)

// prepareTokens builds the token endpoint's server, if it has a listener.
func (p *process) prepareTokens(ctx context.Context) error {
	s := p.Settings
	if s.TokenListen.Network == "" {
		return nil
	}
	if s.TokenTLS.Enabled() {
		creds, err := listen.NewCredentials(s.TokenTLS, p.Log, listen.HTTP1)
		if err != nil {
			return err //nolint:wrapcheck // it says what was attempted
		}
		p.tokenCreds = creds
	}
	p.tokens = token.NewServer(token.New(token.Config{
		Endpoint: func() *policy.TokenEndpoint { return p.reloader.current.Load().table.TokenEndpoint() },
		Ready:    p.ready.settled.Load,
		Store:    p.remotes.store,
		Log:      p.Log,
		Recorder: p.metrics,
	}))
	p.tokens.ErrorLog = slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug) // it tells of every client that breaks off
	p.tokens.BaseContext = func(net.Listener) context.Context { return context.WithoutCancel(ctx) }
	return nil
}

// listenTokens opens the token endpoint's listener.
func (p *process) listenTokens(ctx, background context.Context) (net.Listener, error) {
	if p.tokens == nil {
		return nil, nil
	}
	lis, err := listen.Open(ctx, p.Settings.TokenListen, nil, 0, p.Log)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was attempted
	}
	served := lis
	if p.tokenCreds != nil {
		served = tls.NewListener(lis, p.tokenCreds.Config())
	}
	p.group.start(background, "token endpoint", func(context.Context) {
		if err := p.tokens.Serve(served); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- fmt.Errorf("serve tokens: %w", err)
		}
	})
	return lis, nil
}

// warnOfTokens says where flags and policy file disagree about tokens.
func (p *process) warnOfTokens(g *generation) {
	switch declared := g.table.TokenEndpoint() != nil; {
	case declared && p.tokens == nil:
		p.Log.Warn("the policy file has a token_endpoint, and no --token-listen opens it: nobody can fetch a token")
	case !declared && p.tokens != nil:
		p.Log.Warn("--token-listen is set, and the policy file has no token_endpoint: every request there is answered 404")
	}
}

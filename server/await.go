package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookauthz/hookauthz/authz/keyset"
)

// An Address says where a server answers and by which policies.
type Address struct {
	GRPC     string
	Health   string // empty if nowhere
	Token    string // empty if nowhere
	Policies int
	Config   string // hash
}

// String is the line that says that checks are answered.
func (a Address) String() string {
	health := a.Health
	if health == "" {
		health = "off"
	}
	token := ""
	if a.Token != "" {
		token = " token=" + a.Token
	}
	return fmt.Sprintf("serving grpc=%s health=%s%s policies=%d config=%s", a.GRPC, health, token, a.Policies, a.Config)
}

// attributes are the addresses for the log.
func (a Address) attributes() []slog.Attr {
	attributes := []slog.Attr{slog.String("grpc", a.GRPC), slog.String("health", a.Health)}
	if a.Token != "" {
		attributes = append(attributes, slog.String("token", a.Token))
	}
	return attributes
}

// sayEvery is how often a start that waits for secrets says so.
const sayEvery = 10 * time.Second

// await announces that checks are answered once every secret is settled: its
// source has spoken, and be it to say no. It waits for as long as one is silent.
// For key sets, which others publish, it waits at most [keyset.SettleTime].
func (p *process) await(ctx context.Context, address Address) {
	for {
		g := p.reloader.current.Load()
		wait, cancel := context.WithTimeout(ctx, sayEvery)
		err := g.settled(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.sayWaiting(ctx, g, err)
			continue
		}
		warnOfSecrets(g, p.Log)
		p.ready.settled.Store(true)
		p.ready.publish()
		address.Policies, address.Config = len(g.table.Policies()), g.table.Hash()
		if p.Serving != nil {
			p.Serving(address)
		}
		return
	}
}

// sayWaiting says what a start still waits for. err is that of
// [generation.settled].
func (p *process) sayWaiting(ctx context.Context, g *generation, err error) {
	attributes := []slog.Attr{slog.Any("error", err)}
	var open []string
	for _, status := range g.keys.Status() {
		if !status.Settled {
			open = append(open, status.Name)
		}
	}
	if len(open) > 0 {
		attributes = append(attributes, slog.Any("keysets", open), slog.Duration("keysets_at_most", keyset.SettleTime))
	}
	p.Log.LogAttrs(ctx, slog.LevelWarn, "not serving yet: secrets and keys are still being read", attributes...)
}

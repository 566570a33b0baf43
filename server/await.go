package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"
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

// sayEvery is how often a start that waits for secrets says so.
const sayEvery = 10 * time.Second

// await announces that checks are answered once every secret is settled: its
// source has spoken, and be it to say no; and once key sets were fetched, or tried. It waits for as long as one is silent.
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
			p.Log.WarnContext(ctx, "not serving yet: secrets and keys are still being read", slog.Any("error", err))
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

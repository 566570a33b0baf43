package server

import (
	"fmt"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/server/extauthz"
	"github.com/hookauthz/hookauthz/server/extproc"
	"github.com/hookauthz/hookauthz/server/observe"
)

// register makes the adapters.
func (p *process) register() error {
	tables := func() *policy.Table { return p.reloader.current.Load().table }
	adapter, err := extauthz.New(extauthz.Config{
		Tables:   tables,
		Recorder: p,
		Ready:    p.ready.settled.Load,
		Logger:   p.Log,
		Tracing:  p.tracing,
	})
	if err != nil {
		return fmt.Errorf("build the server: %w", err)
	}
	adapter.Register(p.grpc)
	p.processor, err = extproc.New(extproc.Config{
		Tables:   tables,
		Recorder: p,
		Ready:    p.ready.settled.Load,
		Logger:   p.Log,
		Tracing:  p.tracing,
	})
	if err != nil {
		return fmt.Errorf("build the server: %w", err)
	}
	p.processor.Register(p.grpc)
	p.metrics.WatchInflight(
		func() int64 { return adapter.InflightChecks() + p.processor.InflightStreams() },
		func() int64 { return adapter.InflightBytes() + p.processor.InflightBytes() },
	)
	return nil
}

// Record implements the adapter's recorder.
func (p *process) Record(e *observe.Event) {
	p.observer.Record(e)
	if p.Watch != nil {
		p.Watch(e)
	}
}

// secretStates is what the metrics tell of secrets.
func (p *process) secretStates() []observe.Freshness {
	all := p.reloader.current.Load().status()
	states := make([]observe.Freshness, len(all))
	for i, s := range all {
		states[i] = observe.Freshness{Name: s.Name, State: s.State.String(), Age: s.Age}
		if s.State == secret.StateLoading || s.State == secret.StateGone || s.State == secret.StateDenied {
			states[i].Age = -1
		}
	}
	return states
}

// keySetStates is what the metrics tell of key sets.
func (p *process) keySetStates() []observe.Freshness {
	all := p.reloader.current.Load().keys.Status()
	states := make([]observe.Freshness, len(all))
	for i, s := range all {
		states[i] = observe.Freshness{Name: s.Name, State: s.State.String(), Age: s.Age}
		if s.Age == 0 {
			states[i].Age = -1
		}
	}
	return states
}

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz/replay/redis"
	"github.com/hookauthz/hookauthz/server/admin"
)

// storeTime is how long a store may take to answer. One that takes longer is of no
// use to a request either.
const storeTime = 200 * time.Millisecond

// A storeLook looks now and then whether a store can be used. Nobody is denied by
// it: it only tells operators, and the requests find out by themselves.
type storeLook struct {
	// name is that of the store in reports.
	name string
	// ask returns nil if the store can be used. It waits no longer than ctx
	// lives.
	ask func(ctx context.Context) error
	// why says what is wrong in more words than that it can't be reached; empty
	// for that.
	why    func(err error) string
	usable atomic.Bool
	detail atomic.Pointer[string]
}

// run asks the store at once and every lookEvery until ctx is done.
func (s *storeLook) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, storeTime)
		err := s.ask(asking)
		cancel()
		if ctx.Err() != nil {
			return // the answer was not waited for
		}
		s.note(err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *storeLook) note(err error) {
	detail := ""
	if err != nil && s.why != nil {
		detail = s.why(err)
	}
	s.detail.Store(&detail)
	s.usable.Store(err == nil)
}

// item is the line of a verbose report. A store that was not asked yet is not
// reachable.
func (s *storeLook) item() admin.Item {
	if s.usable.Load() {
		return admin.Item{Good: true, Text: s.name + ": reachable"}
	}
	if detail := s.detail.Load(); detail != nil && *detail != "" {
		return admin.Item{Text: s.name + ": " + *detail}
	}
	return admin.Item{Text: s.name + ": not reachable"}
}

// watchStores adds the stores that there are to what is told of readiness.
func (p *process) watchStores() {
	if store := p.remotes.store; store != nil {
		p.ready.stores = append(p.ready.stores, &storeLook{name: "token store", ask: store.Ping})
	}
	if p.remotes.replays.redis != nil {
		p.ready.stores = append(p.ready.stores, &storeLook{name: "replay store", ask: p.replayUsable, why: error.Error})
	}
}

// replayUsable is that of [replays] for the policies in force.
func (p *process) replayUsable(ctx context.Context) error {
	var policies []string
	if g := p.reloader.current.Load(); g != nil {
		policies = g.table.Claiming("redis")
	}
	return p.remotes.replays.usable(ctx, policies)
}

// refuseForgetful returns an error if the replay store is one that forgets. A
// store that can't be reached now is found out later: it denies.
func (p *process) refuseForgetful(ctx context.Context) error {
	if p.remotes.replays.redis == nil {
		return nil
	}
	const startTime = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	err := p.remotes.replays.usable(ctx, nil)
	switch {
	case errors.Is(err, redis.ErrEvicts):
		return fmt.Errorf("--replay-store: %w", err)
	case err != nil:
		p.Log.WarnContext(ctx, "the replay store can't be used yet: policies that need it deny", slog.String("error", err.Error()))
	}
	return nil
}

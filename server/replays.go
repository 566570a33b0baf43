package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/replay/memory"
	"github.com/hookauthz/hookauthz/authz/replay/redis"
	"github.com/hookauthz/hookauthz/server/config"
	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// replays are the stores of claims. Both outlive policy files.
type replays struct {
	memory *memory.Store
	redis  *redis.Store // nil without --replay-store
	traced authz.ReplayStore
	// prepared are the policies that redis is prepared for.
	prepared map[string]bool
}

func newReplays(s config.Settings, tracing *trace.Tracing) (*replays, error) {
	r := &replays{memory: memory.New(memory.Config{Start: time.Now()}), prepared: map[string]bool{}}
	if s.ReplayStore.Empty() {
		return r, nil
	}
	store, err := redis.Open(string(s.ReplayStore.Reveal()))
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was attempted
	}
	r.redis, r.traced = store, tracing.Replay(store)
	return r, nil
}

// named returns the store that policy files call name, nil if there is none.
func (r *replays) named(name string) authz.ReplayStore {
	switch {
	case name == "memory":
		return r.memory
	case name == "redis" && r.redis != nil:
		return r.traced
	}
	return nil
}

func (r *replays) close(log *slog.Logger) {
	if r.redis == nil {
		return
	}
	if err := r.redis.Close(); err != nil {
		log.Warn("could not end the connections of the replay store", slog.String("error", err.Error()))
	}
}

// usable returns nil if the shared store can keep claims. It prepares the store for
// policies, each once, so that none of them loses the first message to a cluster
// that knows nothing of it yet. One goroutine at a time may call it.
func (r *replays) usable(ctx context.Context, policies []string) error {
	if err := r.redis.Usable(ctx); err != nil {
		return err //nolint:wrapcheck // it says what is wrong
	}
	for _, name := range policies {
		if r.prepared[name] {
			continue
		}
		if err := r.redis.Prepare(ctx, name); err != nil {
			return err //nolint:wrapcheck // as above
		}
		r.prepared[name] = true
	}
	return nil
}

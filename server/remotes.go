package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/introspect"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/config"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/observe/trace"
	"github.com/hookauthz/hookauthz/server/token"
)

// remotes are the servers besides Vault that decisions may hang on: issuers,
// authorization servers and the store of opaque tokens.
type remotes struct {
	client        *outbound.Client
	keySets       *keyset.Cache
	introspection *introspect.Introspection
	store         *token.Store // nil without --token-store
	replays       *replays
	certificates  *keyset.ByURL
	tracing       *trace.Tracing
	signingDelay  time.Duration
}

// signAfter is how many refreshes old a signing key must be before it signs: by
// then every replica has read it, even after a failed read or two.
const signAfter = 4

// minSigningDelay is what replicas with a longer --refresh than ours may need.
const minSigningDelay = 2 * time.Minute

func newRemotes(s config.Settings, tracing *trace.Tracing, metrics *observe.Metrics, log *slog.Logger) (*remotes, error) {
	r := &remotes{
		client: outbound.New(outbound.Config{Dev: s.Dev}), tracing: tracing,
		signingDelay: max(signAfter*s.Refresh, minSigningDelay),
	}
	if !s.TokenStore.Empty() {
		store, err := token.OpenStore(string(s.TokenStore.Reveal()))
		if err != nil {
			return nil, err //nolint:wrapcheck // it says what was attempted
		}
		r.store = store
	}
	r.keySets = keyset.New(keyset.Config{Client: r.client, MaxStale: s.MaxStale, Dev: s.Dev, Observer: keySetEvents{metrics, log}})
	r.introspection = introspect.New(r.client, introspect.Config{})
	r.certificates = keyset.NewByURL(keyset.URLConfig{Client: r.client, Dev: s.Dev, Observer: keySetEvents{metrics, log}})
	var err error
	if r.replays, err = newReplays(s, tracing); err != nil {
		r.close(log)
		return nil, err
	}
	return r, nil
}

// sources are what g's table is compiled with. What is asked on the way of a
// request gets spans.
func (r *remotes) sources(g *generation) policy.Sources {
	sources := policy.Sources{
		Secret:       g.set.Secrets,
		Keys:         func(name string) authz.KeySet { return r.tracing.KeySet(name, g.keys.Keys(name)) },
		SigningDelay: r.signingDelay,
		Replay:       r.replays.named,
		ByURL:        r.certificates,
		Introspector: func(server authz.IntrospectionServer) authz.Introspector {
			return r.tracing.Introspector(r.introspection.Server(server))
		},
	}
	if r.store != nil {
		sources.Grants = r.tracing.Grants(r.store)
	}
	return sources
}

// close ends what is under way and gives connections back.
func (r *remotes) close(log *slog.Logger) {
	r.introspection.Close()
	r.certificates.Close()
	if r.replays != nil {
		r.replays.close(log)
	}
	r.client.Close()
	if r.store != nil {
		if err := r.store.Close(); err != nil {
			log.Warn("could not end the connections of the token store", slog.String("error", err.Error()))
		}
	}
}

// keySetEvents counts and logs what happens to key sets.
type keySetEvents struct {
	metrics *observe.Metrics
	log     *slog.Logger
}

// Observe implements [keyset.Observer].
func (k keySetEvents) Observe(e keyset.Event) {
	name := slog.String("keyset", e.Name)
	switch e.Type {
	case keyset.EventFailed:
		k.metrics.KeySetRefreshFailed(e.Name)
		k.log.Warn("a key set could not be fetched", name, slog.String("error", e.Err.Error()))
	case keyset.EventFetched:
		if e.Changed {
			k.log.Info("a key set has new keys", name, slog.Int("keys", e.Keys), slog.Int("refused", e.Refused))
		}
	case keyset.EventStateChanged:
		k.log.Info("a key set changed its state", name, slog.String("from", e.From.String()), slog.String("to", e.To.String()))
	}
}

// runKeySets fetches key sets until ctx is done.
func (p *process) runKeySets(ctx context.Context) {
	if err := p.remotes.keySets.Run(ctx); err != nil {
		p.failed <- fmt.Errorf("run the key sets: %w", err)
	}
}

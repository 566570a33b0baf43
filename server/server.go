package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
	"github.com/hookauthz/hookauthz/server/admin"
	"github.com/hookauthz/hookauthz/server/config"
	"github.com/hookauthz/hookauthz/server/extproc"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/listen"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// Options are what [Run] is given.
type Options struct {
	Settings config.Settings
	// Log is the process log. Decisions gets the decision log.
	Log       *slog.Logger
	Decisions io.Writer

	// Sources read the secrets, by kind, in place of those of Settings.
	Sources map[secret.Kind]secret.Source

	// Environ reads the environment for tracing; nil reads none.
	Environ func(name string) (string, bool)

	// Policies are files in memory, read in place of Settings.Config. They
	// don't change.
	Policies []document.File

	// Hangup forces a reload; nil for never. Force ends a drain at once.
	Hangup <-chan os.Signal
	Force  <-chan struct{}

	// Serving is called once, when checks are answered.
	Serving func(Address)
	// Watch is told each decision besides the log and the metrics; may be nil.
	Watch func(*observe.Event)
}

// headroom is what a message holds besides the body: headers and attributes.
// Gateways limit headers to far less.
const headroom = 1 << 20

// logTime is how long the decision log may take to be written out at the end.
const logTime = 2 * time.Second

// maxFailures is how many goroutines may report that they ended by themselves.
const maxFailures = 4

// A process is one Run.
type process struct {
	Options
	metrics  *observe.Metrics
	group    group
	observer *observe.Observer
	ready    *readiness
	reloader *reloader
	watcher  *watcher            // nil without a policy file
	creds    *listen.Credentials // nil without TLS
	vault    *vault.Client       // nil without Vault
	tracing  *trace.Tracing      // nil without a collector
	remotes  *remotes
	grpc     *grpc.Server
	// processor is one of the two adapters: its requests may take long to arrive.
	processor *extproc.Server
	http      *http.Server // nil without a health listener
	tokens    *http.Server // nil without a token listener
	// tokenCreds are nil without TLS for tokens.
	tokenCreds *listen.Credentials
	failed     chan error // why a listener ended by itself
	// endWatches ends the streams that follow the health, at the drain's end.
	endWatches func()
}

// Run serves until ctx is done, then drains and returns nil. It returns an error
// if it could not start, a [*MistakesError] if it is for mistakes in the policy
// file, or if a listener failed. Everything that it started has stopped when it
// returns, apart from a write of the decision log that is stuck.
func Run(ctx context.Context, o Options) error {
	metrics := observe.NewMetrics(0)
	decisions := observe.NewLog(o.Decisions, 0, metrics.Dropped)
	p := &process{
		Options:  o,
		metrics:  metrics,
		group:    group{log: o.Log, panicked: metrics.Panicked},
		observer: observe.New(metrics, decisions),
		ready:    newReadiness(),
		failed:   make(chan error, maxFailures),
	}
	// Secrets are needed until the last check is answered, and decisions are
	// written after it: both outlive ctx.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	events := observe.NewSecretEvents(metrics, o.Log)
	var err error
	if p.Sources == nil {
		p.Sources, p.vault, err = sources(o.Settings.Vault, o.Settings.Dev, events)
		if err != nil {
			return err
		}
	}
	secrets := cache.New(cache.Config{
		Sources: p.Sources, Refresh: o.Settings.Refresh, MaxStale: o.Settings.MaxStale, Observer: events,
	})
	if p.tracing, err = p.startTracing(ctx); err != nil {
		return err
	}
	defer p.endTracing()
	if p.remotes, err = newRemotes(o.Settings, p.tracing, metrics, o.Log); err != nil {
		return err
	}
	defer p.remotes.close(o.Log)
	p.watchStores()
	if err := p.refuseForgetful(ctx); err != nil {
		return err
	}
	if err := p.prepare(ctx, secrets); err != nil {
		return err
	}
	p.group.start(background, "secrets", func(ctx context.Context) {
		if err := secrets.Run(ctx); err != nil {
			p.failed <- err
		}
	})
	p.group.start(background, "key sets", p.runKeySets)
	p.group.start(background, "decision log", decisions.Run)
	if p.vault != nil {
		p.group.start(background, "vault", p.runVault)
	}

	err = p.serve(ctx, background)
	stop()
	p.finish()
	return err
}

// prepare reads the policy file and builds the servers.
func (p *process) prepare(ctx context.Context, secrets *cache.Cache) error {
	s := p.Settings
	p.reloader = &reloader{
		loader: &loader{
			read: p.reader(), cache: secrets, sources: p.Sources, remotes: p.remotes,
			refresh: s.Refresh, maxStale: s.MaxStale, log: p.Log,
		},
		metrics: p.metrics, log: p.Log,
	}
	if p.Policies == nil {
		p.watcher = newWatcher(s.Config, p.Log)
	}
	first, err := p.reloader.loader.load()
	if err != nil {
		return err
	}
	p.reloader.current.Store(first)
	p.reloader.received = first.table.LargestBody()
	p.metrics.Reloaded(first.table.Hash(), time.Now())
	p.metrics.Monitored(first.table.Monitored())
	p.metrics.WatchSecrets(p.secretStates)
	p.metrics.WatchKeySets(p.keySetStates)

	options := gate.ServerOptions(first.table.LargestBody() + headroom)
	if s.TLS.Enabled() {
		p.creds, err = listen.NewCredentials(s.TLS, p.Log)
		if err != nil {
			return err //nolint:wrapcheck // it says what was attempted
		}
		options = append(options, grpc.Creds(credentials.NewTLS(p.creds.Config())))
	}
	p.grpc = grpc.NewServer(options...)
	var states healthService
	states, p.endWatches = newHealthService(p.ready.health)
	healthpb.RegisterHealthServer(p.grpc, states)
	if err := p.register(); err != nil {
		return err
	}
	if err := p.prepareTokens(ctx); err != nil {
		return err
	}
	p.warnOfTokens(first)
	if s.Health.Network != "" {
		p.http = admin.NewServer(func() admin.Report { return p.ready.report(p.reloader.current.Load()) }, p.metrics.Registry())
		p.http.ErrorLog = slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn)
		p.http.BaseContext = func(net.Listener) context.Context { return context.WithoutCancel(ctx) }
	}
	return nil
}

// reader returns how policy files are read.
func (p *process) reader() func() (*policy.File, []document.Finding) {
	options := policy.Options{MaxBody: p.Settings.MaxBody, Dev: p.Settings.Dev, NoTokenStore: p.Settings.TokenStore.Empty(), NoReplayStore: p.Settings.ReplayStore.Empty()}
	if p.Policies != nil {
		return func() (*policy.File, []document.Finding) { return policy.Read(p.Policies, options) }
	}
	return func() (*policy.File, []document.Finding) { return policy.ReadPath(p.Settings.Config, options) }
}

// serve opens the listeners and answers until ctx is done.
func (p *process) serve(ctx, background context.Context) error {
	s := p.Settings
	lis, err := listen.Open(ctx, s.Listen, s.PeerUID, 0, p.Log)
	if err != nil {
		return err //nolint:wrapcheck // it says what was attempted
	}
	var health net.Listener
	if p.http != nil {
		health, err = listen.Open(ctx, s.Health, nil, 0, p.Log)
		if err != nil {
			return errors.Join(err, lis.Close())
		}
		p.group.start(background, "health", func(context.Context) {
			if err := p.http.Serve(health); !errors.Is(err, http.ErrServerClosed) {
				p.failed <- fmt.Errorf("serve health: %w", err)
			}
		})
	}
	tokens, err := p.listenTokens(ctx, background)
	if err != nil {
		return errors.Join(err, lis.Close())
	}
	p.group.start(background, "grpc", func(context.Context) {
		if err := p.grpc.Serve(lis); err != nil {
			p.failed <- fmt.Errorf("serve checks: %w", err)
		}
	})
	address := Address{GRPC: listen.Name(lis), Health: listen.Name(health), Token: listen.Name(tokens)}
	p.Log.LogAttrs(ctx, slog.LevelInfo, "listening; checks are denied until the secrets are read", address.attributes()...)

	running, stop := context.WithCancel(ctx)
	defer stop()
	p.follow(running, address)
	select {
	case <-ctx.Done():
		p.drain()
		return nil
	case err := <-p.failed:
		p.stop()
		return err
	}
}

// follow starts what runs beside the listeners until ctx is done.
func (p *process) follow(ctx context.Context, address Address) {
	current := p.reloader.current.Load
	p.group.start(ctx, "start", func(ctx context.Context) { p.await(ctx, address) })
	p.group.start(ctx, "readiness", func(ctx context.Context) { p.ready.watch(ctx, current, p.Log) })
	for _, store := range p.ready.stores {
		p.group.start(ctx, store.name, store.run)
	}
	if p.creds != nil {
		p.group.start(ctx, "tls", p.creds.Run)
	}
	if p.tokenCreds != nil {
		p.group.start(ctx, "token tls", p.tokenCreds.Run)
	}
	var changed chan struct{}
	if p.watcher != nil {
		changed = p.watcher.changed
		p.group.start(ctx, "watch", p.watcher.run)
	}
	p.group.start(ctx, "reload", func(ctx context.Context) { p.reloader.run(ctx, changed, p.Hangup) })
}

// finish waits for the goroutines. The decision log may hang on a writer that is
// stuck: it is given logTime.
func (p *process) finish() {
	for _, s := range []*http.Server{p.tokens, p.http} {
		if s == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), logTime)
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // whoever still asks is cut off
		}
		cancel()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.group.wait()
	}()
	select {
	case <-done:
	case <-time.After(logTime):
		p.Log.Warn("stopped without writing the last decisions: standard output does not take them")
	}
}

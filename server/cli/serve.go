package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server"
	"github.com/hookauthz/hookauthz/server/config"
)

const serveLong = `Answer the gateway's questions over gRPC: those of Envoy's ext_authz
(envoy.service.auth.v3.Authorization) and of its external processor
(envoy.service.ext_proc.v3.ExternalProcessor), at one address.

The policy file says what each route's requests must prove; these flags say how
the process runs. When checks are answered, standard error shows

  serving grpc=127.0.0.1:9191 health=127.0.0.1:9192 policies=5 config=sha256:...

and gRPC's health service and /readyz say so too. Before that, checks are denied
with 503. The decision log, one line of JSON a request, goes to standard output,
the process log to standard error.

Reload: the policy file is loaded again when it changes, and on SIGHUP. A file
with mistakes is reported and changes nothing.

Stop: on SIGTERM or SIGINT, NOT_SERVING is announced for --drain-wait while checks
are still answered; then requests in flight end. A second signal stops at once.

Vault: secrets in Vault want VAULT_ADDR and a way to log in: the variable
VAULT_TOKEN, --vault-token-file, or --vault-auth approle with its two files. The
other variables of Vault's own command line count too, such as VAULT_NAMESPACE
and VAULT_CACERT.

Tokens: --token-listen opens the token endpoint that the policy file declares.
Opaque tokens want a Redis besides, --token-store.

Replay: policies with replay: {store: redis} want --replay-store, the Redis that
all replicas share.

Traces: OpenTelemetry's own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT, say
where spans are sent. Without them there are none.`

const serveExample = `  # with secrets in files or variables
  hookauthz serve --config policy.yaml

  # with Vault
  VAULT_ADDR=https://vault.example:8200 hookauthz serve --config policies/ \
    --vault-auth approle --vault-role-id-file /run/role-id --vault-secret-id-file /run/secret-id

  # beside Envoy, over a Unix socket that only Envoy's user may use
  hookauthz serve --config policy.yaml --listen unix:///run/hookauthz/grpc.sock --peer-uid 101

  # on the network, with mutual TLS
  hookauthz serve --config policy.yaml --listen 0.0.0.0:9191 --tls-cert tls.crt --tls-key tls.key \
    --tls-client-ca ca.crt --tls-client-san spiffe://example/envoy

  # with a token endpoint for senders
  hookauthz serve --config policy.yaml --token-listen 0.0.0.0:8443 \
    --token-tls-cert tls.crt --token-tls-key tls.key

  # with a Redis that remembers what came, for policies with replay
  hookauthz serve --config policy.yaml --replay-store rediss://redis.example:6379`

func (c *command) serve() *cobra.Command {
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags := config.NewFlags(set)
	var cmd *cobra.Command
	cmd = newCommand("serve --config PATH [flags]", words{
		short: "Answer the gateway's checks", long: serveLong, example: serveExample,
	}, func(ctx context.Context, _ []string) error {
		settings, err := flags.Load(cmd.Flags().Changed, c.lookup)
		if err != nil {
			return err //nolint:wrapcheck // it names the flags
		}
		return c.serveWith(ctx, settings, flags.Unknown(c.environ()), set)
	})
	cmd.Flags().AddGoFlagSet(set)
	cmd.Flags().SortFlags = false
	completeWords(cmd, "vault-auth", "token", "approle")
	completeWords(cmd, "log-level", "debug", "info", "warn", "error")
	completeWords(cmd, "log-format", "auto", "json", "text")
	describeVariables(cmd)
	return cmd
}

// serveWith runs the server until a signal.
func (c *command) serveWith(ctx context.Context, s config.Settings, unknown []string, set *flag.FlagSet) error {
	messages := newOutlet(c.err)
	defer messages.close()
	patient := *c
	patient.err = messages
	c = &patient
	log := c.logger(s)
	server.Tune(c.lookup)
	if err := server.Harden(); err != nil {
		log.WarnContext(ctx, "could not keep memory from being dumped", slog.Any("error", err))
	}
	c.warn(log, s, unknown, set)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := make(chan os.Signal, 2)
	hangup := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(signals)
	defer signal.Stop(hangup)
	force := make(chan struct{})
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { obey(signals, done, stop, force) })
	defer wg.Wait()
	defer close(done)

	err := server.Run(ctx, server.Options{
		Settings: s, Log: log, Decisions: c.out, Hangup: hangup, Force: force, Environ: c.lookup,
		Serving: func(a server.Address) { fmt.Fprintln(c.err, a) },
	})
	var mistakes *server.MistakesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mistakes):
		if err := document.Render(c.err, mistakes.Findings, document.FormatText, c.style(), filesIn(s.Config)); err != nil {
			return failed(exitInternal, err)
		}
		return failed(exitMistakes, nil)
	}
	return failed(exitMistakes, err)
}

// obey turns the first signal into a stop and the second into one without
// patience. It ends when done is closed.
func obey(signals <-chan os.Signal, done <-chan struct{}, stop func(), force chan<- struct{}) {
	for _, act := range []func(){stop, func() { close(force) }} {
		select {
		case <-signals:
			act()
		case <-done:
			return
		}
	}
}

// logger returns the process log.
func (c *command) logger(s config.Settings) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel, ReplaceAttr: spellDuration}
	if s.LogFormat == "text" || s.LogFormat == "auto" && c.terminal {
		return slog.New(slog.NewTextHandler(c.err, options))
	}
	return slog.New(slog.NewJSONHandler(c.err, options))
}

// spellDuration writes durations as in flags, in JSON too.
func spellDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// warn says what somebody should know about how the process is run.
func (c *command) warn(log *slog.Logger, s config.Settings, unknown []string, set *flag.FlagSet) {
	if s.Dev {
		fmt.Fprintln(c.err, "hookauthz: --dev is on: what protects secrets in production is off")
		log.Warn("--dev is on")
	}
	if s.Listen.Network == "tcp" && !s.Listen.Loopback() {
		switch {
		case !s.TLS.Enabled():
			log.Warn("plain text on the network: whoever reaches --listen can ask, and claim any body or address for a request")
		case s.TLS.ClientCA == "":
			log.Warn("no --tls-client-ca: whoever reaches --listen can ask, and claim any body or address for a request")
		case len(s.TLS.ClientSANs) == 0:
			log.Warn("no --tls-client-san: every client of --tls-client-ca can ask")
		}
	}
	var variables []string
	set.VisitAll(func(f *flag.Flag) { variables = append(variables, config.EnvName(f.Name)) })
	for _, name := range unknown {
		// Kubernetes adds variables for a Service of our name: only what is
		// close to one of ours is a slip.
		if near, ok := document.Closest(name, variables); ok {
			log.Warn("an environment variable belongs to no flag", slog.String("variable", name), slog.String("did_you_mean", near))
		}
	}
	if !strings.HasPrefix(s.Vault.Address, "https:") && s.Vault.Address != "" && s.Dev {
		log.Warn("Vault is reached by plain http")
	}
}

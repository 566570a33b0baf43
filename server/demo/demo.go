// Package demo shows what hookauthz does, on this machine alone: it starts the
// server that `hookauthz serve` starts, on loopback and with random secrets in
// memory, sends it real checks over gRPC and compares the verdicts.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/server"
	"github.com/hookauthz/hookauthz/server/config"
	"github.com/hookauthz/hookauthz/server/observe"
)

//go:embed demo.yaml
var policyFile []byte

// ErrVerdicts says that a verdict was not as expected.
var ErrVerdicts = errors.New("a verdict is not as expected: please report this")

// startTime is how long the server may take to start, callTime how long one
// check may take. Both are far more than is needed.
const (
	startTime = 20 * time.Second
	callTime  = 5 * time.Second
)

// settings are those of serve, on loopback and without waiting at the end.
func settings() config.Settings {
	return config.Settings{
		Config:      "demo.yaml",
		Listen:      config.Address{Network: "tcp", Address: "127.0.0.1:0"},
		TokenListen: config.Address{Network: "tcp", Address: "127.0.0.1:0"},
		MaxBody:     config.DefaultMaxBody, Refresh: time.Minute, MaxStale: time.Hour,
		DrainTimeout: time.Second,
	}
}

// Run runs the demonstration and writes it to out. The error wraps [ErrVerdicts]
// if a verdict was not as expected.
func Run(ctx context.Context, out io.Writer, color bool) error {
	s, err := newScenario(time.Now())
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	events := &recorder{}
	serving := make(chan server.Address, 1)
	ended := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		ended <- server.Run(ctx, server.Options{
			Settings: settings(), Log: slog.New(slog.DiscardHandler), Decisions: io.Discard,
			Policies: []document.File{{Name: "demo.yaml", Data: policyFile}},
			Sources:  map[secret.Kind]secret.Source{secret.KindVault: s.secrets},
			Watch:    events.record,
			Serving:  func(a server.Address) { serving <- a },
		})
	})
	defer wg.Wait()
	defer stop()

	select {
	case address := <-serving:
		return show(ctx, &printer{out: out, color: color}, s, address, events)
	case err := <-ended:
		return fmt.Errorf("start the server: %w", err)
	case <-time.After(startTime):
		return errors.New("start the server: it does not get ready")
	}
}

// show sends every row of the scenario and prints its verdict.
func show(ctx context.Context, p *printer, s *scenario, address server.Address, events *recorder) error {
	conn, err := grpc.NewClient("passthrough:///"+address.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written

	p.head(address, s)
	good := 0
	for i, row := range s.rows {
		got, err := row.send(ctx, conn, address)
		if err != nil {
			return err
		}
		ok := got.status == row.want.status && events.last().reason == row.want.reason
		if ok {
			good++
		}
		p.row(i+1, row, got, events.last(), ok)
	}
	p.foot(good, len(s.rows))
	if p.err != nil {
		return fmt.Errorf("write: %w", p.err)
	}
	if good != len(s.rows) {
		return ErrVerdicts
	}
	return nil
}

// send completes the row's request and has the server decide it.
func (r *row) send(ctx context.Context, conn *grpc.ClientConn, address server.Address) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if r.complete != nil {
		if err := r.complete(ctx, address, &r.request); err != nil {
			return answer{}, err
		}
	}
	ask := check
	if r.processed {
		ask = process
	}
	got, err := ask(ctx, conn, r.request)
	if err != nil {
		return answer{}, fmt.Errorf("ask the server: %w", err)
	}
	return got, nil
}

// told is what the decision log tells of a decision.
type told struct {
	reason, detail string
	kind           string
	principal      string
	secret         string
	version        int
	previous       bool
	bytes          int
}

// recorder keeps the last decision. Checks are sent one after the other, and a
// decision is recorded before it is answered.
type recorder struct {
	mu   sync.Mutex
	seen told
}

func (r *recorder) record(e *observe.Event) {
	id := e.Decision.Identity()
	seen := told{
		reason: e.Decision.Reason().String(), detail: e.Decision.Detail(),
		principal: id.Principal, secret: id.Secret, version: id.Version, previous: id.Previous, bytes: e.BodyBytes,
	}
	if n := len(e.Checks); n > 0 {
		seen.kind = e.Checks[n-1].Kind
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = seen
}

func (r *recorder) last() told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

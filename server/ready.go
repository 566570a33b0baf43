package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
	"github.com/hookauthz/hookauthz/server/admin"
	"github.com/hookauthz/hookauthz/server/extauthz"
	"github.com/hookauthz/hookauthz/server/extproc"
)

// readiness says whether checks are answered, to gRPC and HTTP probes alike.
type readiness struct {
	health *health.Server
	// settled: the source of every secret has answered, be it with a no. It never
	// goes back, and the adapter denies all requests before it.
	settled atomic.Bool
	// exhausted: no secret is good any more.
	exhausted atomic.Bool
	draining  atomic.Bool
	// stores are told of and decide nothing.
	stores []*storeLook
}

func newReadiness() *readiness {
	r := &readiness{health: health.NewServer()}
	r.publish()
	return r
}

// ready reports whether the gateway should send requests here.
func (r *readiness) ready() bool {
	return r.settled.Load() && !r.draining.Load() && !r.exhausted.Load()
}

// publish tells gRPC's health service.
func (r *readiness) publish() {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if r.ready() {
		status = healthpb.HealthCheckResponse_SERVING
	}
	r.health.SetServingStatus("", status)
	r.health.SetServingStatus(extauthz.ServiceName, status)
	r.health.SetServingStatus(extproc.ServiceName, status)
}

// report is what /readyz tells.
func (r *readiness) report(g *generation) admin.Report {
	report := admin.Report{Ready: r.ready()}
	switch {
	case r.draining.Load():
		report.Why = "shutting down"
	case !r.settled.Load():
		report.Why = "secrets and keys are still being read"
	case r.exhausted.Load():
		report.Why = "no secret could be read for longer than --max-stale"
	}
	report.Items = append(report.Items, admin.Item{
		Good: true,
		Text: fmt.Sprintf("policies: %d, %s", len(g.table.Policies()), g.table.Hash()),
	})
	for _, status := range g.status() {
		report.Items = append(report.Items, admin.Item{Good: status.State == secret.StateFresh, Text: describe(status)})
	}
	for _, status := range g.keys.Status() {
		report.Items = append(report.Items, admin.Item{Good: status.State == secret.StateFresh, Text: describeKeys(status)})
	}
	for _, store := range r.stores {
		report.Items = append(report.Items, store.item())
	}
	return report
}

// describeKeys puts a key set's state into words.
func describeKeys(s keyset.Status) string {
	text := fmt.Sprintf("key set %s: %s, %d keys", s.Name, s.State, s.Keys)
	if s.Age > 0 {
		text += ", fetched " + s.Age.Round(time.Second).String() + " ago"
	}
	if s.Refused > 0 {
		text += fmt.Sprintf(", %d more can't be used", s.Refused)
	}
	if s.Err != nil {
		text += "; last fetch: " + s.Err.Error()
	}
	return text
}

// describe puts a secret's state into words without its value.
func describe(s cache.Status) string {
	text := fmt.Sprintf("secret %s (%s): %s", s.Name, s.Kind, s.State)
	if s.Age > 0 {
		text += ", read " + s.Age.Round(time.Second).String() + " ago"
	}
	if s.Version > 0 {
		text += fmt.Sprintf(", version %d", s.Version)
	}
	if s.Previous {
		text += ", the version before is accepted too"
	}
	switch {
	case s.Err == nil:
	case s.State == secret.StateUnusable:
		text += ": " + s.Err.Error()
	default:
		text += "; last read: " + s.Err.Error()
	}
	return text
}

// lookEvery is how often the states of all secrets are looked at.
const lookEvery = 5 * time.Second

// watch takes the process out of rotation when no secret is good any more, and
// back. As long as one is, the routes that use it work, and taking every replica
// out for the sake of the others would stop these too.
func (r *readiness) watch(ctx context.Context, current func() *generation, log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g := current()
		exhausted := allExpired(g.set.Status(), g.keys.Status())
		if r.exhausted.Swap(exhausted) == exhausted {
			continue
		}
		if exhausted {
			log.ErrorContext(ctx, "no secret could be read for longer than --max-stale: every check is answered 503")
		} else {
			log.InfoContext(ctx, "secrets can be read again")
		}
		r.publish()
	}
}

// allExpired reports whether nothing is good any more: no secret, and no key set,
// whose routes would work without.
func allExpired(secrets []cache.Status, keys []keyset.Status) bool {
	for i := range secrets {
		if secrets[i].State != secret.StateExpired {
			return false
		}
	}
	for i := range keys {
		if keys[i].State == secret.StateFresh || keys[i].State == secret.StateStale {
			return false
		}
	}
	return len(secrets) > 0
}

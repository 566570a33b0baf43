package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/observe"
)

// retryAfter is how soon a policy file is tried again whose secrets could not be
// read.
const retryAfter = 10 * time.Second

// A reloader swaps generations. Each check uses one generation from start to
// end; a file that can't be used leaves the one before in use.
type reloader struct {
	loader  *loader
	metrics *observe.Metrics
	log     *slog.Logger
	// received is the gRPC server's limit of a message's body.
	received int64
	current  atomic.Pointer[generation]
}

// run reloads when the file changed, or at a signal, until ctx is done.
func (r *reloader) run(ctx context.Context, changed <-chan struct{}, hangup <-chan os.Signal) {
	retry := time.NewTimer(retryAfter)
	retry.Stop()
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-hangup:
			r.log.InfoContext(ctx, "SIGHUP: reading the policy file again")
		case <-retry.C:
		}
		retry.Stop()
		if errors.Is(r.reload(ctx), errNotYet) {
			retry.Reset(retryAfter)
		}
	}
}

// errNotYet says that the file may be used later as it is.
var errNotYet = errors.New("its secrets could not be read yet")

// reload loads the policy file and swaps, whole or not at all.
func (r *reloader) reload(ctx context.Context) error {
	old := r.current.Load()
	next, err := r.loader.load()
	if err != nil {
		r.refuse(err)
		return err
	}
	if next.table.Hash() == old.table.Hash() {
		next.close()
		r.metrics.Reloaded(old.table.Hash(), time.Now())
		r.log.InfoContext(ctx, "the policy file is the one in use", slog.String("config", old.table.Hash()))
		return nil
	}
	if err := next.preload(ctx); err != nil {
		next.close()
		if ctx.Err() == nil {
			r.refuse(err)
		}
		return errNotYet
	}
	r.current.Store(next)
	old.close()
	r.metrics.Reloaded(next.table.Hash(), time.Now())
	r.metrics.Monitored(next.table.Monitored())
	r.announce(old, next)
	return nil
}

// refuse says why the file before stays in use.
func (r *reloader) refuse(err error) {
	r.metrics.ReloadFailed()
	if mistakes, ok := errors.AsType[*MistakesError](err); ok {
		logFindings(r.log, mistakes.Findings)
	}
	r.log.Error("the policy file was not loaded; the one before stays in use",
		slog.String("error", err.Error()), slog.String("config", r.current.Load().table.Hash()))
}

// announce says what changed.
func (r *reloader) announce(old, next *generation) {
	added, removed := changes(old.table, next.table)
	r.log.Info("the policy file was loaded",
		slog.Int("policies", len(next.table.Policies())), slog.String("config", next.table.Hash()))
	if len(added) > 0 {
		r.log.Info("policies were added", slog.String("added", listed(added)))
	}
	if len(removed) > 0 {
		r.log.Warn("policies were removed: their routes are denied", slog.String("removed", listed(removed)))
	}
	if next.table.LargestBody() > r.received {
		r.log.Error("bodies over the limit at start are refused until the server is started again",
			slog.Int64("limit", r.received), slog.Int64("wanted", next.table.LargestBody()))
	}
	warnOfSecrets(next, r.log)
}

// logFindings logs mistakes the way check prints them.
func logFindings(log *slog.Logger, findings []document.Finding) {
	for i, f := range findings {
		if i == document.MaxShown {
			log.Error("policy file: more mistakes are not shown", slog.Int("all", document.Mistakes(findings)))
			return
		}
		message := place(f) + ": "
		if f.Path != "" {
			message += f.Path + ": "
		}
		if f.Warning {
			log.Warn("policy file", slog.String("warning", message+f.Message))
			continue
		}
		log.Error("policy file", slog.String("mistake", message+f.Message))
	}
}

// maxListed is how many names one line of the log holds.
const maxListed = 20

func listed(names []string) string {
	if len(names) > maxListed {
		return strings.Join(names[:maxListed], " ") + " …"
	}
	return strings.Join(names, " ")
}

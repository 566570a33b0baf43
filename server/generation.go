package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

// A generation is one policy file in use: its table, and the secrets and key sets
// it names.
type generation struct {
	table *policy.Table
	set   *cache.Set
	keys  *keyset.Set
	file  *policy.File
}

// close gives back what g names.
func (g *generation) close() {
	g.set.Close()
	g.keys.Close()
}

// settled waits until every secret and key set is settled.
func (g *generation) settled(ctx context.Context) error {
	if err := g.set.Settled(ctx); err != nil {
		return err //nolint:wrapcheck // it says what was attempted
	}
	return g.keys.Settled(ctx) //nolint:wrapcheck // as above
}

// status is what is known of the secrets of g. One that could be read and that a
// check can't use counts as unusable.
func (g *generation) status() []cache.Status {
	all := g.set.Status()
	unfit := g.table.Unfit(time.Now())
	for i := range all {
		if err := unfit[all[i].Name]; err != nil && (all[i].State == secret.StateFresh || all[i].State == secret.StateStale) {
			all[i].State, all[i].Err = secret.StateUnusable, err
		}
	}
	return all
}

// A MistakesError says that the policy file can't be used.
type MistakesError struct{ Findings []document.Finding }

// Error implements error.
func (e *MistakesError) Error() string {
	n := document.Mistakes(e.Findings)
	if n == 1 {
		return "the policy file has 1 mistake"
	}
	return fmt.Sprintf("the policy file has %d mistakes", n)
}

// A loader reads policy files and opens their secrets.
type loader struct {
	read     func() (*policy.File, []document.Finding)
	cache    *cache.Cache
	sources  map[secret.Kind]secret.Source
	remotes  *remotes
	refresh  time.Duration
	maxStale time.Duration
	log      *slog.Logger
}

// load reads the policy file and begins to read its secrets. The caller closes
// the generation. Warnings are logged.
func (l *loader) load() (*generation, error) {
	file, findings := l.read()
	if file == nil || document.Mistakes(findings) > 0 {
		return nil, &MistakesError{findings}
	}
	for _, f := range findings {
		l.log.Warn("policy file", slog.String("place", place(f)), slog.String("warning", f.Message))
	}
	if err := l.feasible(file.Secrets()); err != nil {
		return nil, err
	}
	g := &generation{set: l.cache.Open(file.Secrets()), keys: l.remotes.keySets.Open(file.KeySets()), file: file}
	g.table = file.Table(l.remotes.sources(g))
	return g, nil
}

// errNoVault is said by name of flag and variable, since that is the fix.
var errNoVault = errors.New("the policy file names secrets in Vault: set VAULT_ADDR, and VAULT_TOKEN, --vault-token-file or --vault-auth approle")

// feasible refuses secrets that could not be kept fresh. A revoked secret works
// until it is read again; when that takes a large part of --max-stale, a short
// outage of Vault would end good secrets.
func (l *loader) feasible(decls []secret.Declaration) error {
	inVault := slices.ContainsFunc(decls, func(d secret.Declaration) bool { return d.Vault != nil || d.VaultPKI != nil })
	if !inVault {
		return nil
	}
	if l.sources[secret.KindVault] == nil {
		return errNoVault
	}
	const share = 4
	bound := cache.RefreshBound(decls, l.refresh, cache.DefaultRefreshRate)
	usual := cache.RefreshBound(nil, l.refresh, cache.DefaultRefreshRate)
	switch {
	case bound > l.maxStale/share:
		return fmt.Errorf("reading all secrets again takes %v, over a quarter of --max-stale %v: name fewer locations or raise --max-stale", bound, l.maxStale)
	case bound > usual:
		l.log.Warn("many secrets: a change takes longer than --refresh to be seen", slog.Duration("refresh", l.refresh), slog.Duration("bound", bound))
	default:
		l.log.Info("secrets are read again in time", slog.Duration("bound", bound))
	}
	return nil
}

// place is where a finding stands, the way compilers write it.
func place(f document.Finding) string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// changes returns the names of policies that next has and old has not, and the
// other way round.
func changes(old, next *policy.Table) (added, removed []string) {
	for _, p := range next.Policies() {
		if old.Named(p.Name()) == nil {
			added = append(added, p.Name())
		}
	}
	for _, p := range old.Policies() {
		if next.Named(p.Name()) == nil {
			removed = append(removed, p.Name())
		}
	}
	return added, removed
}

// preloadTime is how long a new policy file's secrets may take to be read before
// the file is put off.
const preloadTime = time.Minute

// preload waits until g is settled.
func (g *generation) preload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, preloadTime)
	defer cancel()
	return g.settled(ctx)
}

package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
	"github.com/hookauthz/hookauthz/server/config"
)

// A Resolution says how references are to be resolved.
type Resolution struct {
	// Settings say how Vault is reached; the rest of them does not count.
	Settings config.Settings
	File     *policy.File
	// Timeout is how long sources that do not answer are asked again.
	Timeout time.Duration
	// Progress is told now and then how many of all references have an answer;
	// nil for nobody.
	Progress func(answered, all int)
}

// Resolve reads every secret and fetches every key set that the file declares,
// from where serve would and judged as serve does, and reports on each, sorted by
// name. The error says that nothing could be tried.
func Resolve(ctx context.Context, r Resolution) ([]Reference, error) {
	notes := &notes{causes: map[string]*secret.Error{}}
	from, client, err := sources(r.Settings.Vault, r.Settings.Dev, notes)
	if err != nil {
		return nil, err
	}
	declared := r.File.Secrets()
	if client == nil && slices.ContainsFunc(declared, func(d secret.Declaration) bool { return d.Vault != nil || d.VaultPKI != nil }) {
		return nil, errNoVault
	}
	requests := outbound.New(outbound.Config{Dev: r.Settings.Dev})
	defer requests.Close()
	secrets := cache.New(cache.Config{Sources: from, Observer: notes})
	keysets := keyset.New(keyset.Config{Client: requests, Dev: r.Settings.Dev})

	running, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, run := range []func(context.Context) error{secrets.Run, keysets.Run} {
		wg.Go(func() { _ = run(running) }) // the only error is that it ran before
	}
	if client != nil {
		wg.Go(func() { _ = client.Run(running) }) // it never returns one
	}
	set, keys := secrets.Open(declared), keysets.Open(r.File.KeySets())
	defer set.Close()
	defer keys.Close()
	awaitAnswers(ctx, r, set, keys)

	table := r.File.Table(policy.Sources{Secret: set.Secrets, Keys: keys.Keys})
	return references(r.File, set, keys, table, notes), nil
}

// The pauses while references are resolved, and how long a source that does not
// answer is given even if the others are done.
const (
	answersEvery = 50 * time.Millisecond
	patience     = 2 * time.Second
)

// awaitAnswers waits until every reference has an answer. It stops at r.Timeout, or a
// while after the last that has none failed.
func awaitAnswers(ctx context.Context, r Resolution, set *cache.Set, keys *keyset.Set) {
	started := time.Now()
	ticker := time.NewTicker(answersEvery)
	defer ticker.Stop()
	for {
		answered, failing, all := 0, 0, 0
		count := func(has bool, err error) {
			all++
			switch {
			case has:
				answered++
			case err != nil:
				failing++
			}
		}
		for _, s := range set.Status() {
			count(s.Settled, s.Err)
		}
		for _, k := range keys.Status() {
			count(k.State == secret.StateFresh || refuses(k.Err), k.Err)
		}
		if r.Progress != nil {
			r.Progress(answered, all)
		}
		waited := time.Since(started)
		if answered == all || waited >= r.Timeout || answered+failing == all && waited >= min(patience, r.Timeout) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// notes keep why references have no value, which a set's status tells only in
// part.
type notes struct {
	mu     sync.Mutex
	causes map[string]*secret.Error
	login  *secret.Error
}

// Observe implements [secret.Observer].
func (n *notes) Observe(e secret.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	failure, ok := errors.AsType[*secret.Error](e.Err)
	switch {
	case e.Type == secret.EventLogin && ok:
		n.login = failure
	case e.Type == secret.EventLogin:
		n.login = nil
	case e.Reference != "" && ok:
		n.causes[e.Reference] = failure
	}
}

// of returns why the reference has no value, nil if that was not told.
func (n *notes) of(name string, last error) *secret.Error {
	n.mu.Lock()
	defer n.mu.Unlock()
	failure := n.causes[name]
	if own, ok := errors.AsType[*secret.Error](last); ok {
		failure = own
	}
	if failure != nil && failure.Class == secret.ClassCredential && n.login != nil {
		return n.login
	}
	return failure
}

// refuses reports whether an issuer has answered, and not with keys: asking again
// would not help.
func refuses(err error) bool {
	failure, ok := errors.AsType[*keyset.Error](err)
	if !ok || failure == nil {
		return false
	}
	switch failure.Cause {
	case keyset.CauseStatus:
		return failure.Declined()
	case outbound.CauseTimeout, outbound.CauseCancelled, outbound.CauseNetwork, keyset.CauseBug:
		return false
	default:
		return true
	}
}

func references(file *policy.File, set *cache.Set, keys *keyset.Set, table *policy.Table, notes *notes) []Reference {
	now := time.Now()
	unfit := table.Unfit(now)
	declared := map[string]secret.Declaration{}
	for _, d := range file.Secrets() {
		declared[d.Name] = d
	}
	var all []Reference
	for _, status := range set.Status() {
		d := declared[status.Name]
		ref := newReference(d)
		ref.judge(d, status, notes.of(status.Name, status.Err))
		if versions, err := set.Secrets(status.Name).Versions(now); err == nil && versions != nil && len(versions.Accepted) > 0 {
			ref.describe(d, versions.Accepted, now)
		}
		if why := unfit[status.Name]; why != nil && ref.State == StateOK {
			ref.unfit(why)
		}
		all = append(all, ref)
	}
	named := map[string]keyset.Declaration{}
	for _, d := range file.KeySets() {
		named[d.Name] = d
	}
	for _, status := range keys.Status() {
		all = append(all, keySetReference(named[status.Name], status))
	}
	slices.SortFunc(all, func(a, b Reference) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// placeOf returns what is read, as the source's own tools name it.
func placeOf(d secret.Declaration) string {
	switch {
	case d.Vault != nil:
		return fmt.Sprintf("%s, field %s", d.Location().VaultPaths()[0], d.Vault.Field)
	case d.VaultPKI != nil && d.Field() == secret.FieldCRL:
		return d.Location().VaultPaths()[1]
	case d.VaultPKI != nil:
		return d.Location().VaultPaths()[0]
	case d.File != nil:
		return d.File.Path
	case d.Env != nil:
		return d.Env.Name
	}
	return ""
}

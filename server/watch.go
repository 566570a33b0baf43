package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// How changes of the policy file are noticed. Events come at once, but not from
// every file system; so the content is also looked at every pollEvery. A change
// is acted on once the content has been the same for settleTime, since editors
// and copies write in steps.
const (
	pollEvery  = 10 * time.Second
	settleTime = 200 * time.Millisecond
)

// A watcher tells when a policy file or directory may have changed.
type watcher struct {
	path    string
	log     *slog.Logger
	last    digest        // of the content that was told; run's alone
	changed chan struct{} // holds at most one
}

// newWatcher returns a watcher that tells of changes from now on. It comes before
// the first load: what changes while that is under way must not be missed.
func newWatcher(path string, log *slog.Logger) *watcher {
	return &watcher{path: path, log: log, last: fingerprint(path), changed: make(chan struct{}, 1)}
}

// run watches until ctx is done. It watches directories, never a file itself: a
// file that is replaced is another file, and Kubernetes replaces a symbolic link
// ("..data") beside it.
func (w *watcher) run(ctx context.Context) {
	events, errs, closeWatch := w.notifications()
	defer closeWatch()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	start := make(chan struct{})
	close(start)
	for {
		select {
		case <-ctx.Done():
			return
		case <-start:
			start = nil // the watch is on: what changed before shows now
		case _, ok := <-events:
			if !ok {
				events = nil
			}
		case _, ok := <-errs:
			if !ok {
				errs = nil
			}
			// Events were lost: the content tells.
		case <-poll.C:
		}
		now, ok := w.settled(ctx)
		if ok && now != w.last {
			w.last = now
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
	}
}

// settled returns the content's fingerprint once it stays the same. It gives up
// on content that never rests after a while: what is loaded then is whole or
// refused.
func (w *watcher) settled(ctx context.Context) (digest, bool) {
	const tries = 25
	last := fingerprint(w.path)
	for range tries {
		select {
		case <-ctx.Done():
			return last, false
		case <-time.After(settleTime):
		}
		now := fingerprint(w.path)
		if now == last {
			break
		}
		last = now
	}
	return last, true
}

// notifications returns the events of the directories that hold the policy. If
// they can't be watched polling remains.
func (w *watcher) notifications() (<-chan fsnotify.Event, <-chan error, func()) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.log.Warn("changes of the policy file are only seen by polling", slog.Any("error", err))
		return nil, nil, func() {}
	}
	for _, directory := range watched(w.path) {
		if err := notify.Add(directory); err != nil {
			w.log.Warn("changes of the policy file are only seen by polling", slog.String("directory", directory), slog.Any("error", err))
		}
	}
	return notify.Events, notify.Errors, func() { _ = notify.Close() } // nothing was written
}

// watched returns the directories to watch: the one that is read, the one that
// holds the file or the link, and that of the file it links to.
func watched(path string) []string {
	directories := []string{filepath.Dir(path)}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if link, err := os.Lstat(path); err == nil && link.Mode().Type() != fs.ModeSymlink {
			return []string{path}
		}
		return append(directories, path)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(target) != filepath.Dir(path) {
		directories = append(directories, filepath.Dir(target))
	}
	return directories
}

// A digest stands for content; equal content gives equal prints.
type digest [sha256.Size]byte

// fingerprint reads what path holds. Trouble is content too: a file that vanishes
// is a change.
func fingerprint(path string) digest {
	h := sha256.New()
	add := func(name string) {
		sum := sha256.New()
		f, err := os.Open(name) //nolint:gosec // the operator names the files
		if err == nil {
			// What comes after is refused whatever it is.
			_, err = io.Copy(sum, io.LimitReader(f, 2*document.MaxFileBytes))
			_ = f.Close() // nothing was written
		}
		fmt.Fprintf(h, "%q %x %v\n", filepath.Base(name), sum.Sum(nil), kindOf(err))
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		add(path)
	}
	for _, entry := range entries {
		name := entry.Name()
		if extension := filepath.Ext(name); (extension == ".yaml" || extension == ".json") && !strings.HasPrefix(name, ".") {
			add(filepath.Join(path, name))
		}
	}
	return digest(h.Sum(nil))
}

// kindOf is what matters of an error here.
func kindOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	}
	return "unreadable"
}

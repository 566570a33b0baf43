//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// A load sends requests until it is stopped, and counts how they end.
type load struct {
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	count map[string]int
}

// startLoad has a few senders send what next returns, again and again, one
// request each at a time.
func (w *world) startLoad(t *testing.T, next func() request) *load {
	t.Helper()
	const senders = 4
	return w.startLoadBy(t, senders, next)
}

// startLoadBy is startLoad with that many senders.
func (w *world) startLoadBy(t *testing.T, senders int, next func() request) *load {
	t.Helper()
	l := &load{stop: make(chan struct{}), count: map[string]int{}}
	for range senders {
		l.done.Go(func() { l.run(w, next) })
	}
	t.Cleanup(func() { l.end() })
	return l
}

func (l *load) run(w *world, next func() request) {
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(4 * time.Millisecond):
		}
		got, err := w.try(next())
		outcome := fmt.Sprint(got.status)
		if err != nil {
			outcome = err.Error()
		}
		l.mu.Lock()
		l.count[outcome]++
		l.mu.Unlock()
	}
}

// end stops the senders and returns how many requests ended in which way.
func (l *load) end() map[string]int {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.done.Wait()
	return maps.Clone(l.count)
}

// allPassed stops l and fails t unless each of a good number of requests was
// answered 200.
func (l *load) allPassed(t *testing.T) {
	t.Helper()
	for range 500 { // a busy machine takes longer
		l.mu.Lock()
		passed := l.count["200"]
		l.mu.Unlock()
		if passed >= 20 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	count := l.end()
	t.Logf("load: %v", count)
	outcomes := slices.Collect(maps.Keys(count))
	if len(outcomes) != 1 || count["200"] < 20 {
		t.Errorf("requests ended so: %v; want every one 200, and 20 at least", count)
	}
}

// turns sends r until it is answered with status, and fails t if it is answered
// otherwise than before or so. It returns that answer.
func (w *world) turns(t *testing.T, within time.Duration, r request, before, status int) reply {
	t.Helper()
	var got reply
	eventually(t, within, fmt.Sprintf("%s is answered %d", r.path, status), func() bool {
		got = w.send(t, r)
		if got.status != before && got.status != status {
			t.Fatalf("%s: status %d, want %d and then %d; %s", r.path, got.status, before, status, w.why(got))
		}
		return got.status == status
	})
	return got
}

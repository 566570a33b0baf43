//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// run is this run of the tests, the scope of what all of them share.
var run = &suite{}

// shared is where most tests send their requests. A test that breaks something
// has a world of its own.
var shared *world

func TestMain(m *testing.M) { os.Exit(run.main(m)) }

type suite struct {
	folder string // logs, configurations, sockets
	number atomic.Int64
	mu     sync.Mutex
	ending []func()
	failed bool
}

func (r *suite) main(m *testing.M) (code int) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "hookauthz-e2e-") // short: sockets live here too
	if err != nil {
		r.Fatalf("%v", err)
	}
	r.folder = folder
	defer func() {
		r.end()
		if code == 0 && r.audit() {
			_ = os.RemoveAll(r.folder) // the next boot removes it otherwise
			return
		}
		code = 1
		r.Logf("logs are kept in %s", r.folder)
	}()
	// Tests that run side by side mostly wait.
	if err := flag.Set("test.parallel", "8"); err != nil {
		r.Fatalf("%v", err)
	}
	shared = newWorld(r, setup{listeners: variants()})
	return m.Run()
}

func (r *suite) end() {
	for {
		r.mu.Lock()
		last := len(r.ending) - 1
		if last < 0 {
			r.mu.Unlock()
			return
		}
		end := r.ending[last]
		r.ending = r.ending[:last]
		r.mu.Unlock()
		end()
	}
}

// audit reports whether the programs' logs keep their promises.
func (r *suite) audit() bool {
	mistakes := auditLogs()
	for _, mistake := range mistakes {
		r.Logf("FAIL: %s", mistake)
	}
	return len(mistakes) == 0
}

// The methods of a scope.

func (*suite) Helper()        {}
func (*suite) Name() string   { return "shared" }
func (r *suite) Failed() bool { return r.failed }

func (r *suite) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = append(r.ending, f)
}

func (*suite) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Fatalf ends the whole run: nothing works without what all tests share.
func (r *suite) Fatalf(format string, args ...any) {
	r.failed = true
	r.Logf("FAIL: "+format, args...)
	r.end()
	os.Exit(1)
}

package server

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// restartAfter is how long a goroutine that panicked rests.
const restartAfter = time.Second

// A group starts the process's goroutines. All of them are waited for, and none
// takes the process down: one that panics is started again.
type group struct {
	log      *slog.Logger
	panicked func()
	wg       sync.WaitGroup
}

// start runs work until it returns. It is for work that ends with ctx.
func (g *group) start(ctx context.Context, name string, work func(context.Context)) {
	g.wg.Go(func() {
		for !g.guard(ctx, name, work) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(restartAfter):
			}
		}
	})
}

// guard reports whether work returned without a panic.
func (g *group) guard(ctx context.Context, name string, work func(context.Context)) (returned bool) {
	defer func() {
		if recover() == nil {
			return
		}
		// What was panicked with may hold request data: only where is told.
		g.panicked()
		g.log.ErrorContext(ctx, "a goroutine panicked: please report this", slog.String("goroutine", name), slog.String("stack", string(debug.Stack())))
	}()
	work(ctx)
	return true
}

// wait waits for every goroutine.
func (g *group) wait() { g.wg.Wait() }

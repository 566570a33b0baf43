package observe

import (
	"context"
	"io"
	"sync"
	"time"
)

// How the decision log is written. One write takes up to DefaultBuffer bytes;
// lines wait at most flushEvery. A second buffer fills while the first is
// written, so the log never holds more than twice DefaultBuffer.
const (
	DefaultBuffer = 1 << 20
	flushEvery    = 100 * time.Millisecond
)

// A Log writes decisions to a writer that may be slow, without letting requests
// wait for it. Lines go to a buffer; [Log.Run] writes it out. While the writer is
// stuck and the buffer is full, lines are dropped and counted: the log is a
// record for operators, and a full disk must not stop verified webhooks.
type Log struct {
	out     io.Writer
	size    int
	dropped func(lines int)
	wake    chan struct{}

	mu      sync.Mutex
	filling []byte
	spare   []byte

	torn bool // the last write ended within a line; flush's alone
}

// NewLog returns a log on out that buffers up to size bytes, [DefaultBuffer] if 0.
// dropped is called with the number of lines that were lost; it may be nil.
func NewLog(out io.Writer, size int, dropped func(lines int)) *Log {
	if size <= 0 {
		size = DefaultBuffer
	}
	if dropped == nil {
		dropped = func(int) {}
	}
	return &Log{out: out, size: size, dropped: dropped, wake: make(chan struct{}, 1)}
}

// write takes one line. It copies line and never waits for the writer.
func (l *Log) write(line []byte) {
	l.mu.Lock()
	used := len(l.filling)
	fits := used+len(line) <= l.size
	if fits {
		l.filling = append(l.filling, line...)
	}
	l.mu.Unlock()
	if !fits {
		l.dropped(1)
	}
	if !fits || used < l.size/2 && used+len(line) >= l.size/2 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Run writes lines until ctx is done, then what is left, and returns.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.flush()
		case <-l.wake:
			l.flush()
		case <-ctx.Done():
			l.flush()
			return
		}
	}
}

// flush writes what has been collected. It is called by Run alone.
func (l *Log) flush() {
	l.mu.Lock()
	full := l.filling
	l.filling = l.spare[:0]
	l.spare = nil
	l.mu.Unlock()

	n := 0
	if len(full) > 0 && l.mend() {
		n, _ = l.out.Write(full) // what was not written is counted below
	}
	if n > 0 {
		l.torn = full[n-1] != '\n'
	}
	if n < len(full) {
		l.dropped(lines(full[n:]))
	}

	l.mu.Lock()
	l.spare = full[:0]
	l.mu.Unlock()
}

// mend ends a line that was cut off, so that the next is not a part of it. It
// reports whether the next may be written.
func (l *Log) mend() bool {
	if !l.torn {
		return true
	}
	n, _ := l.out.Write([]byte{'\n'}) // it is tried again
	return n == 1
}

func lines(b []byte) int {
	n := 0
	for _, c := range b {
		if c == '\n' {
			n++
		}
	}
	return n
}

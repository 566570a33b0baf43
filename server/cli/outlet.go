package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

const (
	// outletSize is how many messages wait for a writer that is slow.
	outletSize = 1024
	// outletTime is how long the end waits for them.
	outletTime = time.Second
)

// An outlet writes what it is given without letting anybody wait: whoever reads
// our standard error may stop doing so, and that must keep neither secrets from
// being read again nor the server from stopping. What it does not take is lost,
// and counted.
type outlet struct {
	out      io.Writer
	messages chan []byte
	lost     atomic.Int64
	stop     chan struct{}
	done     chan struct{}
}

// newOutlet returns an outlet to out. The caller closes it.
func newOutlet(out io.Writer) *outlet {
	o := &outlet{out: out, messages: make(chan []byte, outletSize), stop: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// Write implements [io.Writer]. It never fails.
func (o *outlet) Write(message []byte) (int, error) {
	select {
	case o.messages <- bytes.Clone(message):
	default:
		o.lost.Add(1)
	}
	return len(message), nil
}

func (o *outlet) run() {
	defer close(o.done)
	defer func() { _ = recover() }() // the writer's: nothing could be written about it
	for {
		select {
		case message := <-o.messages:
			o.pass(message)
		case <-o.stop:
			for {
				select {
				case message := <-o.messages:
					o.pass(message)
				default:
					return
				}
			}
		}
	}
}

func (o *outlet) pass(message []byte) {
	_, _ = o.out.Write(message) // there is nowhere else to tell it
	if n := o.lost.Swap(0); n > 0 {
		fmt.Fprintf(o.out, "hookauthz: %d messages were lost: standard error did not take them\n", n)
	}
}

// close writes what is left, unless that takes too long. It is called once.
func (o *outlet) close() {
	close(o.stop)
	select {
	case <-o.done:
	case <-time.After(outletTime):
	}
}

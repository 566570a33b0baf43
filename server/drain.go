package server

import (
	"context"
	"log/slog"
	"time"
)

// drain stops answering without failing a request. NOT_SERVING goes first, so
// that gateways send no more; checks are answered all the while, since some
// gateways keep sending to the only server they have. Then no new connection is
// taken and requests in flight end. Force cuts either wait short.
func (p *process) drain() {
	s := p.Settings
	p.ready.draining.Store(true)
	p.ready.publish()
	p.Log.Info("stopping: not serving any more", slog.Duration("wait", s.DrainWait))
	if !p.pause(s.DrainWait) {
		p.stop()
		return
	}
	p.endWatches()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.group.start(ctx, "drain", func(context.Context) {
		p.grpc.GracefulStop()
		cancel()
	})
	timeout := time.NewTimer(s.DrainTimeout)
	defer timeout.Stop()
	select {
	case <-ctx.Done():
		p.processor.Wait()
		p.Log.Info("stopped: every request was answered")
		return
	case <-timeout.C:
		p.Log.Warn("stopped: requests took longer than --drain-timeout")
	case <-p.Force:
		p.Log.Warn("stopped at once")
	}
	p.stop()
}

// abandonTime is how long requests whose bodies are on their way may take to be
// denied at the end.
const abandonTime = 500 * time.Millisecond

// stop cuts off what is not answered. Streams are told first: a gateway that is
// set to fail open lets a request go on whose stream breaks.
func (p *process) stop() {
	p.processor.Abandon()
	for end := time.Now().Add(abandonTime); p.processor.InflightStreams() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	p.grpc.Stop()
	p.processor.Wait()
}

// pause reports whether d passed, false if it was cut short.
func (p *process) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.Force:
		p.Log.Warn("stopped at once")
		return false
	}
}

// Package listen opens the sockets that gateways connect to and refuses those
// who may not: by certificate on TCP, by the kernel's word about the user on Unix
// sockets, and by number on both.
//
// Who may speak to us matters: a program other than the gateway could claim any
// body, address or policy of a request.
package listen

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/server/config"
)

// MaxConnections is how many connections may be open at once. A gateway opens
// one per worker thread, so this is far beyond what replicas of one need, and
// bounds what idle connections can take of our memory and descriptors.
const MaxConnections = 4096

// Open listens on addr. On a Unix socket only our own user and peer, if not nil,
// may connect. A connection beyond limit is closed at once; 0 means
// [MaxConnections].
func Open(ctx context.Context, addr config.Address, peer *uint32, limit int, log *slog.Logger) (net.Listener, error) {
	var lis net.Listener
	var err error
	if addr.Network == "unix" {
		lis, err = openUnix(ctx, addr.Address, peer, log)
	} else {
		var lc net.ListenConfig
		lis, err = lc.Listen(ctx, addr.Network, addr.Address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if limit <= 0 {
		limit = MaxConnections
	}
	return &limited{Listener: lis, max: int64(limit), log: log}, nil
}

// Name returns how the address of lis is written in a flag.
func Name(lis net.Listener) string {
	if lis == nil {
		return ""
	}
	if lis.Addr().Network() == "unix" {
		return "unix://" + lis.Addr().String()
	}
	return lis.Addr().String()
}

// limited refuses connections beyond a number.
type limited struct {
	net.Listener

	max  int64
	log  *slog.Logger
	open atomic.Int64
	said atomic.Int64 // when the last refusal was logged, in seconds
}

// Accept implements [net.Listener].
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err //nolint:wrapcheck // grpc looks at the error's own type
		}
		if l.open.Add(1) <= l.max {
			return &counted{Conn: conn, open: &l.open}, nil
		}
		l.open.Add(-1)
		_ = conn.Close() // it is refused either way
		if now := time.Now().Unix(); l.said.Swap(now) != now {
			l.log.Warn("too many connections: refusing new ones", slog.Int64("max", l.max))
		}
	}
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn

	open *atomic.Int64
	once sync.Once
}

// Close implements [net.Conn].
func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close() //nolint:wrapcheck // as net.Conn promises
}

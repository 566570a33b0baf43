package redis

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Bounds of the connections. Envoy waits 200 ms for a check by default, and a
// Redis nearby answers within one.
const (
	dialTime    = time.Second
	commandTime = 200 * time.Millisecond
	poolSize    = 32 // of each server
	idleTime    = 5 * time.Minute
	bufferSize  = 4 << 10
)

// client returns a client of the servers at a, which sends no command twice. It
// does not connect yet.
func client(a Address) redis.UniversalClient {
	logging.Disable() // errors are returned, and told by us
	var secure *tls.Config
	if a.TLS {
		secure = &tls.Config{MinVersion: tls.VersionTLS12} // the name is that of each server
	}
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch a.form {
	case formSentinel:
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: a.master, SentinelAddrs: a.Hosts, SentinelUsername: a.sentinelUser, SentinelPassword: a.word,
			Username: a.user, Password: a.password, DB: a.database, TLSConfig: secure,
			Protocol: 2, MaxRetries: -1, DialTimeout: dialTime, DialerRetries: 1,
			ReadTimeout: commandTime, WriteTimeout: commandTime, ContextTimeoutEnabled: true,
			PoolSize: poolSize, MaxActiveConns: poolSize, PoolTimeout: commandTime, PipelinePoolSize: -1, ConnMaxIdleTime: idleTime,
			ReadBufferSize: bufferSize, WriteBufferSize: bufferSize, DisableIdentity: true,
		})
	case formCluster:
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: a.Hosts, Username: a.user, Password: a.password, TLSConfig: secure,
			// Followed are redirections only, see [once].
			MaxRedirects: 2, MaxRetries: -1, DisableRoutingPolicies: true,
			Protocol: 2, DialTimeout: dialTime, DialerRetries: 1,
			ReadTimeout: commandTime, WriteTimeout: commandTime, ContextTimeoutEnabled: true,
			PoolSize: poolSize, MaxActiveConns: poolSize, PoolTimeout: commandTime, PipelinePoolSize: -1, ConnMaxIdleTime: idleTime,
			ReadBufferSize: bufferSize, WriteBufferSize: bufferSize, DisableIdentity: true,
			MaintNotificationsConfig: quiet,
		})
	case formServer, formSocket:
	}
	network, address := "tcp", a.path
	if a.form == formSocket {
		network = "unix"
	} else {
		address = a.Hosts[0]
	}
	return redis.NewClient(&redis.Options{
		Network: network, Addr: address, Username: a.user, Password: a.password, DB: a.database, TLSConfig: secure,
		Protocol: 2, MaxRetries: -1, DialTimeout: dialTime, DialerRetries: 1,
		ReadTimeout: commandTime, WriteTimeout: commandTime, ContextTimeoutEnabled: true,
		PoolSize: poolSize, MaxActiveConns: poolSize, PoolTimeout: commandTime, PipelinePoolSize: -1, ConnMaxIdleTime: idleTime,
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize, DisableIdentity: true,
		MaintNotificationsConfig: quiet,
	})
}

// A once is a command that the client of a cluster does not repeat where it may
// have been carried out.
type once struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }

// each calls f for every server that keeps claims.
func each(ctx context.Context, c redis.UniversalClient, f func(context.Context, *redis.Client) error) error {
	switch c := c.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f) //nolint:wrapcheck // it is f's
	case *redis.Client:
		return f(ctx, c)
	}
	return errAnswer
}

// keeper returns the server that keeps what stands under name.
func keeper(ctx context.Context, c redis.UniversalClient, name string) (*redis.Client, error) {
	switch c := c.(type) {
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, name) //nolint:wrapcheck // never told
	case *redis.Client:
		return c, nil
	}
	return nil, errAnswer
}

package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	modeOwn   = 0o600 // only our own user may connect
	modePeer  = 0o666 // the kernel's word about the peer decides
	lockMode  = 0o600
	probeTime = time.Second
)

// openUnix listens on a Unix socket. A socket file that a process left behind is
// removed; one that somebody listens on, or a file of another kind, is not.
func openUnix(ctx context.Context, path string, peer *uint32, log *slog.Logger) (net.Listener, error) {
	lock, err := lockSocket(path)
	if err != nil {
		return nil, err
	}
	lis, err := bindUnix(ctx, path, peer)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	allowed := []uint32{uint32(os.Getuid())} //nolint:gosec // a user's number has 32 bits
	if peer != nil {
		allowed = append(allowed, *peer)
	}
	return &guarded{UnixListener: lis, allowed: allowed, lock: lock, log: log}, nil
}

func bindUnix(ctx context.Context, path string, peer *uint32) (*net.UnixListener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	lis, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		return nil, err //nolint:wrapcheck // Open says what was attempted
	}
	mode := fs.FileMode(modeOwn)
	if peer != nil {
		mode = modePeer
	}
	// Between bind and chmod the file has the mode of the umask. The check of
	// the peer at accept doesn't depend on it.
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(err, lis.Close())
	}
	return lis, nil
}

// lockSocket makes sure that no other hookauthz uses path. Without it, of two
// that start at once one could remove the socket that the other just made.
func lockSocket(path string) (*os.File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, lockMode) //nolint:gosec // G304: the operator names the socket
	if err != nil {
		return nil, err //nolint:wrapcheck // Open says what was attempted
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another process uses the socket"), lock.Close())
	}
	return lock, nil
}

func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err //nolint:wrapcheck // Open says what was attempted
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("the file exists and is no socket")
	}
	dialer := net.Dialer{Timeout: probeTime}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		return errors.Join(errors.New("another process listens there"), conn.Close())
	case !errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("find out whether another process listens there: %w", err)
	}
	return os.Remove(path) //nolint:wrapcheck // Open says what was attempted
}

// guarded accepts connections of some users only.
type guarded struct {
	*net.UnixListener

	allowed []uint32
	lock    *os.File
	log     *slog.Logger
}

// Accept implements [net.Listener].
func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.AcceptUnix()
		if err != nil {
			return nil, err //nolint:wrapcheck // grpc looks at the error's own type
		}
		uid, err := peerUID(conn)
		if err == nil && slices.Contains(g.allowed, uid) {
			return conn, nil
		}
		_ = conn.Close() // it is refused either way
		if err != nil {
			g.log.Warn("refused a connection: its user is not known", slog.Any("error", err))
			continue
		}
		g.log.Warn("refused a connection of a user who may not connect; see --peer-uid", slog.Uint64("uid", uint64(uid)))
	}
}

// Close implements [net.Listener]. It removes the socket file.
func (g *guarded) Close() error {
	err := g.UnixListener.Close()
	return errors.Join(err, g.lock.Close())
}

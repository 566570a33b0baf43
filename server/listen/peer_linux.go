package listen

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// peerUID returns the user on the other end, as the kernel noted it when the
// connection was made.
func peerUID(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err //nolint:wrapcheck // the caller says what was attempted
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

//go:build !linux

package listen

import (
	"errors"
	"net"
)

// peerUID is only known on Linux: elsewhere nobody may connect to a Unix socket.
func peerUID(*net.UnixConn) (uint32, error) {
	return 0, errors.New("Unix sockets need Linux") //nolint:staticcheck // a name begins with a capital
}

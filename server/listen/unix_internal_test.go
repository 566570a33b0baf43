package listen

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The kernel says who connects. Here both ends are us, so the list decides what
// is expected.
func TestPeersAreChosenByUser(t *testing.T) {
	own := uint32(os.Getuid())
	tests := []struct {
		name    string
		allowed []uint32
		want    bool
	}{
		{name: "our own user", allowed: []uint32{own}, want: true},
		{name: "one of two", allowed: []uint32{own + 1, own}, want: true},
		{name: "another user", allowed: []uint32{own + 1}},
		{name: "nobody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			inner, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
			if err != nil {
				t.Fatal(err)
			}
			lock, err := lockSocket(path)
			if err != nil {
				t.Fatal(err)
			}
			lis := &guarded{UnixListener: inner, allowed: tt.allowed, lock: lock, log: slog.New(slog.DiscardHandler)}
			defer func() { _ = lis.Close() }()
			go func() {
				conn, err := lis.Accept()
				if err == nil {
					_, _ = conn.Write([]byte("x"))
				}
			}()
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, err = conn.Read(make([]byte, 1))
			if (err == nil) != tt.want || err != nil && !errors.Is(err, io.EOF) {
				t.Errorf("got %v, want accepted %v", err, tt.want)
			}
		})
	}
}

func TestPeerUserMayReachTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	peer := uint32(12345)
	lis, err := openUnix(t.Context(), path, &peer, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o666 {
		t.Errorf("mode = %o, want 666, since the check of the user decides", got)
	}
}

package server_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hookauthz/hookauthz/server"
)

func TestHarden(t *testing.T) {
	if err := server.Harden(); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("core limit = %+v, want none", limit)
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || dumpable != 0 {
		t.Errorf("dumpable = %d, %v, want 0", dumpable, err)
	}
}

package server

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Harden keeps secrets in memory from being written elsewhere: no core dumps, and
// no other process of our user may read our memory.
func Harden() error {
	var problems []error
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		problems = append(problems, fmt.Errorf("turn off core dumps: %w", err))
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		problems = append(problems, fmt.Errorf("become undumpable: %w", err))
	}
	return errors.Join(problems...)
}

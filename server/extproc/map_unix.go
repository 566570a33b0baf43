//go:build unix

package extproc

import (
	"os"

	"golang.org/x/sys/unix"
)

// canMap says that mapFile takes no memory of ours.
const canMap = true

// mapFile returns the first size bytes of file, read-only.
func mapFile(file *os.File, size int64) ([]byte, error) {
	return unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED) //nolint:wrapcheck // the caller words it
}

func unmap(mapped []byte) { _ = unix.Munmap(mapped) } // it was mapped by mapFile

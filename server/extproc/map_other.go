//go:build !unix

package extproc

import (
	"io"
	"os"
)

// canMap says that mapFile takes no memory of ours.
const canMap = false

// mapFile returns the first size bytes of file.
func mapFile(file *os.File, size int64) ([]byte, error) {
	data := make([]byte, size)
	_, err := io.ReadFull(io.NewSectionReader(file, 0, size), data)
	return data, err //nolint:wrapcheck // the caller words it
}

func unmap([]byte) {}

package extproc

import (
	"fmt"
	"os"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
)

// spoolMemory is the largest body that is kept in memory, in bytes. A larger one
// goes to a file.
const spoolMemory = 1 << 20

// A spooler makes spools and bounds them together.
type spooler struct {
	dir    string
	memory *gate.ByteLimit
	disk   *gate.ByteLimit
}

// A spool keeps a body while it arrives. It is used by one goroutine at a time
// and must be closed.
type spool struct {
	from   *spooler
	max    int64
	size   int64
	memory []byte // until there is a file
	file   *os.File
	mapped []byte // the file's content, once it was asked for
	held   int64  // bytes of from.memory
	onDisk int64  // bytes of from.disk
}

// new returns a spool of a body of at most most bytes.
func (s *spooler) new(most int64) *spool { return &spool{from: s, max: most} }

// fits reports whether n bytes more are within the body's limit.
func (s *spool) fits(n int) bool { return s.size+int64(n) <= s.max }

// write appends chunk, which must fit. The error is a denial; the spool then
// holds the same as before.
func (s *spool) write(chunk []byte) error {
	n := int64(len(chunk))
	if s.file == nil && s.size+n <= spoolMemory {
		if !s.from.memory.Take(n) {
			return authz.Deny(authz.ReasonOverloaded, "the bodies in flight fill the memory they may have")
		}
		s.held += n
		s.memory = append(s.memory, chunk...)
		s.size += n
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	if err := s.store(chunk); err != nil {
		return err
	}
	s.size += n
	return nil
}

// spill moves what is in memory to a file, if that has not happened yet.
func (s *spool) spill() error {
	if s.file != nil {
		return nil
	}
	file, err := os.CreateTemp(s.from.dir, "hookauthz-body-")
	if err != nil {
		return unwritable(err)
	}
	// Without a name it is gone with the process, however that ends.
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close() // nothing was written
		return unwritable(err)
	}
	s.file = file
	if err := s.store(s.memory); err != nil {
		s.discard()
		return err
	}
	s.from.memory.Give(s.held)
	s.memory, s.held = nil, 0
	return nil
}

// store appends to the file.
func (s *spool) store(data []byte) error {
	n := int64(len(data))
	if !s.from.disk.Take(n) {
		return authz.Deny(authz.ReasonOverloaded, "the bodies in flight fill the disk space they may have")
	}
	s.onDisk += n
	if _, err := s.file.Write(data); err != nil {
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return fmt.Errorf("keep a body in a file: %v: %w", err, authz.Deny(authz.ReasonOverloaded, "a body can't be kept in a file"))
}

// content returns the body. It must not be modified, and not be used once s is
// closed. The error is a denial.
func (s *spool) content() ([]byte, error) {
	switch {
	case s.file == nil:
		return s.memory, nil
	case s.mapped != nil || s.size == 0: // nothing can't be mapped
		return s.mapped, nil
	}
	if !canMap {
		if !s.from.memory.Take(s.size) {
			return nil, authz.Deny(authz.ReasonOverloaded, "the bodies in flight fill the memory they may have")
		}
		s.held += s.size
	}
	mapped, err := mapFile(s.file, s.size)
	if err != nil {
		return nil, unwritable(err)
	}
	s.mapped = mapped
	return mapped, nil
}

// close frees everything. It may be called again.
func (s *spool) close() {
	if s.mapped != nil {
		unmap(s.mapped)
		s.mapped = nil
	}
	s.discard()
	s.from.memory.Give(s.held)
	s.memory, s.held = nil, 0
}

// discard drops the file.
func (s *spool) discard() {
	if s.file == nil {
		return
	}
	_ = s.file.Close() // nobody reads it any more
	s.file = nil
	s.from.disk.Give(s.onDisk)
	s.onDisk = 0
}

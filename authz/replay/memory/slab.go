package memory

import "math"

// A slot is the number of an entry.
type slot uint32

// untimed is the signed time of an entry without one.
const untimed = math.MinInt64

// An entry is a message that was claimed. Times are as in [wish].
type entry struct {
	key     key
	stream  uint64
	expires int64
	repeat  int64
	signed  int64
	places  [2]uint32 // in the two heaps
}

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
)

// A slab holds entries where they stay. It grows by chunks, so that no claim pays
// for copying all of them.
type slab struct {
	chunks []*[chunkSize]entry
	used   int // slots that were ever taken
	free   []slot
}

func (s *slab) at(i slot) *entry { return &s.chunks[i>>chunkBits][i%chunkSize] }

// take returns a slot that nobody has.
func (s *slab) take() slot {
	if last := len(s.free) - 1; last >= 0 {
		i := s.free[last]
		s.free = s.free[:last]
		return i
	}
	if s.used == len(s.chunks)*chunkSize {
		s.chunks = append(s.chunks, new([chunkSize]entry))
	}
	i := slot(s.used) //nolint:gosec // G115: a quarter of an int's entries at most, and memory ends long before 2^32
	s.used++
	return i
}

// give takes a slot back.
func (s *slab) give(i slot) { s.free = append(s.free, i) }

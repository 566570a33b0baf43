package extauthz

import (
	"errors"
	"unicode/utf8"
	"unsafe"
)

// The protobuf wire types, https://protobuf.dev/programming-guides/encoding/.
// Groups (3 and 4) are refused: no message that we read has any.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// maxFieldNumber is the largest number a field may have.
const maxFieldNumber = 1<<29 - 1

var (
	errWire = errors.New("not a well-formed message")
	errType = errors.New("a field has another type than in Envoy's API")
	errUTF8 = errors.New("a string is not UTF-8")
)

// A scanner reads the fields of a message and of the messages in it, front to
// back:
//
//	for s.next(end) {
//		switch s.number {
//		case 1:
//			name = s.string(end)
//		case 2:
//			for sub := s.message(end); s.next(sub); {
//				...
//			}
//		default:
//			s.skip(end)
//		}
//	}
//
// where end is where the message ends, at the outermost the length of the data.
// Each field must be read, or skipped, once. After an error nothing is read any
// more, so err is looked at once, at the very end.
//
// It is a position and not a shrinking slice because storing a pointer costs
// much more than storing a number while the garbage collector marks.
type scanner struct {
	data []byte
	text string // the same memory as data
	at   int
	err  error

	number int  // of the current field
	kind   byte // its wire type
}

// newScanner returns a scanner of data, which must not be written any more: what
// is read shares its memory.
func newScanner(data []byte) scanner {
	return scanner{data: data, text: unsafe.String(unsafe.SliceData(data), len(data))} //nolint:gosec // G103: data is made for one call, written once before this, and never written or used again
}

// next moves to the next field. It returns false at the end and after an error.
func (s *scanner) next(end int) bool {
	if s.at >= end {
		return false
	}
	tag := uint64(s.data[s.at])
	if tag < 0x80 {
		s.at++
	} else {
		tag = s.uvarint(end)
	}
	s.number, s.kind = int(tag>>3), byte(tag&7)
	if s.number == 0 || s.number > maxFieldNumber {
		s.fail(errWire)
	}
	return s.err == nil
}

func (s *scanner) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.at = len(s.data)
}

// uvarint reads a varint of at most 64 bits.
func (s *scanner) uvarint(end int) uint64 {
	const longest = 10
	var v uint64
	for i := 0; i < longest && s.at+i < end; i++ {
		b := s.data[s.at+i]
		if i == longest-1 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			s.at += i + 1
			return v
		}
	}
	s.fail(errWire)
	return 0
}

// varint reads the current field, which must be a varint.
func (s *scanner) varint(end int) uint64 {
	if s.kind != wireVarint {
		s.fail(errType)
		return 0
	}
	return s.uvarint(end)
}

// content passes over the current field, which must be a string, bytes or a
// message, and returns where its content is.
func (s *scanner) content(end int) (from, to int) {
	if s.kind != wireBytes {
		s.fail(errType)
		return 0, 0
	}
	return s.delimited(end)
}

func (s *scanner) delimited(end int) (from, to int) {
	var n uint64
	if s.at < end && s.data[s.at] < 0x80 {
		n = uint64(s.data[s.at])
		s.at++
	} else {
		n = s.uvarint(end)
	}
	if s.err != nil || n > uint64(end-s.at) { //nolint:gosec // G115: without an error at is at most end
		s.fail(errWire)
		return 0, 0
	}
	from = s.at
	s.at += int(n) //nolint:gosec // G115: at most end
	return from, s.at
}

// raw reads the current field, which must be a string or bytes.
func (s *scanner) raw(end int) string {
	from, to := s.content(end)
	return s.text[from:to]
}

// string reads the current field, which must be a string.
func (s *scanner) string(end int) string {
	text := s.raw(end)
	if !utf8.ValidString(text) {
		s.fail(errUTF8)
		return ""
	}
	return text
}

// bytes reads the current field, which must be bytes. The result has no spare
// capacity.
func (s *scanner) bytes(end int) []byte {
	from, to := s.content(end)
	return s.data[from:to:to]
}

// message goes into the current field, which must be a message, and returns
// where it ends.
func (s *scanner) message(end int) int {
	from, to := s.content(end)
	if s.err == nil {
		s.at = from
	}
	return to
}

// skip passes over the current field.
func (s *scanner) skip(end int) {
	switch s.kind {
	case wireVarint:
		s.uvarint(end)
	case wireFixed64:
		s.drop(8, end)
	case wireBytes:
		s.delimited(end)
	case wireFixed32:
		s.drop(4, end)
	default:
		s.fail(errWire)
	}
}

func (s *scanner) drop(n, end int) {
	if n > end-s.at {
		s.fail(errWire)
		return
	}
	s.at += n
}

package extauthz

// A writer appends the fields of a message. All field numbers that are written
// here are below 16 and all enums and codes below 2^14.
type writer struct{ b []byte }

// open begins a submessage; its end is marked by close with what open returned.
func (w *writer) open(field byte) int {
	w.b = append(w.b, field<<3|wireBytes, 0)
	return len(w.b)
}

func (w *writer) close(start int) {
	n := len(w.b) - start
	if n < 0x80 {
		w.b[start-1] = byte(n) //nolint:gosec // G115: below 0x80
		return
	}
	// The length needs more than the one byte that was left for it.
	var length [10]byte
	digits := appendUvarint(length[:0], uint64(n))
	w.b = append(w.b, digits[1:]...) // grows, the content is overwritten
	copy(w.b[start+len(digits)-1:], w.b[start:start+n])
	copy(w.b[start-1:], digits)
}

func (w *writer) text(field byte, s string) {
	w.b = append(w.b, field<<3|wireBytes)
	w.b = appendUvarint(w.b, uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) number(field byte, n uint64) {
	w.b = append(w.b, field<<3|wireVarint)
	w.b = appendUvarint(w.b, n)
}

func appendUvarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

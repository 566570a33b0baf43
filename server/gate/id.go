package gate

import (
	cryptorand "crypto/rand"
	"math/rand/v2"
)

// An IDSource makes decision ids. They name a decision to people and must not
// repeat, nor let a sender count the decisions of others. So they are random:
// ChaCha8 with a key from the operating system. One is used by one goroutine at
// a time.
type IDSource struct{ random *rand.ChaCha8 }

// NewIDSource returns a source with a key of its own.
func NewIDSource() IDSource {
	var key [32]byte
	_, _ = cryptorand.Read(key[:]) // it never fails: the program would crash
	return IDSource{rand.NewChaCha8(key)}
}

// idChars are Crockford's base 32 in lower case: no letter looks like a digit.
const idChars = "0123456789abcdefghjkmnpqrstvwxyz"

// Next returns an id: "d-" and 20 characters, 100 random bits.
func (s IDSource) Next() string {
	const half, bits = 10, 5
	id := [2 + 2*half]byte{0: 'd', 1: '-'}
	first, second := s.random.Uint64(), s.random.Uint64()
	for i := range half {
		id[2+i] = idChars[first>>(bits*i)&31]
		id[2+half+i] = idChars[second>>(bits*i)&31]
	}
	return string(id[:])
}

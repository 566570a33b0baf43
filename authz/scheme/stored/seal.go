package stored

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"
)

// A Tag stands for digests under one [Sealer]. The zero Tag equals no other.
type Tag struct {
	sum [sha256.Size]byte
	set bool
}

// Equal reports in constant time whether both tags are of the same digests. It
// does not hide whether a tag is zero.
func (t *Tag) Equal(other *Tag) bool {
	return subtle.ConstantTimeCompare(t.sum[:], other.sum[:]) == 1 && t.set && other.set
}

// A Sealer makes tags under a random key of its own. It may be used by many
// goroutines.
type Sealer struct{ scratch sync.Pool } // of *scratch

// scratch is a keyed hash with room for what goes in and comes out.
type scratch struct {
	hash hash.Hash
	in   []byte
	out  []byte
}

// NewSealer returns a Sealer with a new key.
func NewSealer() *Sealer {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails, by its documentation
	s := &Sealer{}
	s.scratch.New = func() any { return &scratch{hash: hmac.New(sha256.New, key)} }
	return s
}

// Seal returns the tag of digests in this order.
func (s *Sealer) Seal(digests ...Digest) Tag {
	m, ok := s.scratch.Get().(*scratch)
	if !ok {
		return Tag{}
	}
	defer s.scratch.Put(m)
	m.in = m.in[:0]
	for i := range digests {
		m.in = append(m.in, digests[i][:]...)
	}
	return m.seal()
}

// SealText returns the tag of text's digest.
func (s *Sealer) SealText(text string) Tag {
	m, ok := s.scratch.Get().(*scratch)
	if !ok {
		return Tag{}
	}
	defer s.scratch.Put(m)
	m.in = append(m.in[:0], text...)
	digest := sha256.Sum256(m.in)
	clear(m.in) // it was a credential
	m.in = append(m.in[:0], digest[:]...)
	return m.seal()
}

func (m *scratch) seal() Tag {
	m.hash.Reset()
	m.hash.Write(m.in)
	m.out = m.hash.Sum(m.out[:0])
	tag := Tag{set: true}
	copy(tag.sum[:], m.out)
	return tag
}

package mac

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // some senders offer nothing else; policies must accept it in words
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"sync"
)

// An algorithm is an HMAC over a hash.
type algorithm struct {
	hash func() hash.Hash
	size int // of the code, in bytes
	weak bool
}

// algorithms returns the algorithm that policy files call name.
func algorithms(name string) (algorithm, bool) {
	switch name {
	case "hmac-sha256":
		return algorithm{hash: sha256.New, size: sha256.Size}, true
	case "hmac-sha384":
		return algorithm{hash: sha512.New384, size: sha512.Size384}, true
	case "hmac-sha512":
		return algorithm{hash: sha512.New, size: sha512.Size}, true
	case "hmac-sha1":
		return algorithm{hash: sha1.New, size: sha1.Size, weak: true}, true
	}
	return algorithm{}, false
}

// A key keeps HMAC states that have hashed the key's pads already, which halves
// the work on short messages. It is dropped with its secret and never zeroed:
// requests in flight would be verified with a key that anybody knows.
type key struct{ states sync.Pool }

func newKey(a algorithm, secret []byte) *key {
	own := bytes.Clone(secret)
	return &key{states: sync.Pool{New: func() any { return hmac.New(a.hash, own) }}}
}

// state returns a state that has hashed nothing but the key.
func (k *key) state() (hash.Hash, bool) {
	state, ok := k.states.Get().(hash.Hash)
	if ok {
		state.Reset()
	}
	return state, ok
}

// release takes back what state returned.
func (k *key) release(state hash.Hash) { k.states.Put(state) }

package introspect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
)

const keySize = sha256.Size

// A name stands for a token in memory. Without the key nobody can tell which, or
// make two tokens meet.
type name [sha256.Size]byte

// names makes the names of one server's tokens. It may be used by many goroutines.
type names struct {
	key     []byte
	scratch sync.Pool // of *scratch
}

type scratch struct {
	hash hash.Hash
	in   []byte
	out  []byte
}

func newNames(key []byte, server authz.IntrospectionServer) *names {
	var prefix []byte
	for _, part := range []string{server.Policy, server.URL, server.ClientID} {
		prefix = binary.AppendUvarint(prefix, uint64(len(part)))
		prefix = append(prefix, part...)
	}
	own := hmac.New(sha256.New, key)
	own.Write(prefix)
	return &names{key: own.Sum(nil)}
}

// of returns the name of token.
func (n *names) of(token string) name {
	s, ok := n.scratch.Get().(*scratch)
	if !ok {
		s = &scratch{hash: hmac.New(sha256.New, n.key)}
	}
	defer n.scratch.Put(s)
	s.hash.Reset()
	s.in = append(s.in[:0], token...)
	s.hash.Write(s.in)
	clear(s.in) // it was a credential
	s.out = s.hash.Sum(s.out[:0])
	return name(s.out)
}

package clientcert_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// The certificates of one case.

// A world is some certificates and lists, of which scenes are made.
type world struct {
	*mathrand.Rand

	leaf  *fact
	chain []*fact // from the leaf's issuer to a root
	all   []*fact // authorities
	lists []*listed
}

func newWorld(tb testing.TB, random *mathrand.Rand) *world {
	tb.Helper()
	w := &world{Rand: random}
	key := func() int {
		if random.IntN(5) > 0 {
			return random.IntN(keysP256)
		}
		return authztest.Pick(random, keyEd25519, keyRSA, keyP384)
	}
	last := newAuthority(random, "root", nameRoot, key(), nil)
	w.chain = []*fact{last}
	for i := range authztest.Pick(random, 0, 0, 1, 1, 1, 2, 2, 3) {
		last = newAuthority(random, fmt.Sprintf("between %d", i), authztest.Pick(random, nameMiddle, nameLower, nameMiddle, nameRoot), key(), last)
		w.chain = slices.Insert(w.chain, 0, last)
	}
	w.leaf = newLeaf(random, last)
	w.all = slices.Clone(w.chain)
	for i := range authztest.Pick(random, 0, 0, 1, 2, 3) {
		near := authztest.Pick(random, w.all...)
		stranger := newAuthority(random, fmt.Sprintf("stranger %d", i), random.IntN(3), key(), authztest.Pick(random, w.all...))
		switch random.IntN(5) {
		case 3: // the same name, another key, signed by the older one
			stranger.subject, stranger.issuer, stranger.signer = near.subject, near.subject, near.number
		case 0: // the same authority by another issuer
			stranger.subject, stranger.number = near.subject, near.number
		case 1: // the same name, another key
			stranger.subject = near.subject
		case 2: // the same key, signed by itself
			stranger.subject, stranger.number, stranger.issuer, stranger.signer = near.subject, near.number, near.subject, near.number
		}
		w.all = append(w.all, stranger)
	}
	for range authztest.Pick(random, 0, 0, 1, 1, 2) {
		spoil(random, authztest.Pick(random, append(w.all, w.leaf, w.leaf, w.leaf)...))
	}
	if random.IntN(20) == 0 {
		authztest.Pick(random, w.all...).serial = w.leaf.serial
	}
	w.leaf.make(tb)
	for _, f := range w.all {
		f.make(tb)
	}
	w.makeLists(tb)
	return w
}

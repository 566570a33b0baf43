//go:build !race

package jwe_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"strings"
	"sync"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// A failure is something that is wrong with a token or with the key that is tried.
type failure struct {
	name  string
	token string
	key   any
}

var otherRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// A failing is what can go wrong with tokens of one pair of algorithms after they
// were read. With the last of failures everything is right but the tag.
type failing struct {
	name     string
	failures []failure
}

// failings are those of the algorithms that have an encrypted key, which is where
// failing early would tell something (RFC 7516, section 11.5).
func failings(tb testing.TB) []failing {
	tb.Helper()
	var found []failing
	for _, content := range []jwe.ContentAlgorithm{jwe.A128GCM, jwe.A256GCM, jwe.A128CBCHS256, jwe.A256CBCHS512} {
		for _, a := range []jwe.KeyAlgorithm{jwe.RSAOAEP, jwe.RSAOAEP256, jwe.A128KW, jwe.A256KW, jwe.ECDHES, jwe.ECDHESA256KW} {
			right := private(a, content)[0]
			token := encrypt(tb, right, a, content, strings.Repeat("x", 64))
			damaged := func(i int) string {
				b := part(tb, token, i)
				b[len(b)/2] ^= 1
				return with(token, i, encode(b))
			}
			f := failing{name: string(a) + " " + string(content)}
			switch key := right.(type) {
			case *rsa.PrivateKey:
				short, err := rsa.EncryptOAEP(oaepHash(a), rand.Reader, &key.PublicKey, make([]byte, content.KeySize()-1), nil)
				if err != nil {
					tb.Fatal(err)
				}
				f.failures = append(f.failures,
					failure{name: "a wrong RSA key", token: token, key: otherRSA()},
					failure{name: "an encrypted key of another length", token: with(token, 1, encode(part(tb, token, 1)[1:])), key: right},
					failure{name: "an encrypted key over the modulus", token: with(token, 1, encode(bytes.Repeat([]byte{0xff}, key.Size()))), key: right},
					failure{name: "a content key of another length", token: with(token, 1, encode(short)), key: right})
			case []byte:
				f.failures = append(f.failures, failure{name: "a wrong A*KW key", token: token, key: shared(len(key) + 1)[:len(key)]})
			default:
				f.failures = append(f.failures, failure{name: "a wrong EC key", token: token, key: newEC(ecKey().Curve)})
			}
			if a != jwe.ECDHES {
				f.failures = append(f.failures, failure{name: "a damaged encrypted key", token: damaged(1), key: right})
			}
			f.failures = append(f.failures,
				failure{name: "a damaged iv", token: damaged(2), key: right},
				failure{name: "a damaged ciphertext", token: damaged(3), key: right},
				failure{name: "a damaged tag", token: damaged(4), key: right})
			found = append(found, f)
		}
	}
	return found
}

func oaepHash(a jwe.KeyAlgorithm) hash.Hash {
	if a == jwe.RSAOAEP {
		return sha1.New()
	}
	return sha256.New()
}

// cost is how often failing allocates.
func (f *failure) cost(tb testing.TB) float64 {
	tb.Helper()
	parsed, err := jwe.Parse(f.token, all())
	if err != nil {
		tb.Fatal(err)
	}
	key := &authz.PrivateKey{Key: f.key}
	return testing.AllocsPerRun(20, func() {
		if _, err := parsed.Decrypt(key); err == nil {
			tb.Fatal("it was decrypted")
		}
	})
}

// Whatever is wrong, as much is done up to the comparison of the tag: no failure
// returns early, which would tell a sender how far a guess came.
func TestFailuresCostAlike(t *testing.T) {
	for _, f := range failings(t) {
		t.Run(f.name, func(t *testing.T) {
			last := &f.failures[len(f.failures)-1]
			want := last.cost(t)
			for i := range f.failures {
				if got := f.failures[i].cost(t); got != want {
					t.Errorf("%s: %v allocations, want the %v of %s", f.failures[i].name, got, want, last.name)
				}
			}
		})
	}
}

// What each failure costs, beside the others of its algorithms. The numbers of one
// pair of algorithms must not differ by more than they do between two runs.
func BenchmarkFailures(b *testing.B) {
	for _, f := range failings(b) {
		for _, one := range f.failures {
			parsed, err := jwe.Parse(one.token, all())
			if err != nil {
				b.Fatal(err)
			}
			key := &authz.PrivateKey{Key: one.key}
			b.Run(f.name+"/"+one.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := parsed.Decrypt(key); err == nil {
						b.Fatal("it was decrypted")
					}
				}
			})
		}
	}
}

package jwe_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// all are the algorithms of a policy that restricts nothing.
func all() jwe.Allowed {
	return jwe.Allowed{Key: keyAlgorithms(), Content: contentAlgorithms()}
}

func keyAlgorithms() []jwe.KeyAlgorithm {
	return []jwe.KeyAlgorithm{
		jwe.RSAOAEP, jwe.RSAOAEP256, jwe.ECDHES, jwe.ECDHESA128KW, jwe.ECDHESA192KW, jwe.ECDHESA256KW,
		jwe.A128KW, jwe.A192KW, jwe.A256KW, jwe.Dir,
	}
}

func contentAlgorithms() []jwe.ContentAlgorithm {
	return []jwe.ContentAlgorithm{jwe.A128GCM, jwe.A192GCM, jwe.A256GCM, jwe.A128CBCHS256, jwe.A192CBCHS384, jwe.A256CBCHS512}
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var ecKey = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P256()) })

var p521Key = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P521()) })

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

var xKey = sync.OnceValue(func() *ecdh.PrivateKey {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

// shared returns a key of size bytes, the same every time.
func shared(size int) []byte {
	key := make([]byte, size)
	for i := range key {
		key[i] = byte(i*7 + size)
	}
	return key
}

// private are keys of all types that fit a and content.
func private(a jwe.KeyAlgorithm, content jwe.ContentAlgorithm) []any {
	switch a {
	case jwe.RSAOAEP, jwe.RSAOAEP256:
		return []any{rsaKey()}
	case jwe.A128KW:
		return []any{shared(16)}
	case jwe.A192KW:
		return []any{shared(24)}
	case jwe.A256KW:
		return []any{shared(32)}
	case jwe.Dir:
		return []any{shared(content.KeySize())}
	case jwe.ECDHES, jwe.ECDHESA128KW, jwe.ECDHESA192KW, jwe.ECDHESA256KW:
	}
	agreed, err := ecKey().ECDH()
	if err != nil {
		panic(err)
	}
	return []any{ecKey(), agreed, p521Key(), xKey()}
}

// public is what a sender has of key.
func public(key any) any {
	switch k := key.(type) {
	case *ecdh.PrivateKey:
		return k.PublicKey()
	case interface{ Public() crypto.PublicKey }:
		return k.Public()
	}
	return key
}

func encrypt(tb testing.TB, key any, a jwe.KeyAlgorithm, content jwe.ContentAlgorithm, plaintext string) string {
	tb.Helper()
	token, err := jwe.Encrypt(public(key), a, content, "k1", "", []byte(plaintext))
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func decrypt(token string, key any) (string, error) {
	parsed, err := jwe.Parse(token, all())
	if err != nil {
		return "", err
	}
	plaintext, err := parsed.Decrypt(&authz.PrivateKey{Key: key})
	return string(plaintext), err
}

var encode = base64.RawURLEncoding.EncodeToString

// with returns token with part i replaced.
func with(token string, i int, part string) string {
	parts := strings.Split(token, ".")
	parts[i] = part
	return strings.Join(parts, ".")
}

// part returns the bytes of part i.
func part(tb testing.TB, token string, i int) []byte {
	tb.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

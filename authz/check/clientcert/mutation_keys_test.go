package clientcert_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"sync"
	"testing"
)

// The few keys and names that all certificates share.

// The numbers of the keys.
const (
	keysP256     = 6 // 0 to 5
	keyP384      = 6
	keyEd25519   = 7
	keyRSA       = 8
	firstOfLeaf  = 9 // to 11: P-256
	keyRSA1024   = 12
	keyP224      = 13
	numberOfKeys = 14
)

// mutationKeys are those that are made quickly.
var mutationKeys = sync.OnceValue(func() []crypto.Signer {
	keys := make([]crypto.Signer, numberOfKeys)
	for i := range keys {
		curve := elliptic.P256()
		switch i {
		case keyP384:
			curve = elliptic.P384()
		case keyP224:
			curve = elliptic.P224()
		}
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	keys[keyEd25519] = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return keys
})

func signerOf(tb testing.TB, number int) crypto.Signer {
	tb.Helper()
	switch number {
	case keyRSA:
		return rsaKey(tb, 2048)
	case keyRSA1024:
		return rsaKey(tb, 1024)
	}
	return mutationKeys()[number]
}

// The numbers of the names. The last is the first in another encoding, which is
// another name to package x509, and the same text.
const (
	nameRoot = iota
	nameMiddle
	nameLower
	nameClient
	nameRootUTF8
	numberOfNames
)

func nameText(number int) string {
	return [...]string{"CN=Root,O=Example", "CN=Middle,O=Example", "CN=Lower,O=Example", "CN=client.example.org", "CN=Root,O=Example"}[number]
}

var mutationNames = sync.OnceValue(func() [numberOfNames][]byte {
	var names [numberOfNames][]byte
	for i, common := range []string{"Root", "Middle", "Lower"} {
		names[i], _ = asn1.Marshal(pkix.Name{Organization: []string{"Example"}, CommonName: common}.ToRDNSequence())
	}
	names[nameClient], _ = asn1.Marshal(pkix.Name{CommonName: "client.example.org"}.ToRDNSequence())
	utf8 := pkix.RDNSequence{
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("Example")}}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("Root")}}},
	}
	names[nameRootUTF8], _ = asn1.Marshal(utf8)
	return names
})

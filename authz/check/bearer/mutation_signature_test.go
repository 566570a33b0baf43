package bearer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// Changes to the signature itself.

// order is that of Ed25519's base point, as 32 bytes from the least on (RFC 8032,
// section 5.1).
func order() *big.Int {
	n, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	return n
}

// signatureMutators change the signature. What is a signature of the same bytes by
// the same key all the same, as (r, n-s) is for ECDSA, may stay one.
func signatureMutators() []mutator {
	changes := func(name string, change func(d *draft, signature []byte) []byte) mutator {
		return mutator{name, func(d *draft) {
			d.signature = func(signature []byte) []byte { return change(d, slices.Clone(signature)) }
			d.breaks("signature")
		}}
	}
	return []mutator{
		{"negative s", func(d *draft) {
			if key, ok := d.signer.key.(*ecdsa.PrivateKey); ok {
				d.signature = func(signature []byte) []byte {
					r, s := splitECDSA(signature)
					return joinECDSA(key, r, s.Sub(key.Params().N, s))
				}
			}
		}},
		{"shared key", func(d *draft) {
			text := authztest.Pick(d.Rand, pemOf("ed1"), pemOf("ed1")+"\n", "", string(keyOf("ed1")[32:]), `{"kty":"OKP"}`)
			d.member("alg", authztest.Pick(d.Rand, `"HS256"`, quoted(string(d.algorithm))))
			d.signature = func([]byte) []byte {
				mac := hmac.New(sha256.New, []byte(text))
				mac.Write([]byte(encode([]byte(d.object(d.header))) + "." + encode([]byte(d.object(d.claims)))))
				return mac.Sum(nil)
			}
			d.breaks("shared key")
		}},
		changes("arithmetic", arithmetic),
		changes("length", func(d *draft, signature []byte) []byte {
			return authztest.Pick(d.Rand, append([]byte{0}, signature...), append(signature, 0), signature[1:], signature[:len(signature)-1], append(signature, signature...), []byte{0}, make([]byte, len(signature)))
		}),
		changes("a bit", func(d *draft, signature []byte) []byte {
			signature[d.IntN(len(signature))] ^= 1 << d.IntN(8)
			return signature
		}),
		changes("another form", func(d *draft, signature []byte) []byte {
			if key, ok := d.signer.key.(*rsa.PrivateKey); ok {
				// PSS with a salt of another length, or another hash.
				sum := sha256.Sum256([]byte("x"))
				other, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: d.IntN(20)})
				if err == nil {
					return other
				}
			}
			if _, ok := d.signer.key.(*ecdsa.PrivateKey); ok { // ASN.1
				r, s := splitECDSA(signature)
				return slices.Concat([]byte{0x30, byte(4 + len(r.Bytes()) + len(s.Bytes())), 2, byte(len(r.Bytes()))}, r.Bytes(), []byte{2, byte(len(s.Bytes()))}, s.Bytes())
			}
			slices.Reverse(signature)
			return signature
		}),
		changes("text of the signature", func(_ *draft, signature []byte) []byte { return []byte(encode(signature)) }),
	}
}

// arithmetic puts other numbers into the signature, some of them near to the right ones.
func arithmetic(d *draft, signature []byte) []byte {
	switch key := d.signer.key.(type) {
	case ed25519.PrivateKey: // S+L; nobody but the key's owner can have made it, but there is one text for each token
		s := slices.Clone(signature[32:])
		slices.Reverse(s)
		n := new(big.Int).SetBytes(s)
		n.Add(n, order())
		b := n.FillBytes(make([]byte, 32))
		slices.Reverse(b)
		return append(signature[:32], b...)
	case *rsa.PrivateKey: // as many bytes, if it fits
		n := new(big.Int).SetBytes(signature)
		return n.Add(n, key.N).Bytes()
	case *ecdsa.PrivateKey:
		r, s := splitECDSA(signature)
		switch d.IntN(7) {
		case 6: // the same numbers in more bytes
			return slices.Insert(signature, len(signature)/2, 0)
		case 0:
			r, s = s, r
		case 1:
			r = new(big.Int)
		case 2:
			s = new(big.Int)
		case 3:
			r, s = new(big.Int), new(big.Int)
		case 4:
			r.Sub(key.Params().N, r)
		case 5:
			r, s = new(big.Int).Set(key.Params().N), new(big.Int).Set(key.Params().N)
		}
		return joinECDSA(key, r, s)
	}
	return nil
}

// TestSaltLength: RFC 7518, section 3.5, wants a salt as long as the hash. One of
// another length is a signature of the same bytes, and none of that algorithm.
func TestSaltLength(t *testing.T) {
	all := parties(t)
	random := mathrand.New(mathrand.NewPCG(1, 1))
	for salt := range 65 {
		d := newDraft(random, all[0])
		d.signer, d.signed, d.algorithm, d.kid = &all[0].keys[2], jose.PS256, jose.PS256, "k3"
		d.member("alg", `"PS256"`)
		d.member("kid", `"k3"`)
		token := d.text()
		input := token[:strings.LastIndexByte(token, '.')]
		key, ok := d.signer.key.(*rsa.PrivateKey)
		if !ok {
			t.Fatal("no RSA key")
		}
		sum := sha256.Sum256([]byte(input))
		// 0 stands for the longest salt that fits.
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		r := request(input + "." + encode(signature))
		r.Received = d.at
		if _, err := all[0].check.Verify(t.Context(), r); (err == nil) != (salt == 32) {
			t.Errorf("salt of %d bytes: error = %v", salt, err)
		}
	}
}

package bearer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// Who signs a token, and how.

// signWith is the signature of input, written apart from what is tested.
func signWith(key crypto.Signer, a jose.Algorithm, input string) []byte {
	hash := map[string]crypto.Hash{"SA": 0, "56": crypto.SHA256, "84": crypto.SHA384, "12": crypto.SHA512}[string(a[len(a)-2:])]
	digest := []byte(input)
	if hash != 0 {
		h := hash.New()
		h.Write(digest)
		digest = h.Sum(nil)
	}
	var options crypto.SignerOpts = hash
	if strings.HasPrefix(string(a), "PS") {
		options = &rsa.PSSOptions{SaltLength: hash.Size(), Hash: hash}
	}
	if ec, ok := key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, ec, digest)
		if err != nil {
			panic(err)
		}
		return joinECDSA(ec, r, s)
	}
	signature, err := key.Sign(rand.Reader, digest, options)
	if err != nil {
		panic(err)
	}
	return signature
}

func joinECDSA(key *ecdsa.PrivateKey, r, s *big.Int) []byte {
	size := (key.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

func splitECDSA(signature []byte) (r, s *big.Int) {
	half := len(signature) / 2
	return new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
}

// signerMutators change who signs, how, and what the header says of it.
func signerMutators() []mutator {
	known := []jose.Algorithm{jose.EdDSA, jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}
	return []mutator{
		{"another signer", func(d *draft) {
			names := []string{"ed1", "ed2", "ed3", "ec1", "ec2", "ec384", "rsa1", "rsa2"}
			other := &held{id: d.signer.id, key: mutationKeys()[authztest.Pick(d.Rand, names...)]}
			for d.signed = authztest.Pick(d.Rand, known...); !other.fits(d.signed); {
				d.signed = authztest.Pick(d.Rand, known...)
			}
			d.signer = other
			if d.chance(70) {
				d.algorithm = d.signed
				d.member("alg", quoted(string(d.algorithm)))
			}
		}},
		{"another of the issuer's keys", func(d *draft) {
			d.signer = &d.to.keys[d.IntN(len(d.to.keys))]
			for d.signed = authztest.Pick(d.Rand, known...); !d.signer.fits(d.signed); {
				d.signed = authztest.Pick(d.Rand, known...)
			}
			d.algorithm = d.signed
			d.member("alg", quoted(string(d.algorithm)))
			if d.chance(60) {
				d.kid = d.signer.id
				d.member("kid", "")
				if d.kid != "" {
					d.member("kid", quoted(d.kid))
				}
			}
		}},
		{"an algorithm that the key is not for", func(d *draft) {
			for i := range d.to.keys {
				if h := &d.to.keys[i]; h.pin != "" && slices.Contains(d.to.algorithms, jose.PS256) {
					d.signer, d.signed, d.algorithm, d.kid = h, jose.PS256, jose.PS256, h.id
					d.member("alg", `"PS256"`)
					d.member("kid", quoted(h.id))
				}
			}
		}},
		{"another algorithm", func(d *draft) {
			d.algorithm = authztest.Pick(d.Rand, known...)
			d.member("alg", escaped(d.Rand, string(d.algorithm)))
		}},
		{"no fit algorithm", func(d *draft) {
			alg := string(d.signed)
			d.member("alg", authztest.Pick(d.Rand, "", "null", "1", "[]", `["`+alg+`"]`, `"none"`, `"None"`, `"nOnE"`, `""`, `"HS256"`, `"HS512"`, `"ES256K"`, `"Ed25519"`, `"Ed448"`, `"RS1"`,
				`"RSA-OAEP"`, `"dir"`, quoted(alg+" "), quoted(" "+alg), quoted(swapCase(alg)), quoted(alg+"\x00"), `"\u0000"`, quoted(alg+","+alg)))
			d.breaks("algorithm")
		}},
	}
}

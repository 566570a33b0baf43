//go:build e2e

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
)

// newPair makes a key pair: ed25519, rsa, p256 or p384.
func newPair(s scope, kind string) crypto.Signer {
	s.Helper()
	var pair crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		_, pair, err = ed25519.GenerateKey(rand.Reader)
	case "rsa":
		pair, err = rsa.GenerateKey(rand.Reader, 2048)
	case "p256":
		pair, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		pair, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	if err != nil || pair == nil {
		s.Fatalf("make a key pair %q: %v", kind, err)
	}
	return pair
}

// spki returns the public key (RFC 5280, section 4.1).
func spki(pair crypto.Signer) []byte {
	der, _ := x509.MarshalPKIXPublicKey(pair.Public())
	return der
}

func publicPEM(pair crypto.Signer) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki(pair)}))
}

func privatePEM(pair crypto.Signer) string {
	der, _ := x509.MarshalPKCS8PrivateKey(pair)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	mustNotLeak(text)
	return text
}

// p384JWK returns a public key on P-384, privateJWK a private one on P-256.
func p384JWK(pair crypto.Signer) map[string]any {
	jwk := pointJWK(pair)
	jwk["crv"], jwk["use"] = "P-384", "sig"
	return jwk
}

func privateJWK(pair crypto.Signer, kid string) map[string]any {
	jwk := pointJWK(pair)
	key, _ := pair.(*ecdsa.PrivateKey) // the caller's is one
	scalar, _ := key.Bytes()
	jwk["crv"], jwk["use"], jwk["kid"] = "P-256", "enc", kid
	jwk["d"] = base64.RawURLEncoding.EncodeToString(scalar)
	return jwk
}

func pointJWK(pair crypto.Signer) map[string]any {
	public, _ := pair.Public().(*ecdsa.PublicKey) // the caller's is one
	point, _ := public.Bytes()                    // 4, x, y
	half := 1 + len(point)/2
	text := base64.RawURLEncoding.EncodeToString
	return map[string]any{"kty": "EC", "x": text(point[1:half]), "y": text(point[half:])}
}

// The ways to sign, by the standard library alone.

func ed25519Sign(pair crypto.Signer, message []byte) []byte {
	key, _ := pair.(ed25519.PrivateKey) // the caller's is one
	return ed25519.Sign(key, message)
}

// digested returns the digest that goes with the size of a key.
func digested(pair crypto.Signer, message []byte) ([]byte, crypto.Hash) {
	if key, ok := pair.(*ecdsa.PrivateKey); ok && key.Curve.Params().BitSize == 384 {
		sum := sha512.Sum384(message)
		return sum[:], crypto.SHA384
	}
	sum := sha256.Sum256(message)
	return sum[:], crypto.SHA256
}

func ecdsaDER(pair crypto.Signer, message []byte) []byte {
	digest, hash := digested(pair, message)
	signature, _ := pair.Sign(rand.Reader, digest, hash)
	return signature
}

func ecdsaRaw(pair crypto.Signer, message []byte) []byte {
	key, _ := pair.(*ecdsa.PrivateKey) // the caller's is one
	digest, _ := digested(pair, message)
	r, s, _ := ecdsa.Sign(rand.Reader, key, digest)
	half := (key.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*half)
	r.FillBytes(signature[:half])
	s.FillBytes(signature[half:])
	return signature
}

func pkcs1(pair crypto.Signer, message []byte) []byte {
	digest, hash := digested(pair, message)
	signature, _ := pair.Sign(rand.Reader, digest, hash)
	return signature
}

func pss(pair crypto.Signer, message []byte) []byte {
	digest, hash := digested(pair, message)
	signature, _ := pair.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
	return signature
}

func std64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// hushed returns a signature and takes care that no log may hold it.
func hushed(signature []byte) []byte {
	mustNotLeak(string(signature))
	mustNotLeak(base64.RawURLEncoding.EncodeToString(signature))
	return signature
}

package keyset

import (
	"errors"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A Format is how a secret holds keys.
type Format string

// The formats.
const (
	FormatPEM  Format = "pem"  // keys, PKIX or PKCS #1; a private key for a [Signer] or [StoredPrivate]
	FormatX509 Format = "x509" // certificates
	FormatJWK  Format = "jwk"
	FormatJWKS Format = "jwks"
	FormatSPKI Format = "spki" // a SubjectPublicKeyInfo in base64
	FormatRaw  Format = "raw"  // the 32 bytes of an Ed25519 public key, in hex or base64
)

// ParseFormat returns the format that a policy file names, false if there is
// none.
func ParseFormat(word string) (Format, bool) {
	switch f := Format(word); f {
	case FormatPEM, FormatX509, FormatJWK, FormatJWKS, FormatSPKI, FormatRaw:
		return f, true
	}
	return "", false
}

// material is what one version of a secret holds: one key with its private half,
// or public keys.
type material struct {
	public  []authz.PublicKey
	private *SigningKey
}

// parsePublic returns the keys in text.
func (f Format) parsePublic(text []byte) (material, error) {
	var keys []authz.PublicKey
	var err error
	switch f {
	case FormatPEM:
		keys, err = jose.ParsePEM(text)
	case FormatX509:
		keys, err = jose.ParseX509(text)
	case FormatJWK:
		keys, err = jose.ParseJWK(text)
	case FormatJWKS:
		var refused []error
		keys, refused, err = jose.ParseJWKSet(text)
		if err == nil && len(keys) == 0 && len(refused) > 0 {
			err = refused[0]
		}
	case FormatSPKI:
		keys, err = jose.ParseSPKI(text)
	case FormatRaw:
		keys, err = jose.ParseRaw(text)
	default:
		err = fmt.Errorf("unknown format %q", string(f))
	}
	if err == nil && len(keys) == 0 {
		err = errors.New("no key in it")
	}
	return material{public: keys}, err
}

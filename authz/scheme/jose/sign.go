package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"

	lib "github.com/go-jose/go-jose/v4"
)

// Sign returns payload signed, in compact form. signer is one that
// [ParsePrivatePEM] returns, and alg must fit it. kid and typ go into the header
// unless they are empty. What comes out is what [ParseCompact] takes.
func Sign(signer crypto.Signer, alg Algorithm, kid, typ string, payload []byte) (string, error) {
	switch signer.(type) {
	case ed25519.PrivateKey, *ecdsa.PrivateKey, *rsa.PrivateKey:
	default:
		return "", errors.New("sign: the key is none of Ed25519, ECDSA and RSA")
	}
	if !alg.Fits(signer.Public()) {
		return "", errors.New("sign: the algorithm does not fit the key")
	}
	if kid != "" && !isKeyID(kid) {
		return "", errors.New("sign: not a key id")
	}
	options := &lib.SignerOptions{}
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	if typ != "" {
		options.WithType(lib.ContentType(typ))
	}
	s, err := lib.NewSigner(lib.SigningKey{Algorithm: lib.SignatureAlgorithm(alg), Key: signer}, options)
	if err != nil {
		return "", errors.New("sign: the library refuses the key")
	}
	signed, err := s.Sign(payload)
	if err != nil {
		return "", errors.New("sign: the library can't sign with the key")
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		return "", errors.New("sign: the token has no compact form")
	}
	if len(text) > MaxToken {
		return "", errors.New("sign: the token is too long")
	}
	return text, nil
}

// Thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638, RFC 8037),
// base64url, 43 characters.
func Thumbprint(key crypto.PublicKey) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	jwk := lib.JSONWebKey{Key: key}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", errors.New("the key has no thumbprint")
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
)

// ParsePrivatePEM reads one private key, Ed25519, P-256 or RSA of 2048 to 8192
// bits, from PEM: PKCS #8, PKCS #1 or SEC 1, not encrypted. The signer is an
// ed25519.PrivateKey, an *ecdsa.PrivateKey or an *rsa.PrivateKey. Errors never
// hold key material.
func ParsePrivatePEM(text []byte) (crypto.Signer, error) {
	block, err := privateBlock(text)
	if err != nil {
		return nil, err
	}
	key, err := parsePrivateBlock(block)
	if err != nil {
		return nil, err
	}
	return checkPrivate(key)
}

// privateBlock returns the only PEM block of text that can be a key.
func privateBlock(text []byte) (*pem.Block, error) {
	blocks, err := decodePEM(text)
	if err != nil {
		return nil, err
	}
	if len(blocks) > 1 && blocks[0].Type == "EC PARAMETERS" {
		blocks = blocks[1:] // OpenSSL writes the curve's name before the key
	}
	if len(blocks) != 1 {
		return nil, errors.New("more than one PEM block")
	}
	return blocks[0], nil
}

func parsePrivateBlock(block *pem.Block) (any, error) {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key is encrypted")
	default:
		return nil, errors.New("want a PEM block PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY")
	}
	if err != nil {
		return nil, errors.New("not a private key")
	}
	return key, nil
}

// ParsePrivateJWK is [ParsePrivatePEM] for a JWK (RFC 7517).
func ParsePrivateJWK(text []byte) (crypto.Signer, error) {
	jwk, err := readJWK(text)
	if err != nil {
		return nil, err
	}
	public, err := jwk.material()
	if err != nil {
		return nil, err
	}
	if err := jwk.checkUse("sig", "sign"); err != nil {
		return nil, err
	}
	if _, err := jwk.algorithm(public); err != nil {
		return nil, err
	}
	key, err := jwk.private(public)
	if err != nil {
		return nil, err
	}
	return checkPrivate(key)
}

// private returns the private key to public.
func (o *object) private(public crypto.PublicKey) (any, error) {
	d, err := o.bytes("d")
	if err != nil {
		return nil, err
	}
	mismatch := errors.New("the private part of the key does not fit the public one")
	switch public := public.(type) {
	case ed25519.PublicKey:
		if len(d) != ed25519.SeedSize {
			return nil, mismatch
		}
		key := ed25519.NewKeyFromSeed(d)
		if !public.Equal(key.Public()) {
			return nil, mismatch
		}
		return key, nil
	case *ecdsa.PublicKey:
		key, err := ecdsa.ParseRawPrivateKey(public.Curve, d)
		if err != nil || !public.Equal(key.Public()) {
			return nil, mismatch
		}
		return key, nil
	case *rsa.PublicKey:
		return o.privateRSA(public, d)
	}
	return nil, mismatch
}

func (o *object) privateRSA(public *rsa.PublicKey, d []byte) (any, error) {
	if _, found := o.get("oth"); found {
		return nil, errors.New("an RSA key of more than two primes")
	}
	p, err := o.bytes("p")
	if err != nil {
		return nil, err
	}
	q, err := o.bytes("q")
	if err != nil {
		return nil, err
	}
	return &rsa.PrivateKey{
		PublicKey: *public,
		D:         new(big.Int).SetBytes(d),
		Primes:    []*big.Int{new(big.Int).SetBytes(p), new(big.Int).SetBytes(q)},
	}, nil
}

// checkPrivate returns key if we sign with such.
func checkPrivate(key any) (crypto.Signer, error) {
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return nil, errors.New("of the curves, only P-256 signs here")
		}
		return key, nil
	case *rsa.PrivateKey:
		if len(key.Primes) != 2 {
			return nil, errors.New("an RSA key of more than two primes")
		}
		if err := checkRSA(&key.PublicKey); err != nil {
			return nil, err
		}
		key.Precompute()
		if key.Validate() != nil {
			return nil, errors.New("the parts of the RSA key do not fit together")
		}
		return key, nil
	}
	return nil, errors.New("the key is none of Ed25519, P-256 and RSA")
}

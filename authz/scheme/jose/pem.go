package jose

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
)

// ParsePEM reads at most [MaxKeys] public keys from PEM, PKIX ("PUBLIC KEY") or
// PKCS #1 ("RSA PUBLIC KEY"), of the types that [ParseJWK] takes. They have no ID,
// since PEM has no place for one. Any other block is an error; errors count blocks
// from 1 and never hold key material.
func ParsePEM(text []byte) ([]authz.PublicKey, error) {
	return parseBlocks(text, func(block *pem.Block) (crypto.PublicKey, error) {
		switch block.Type {
		case "PUBLIC KEY":
			key, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				return nil, errors.New("not a PKIX public key")
			}
			return key, nil
		case "RSA PUBLIC KEY":
			key, err := x509.ParsePKCS1PublicKey(block.Bytes)
			if err != nil {
				return nil, errors.New("not a PKCS #1 public key")
			}
			return key, nil
		}
		return nil, notPublic(block.Type)
	})
}

// notPublic says what stands where a public key belongs.
func notPublic(kind string) error {
	switch kind {
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY":
		return fmt.Errorf("a private key (%s), and the sender's public key belongs here: want PUBLIC KEY or RSA PUBLIC KEY", kind)
	case "CERTIFICATE":
		return errors.New("a certificate, and the sender's public key belongs here: want PUBLIC KEY or RSA PUBLIC KEY, or write format: x509")
	}
	return errors.New("want PUBLIC KEY or RSA PUBLIC KEY")
}

// ParseX509 is [ParsePEM] for the keys of certificates. It looks at the key and at
// what the certificate says it is for, not at dates or signatures: whoever stored
// the certificate vouches for it.
func ParseX509(text []byte) ([]authz.PublicKey, error) {
	return parseBlocks(text, func(block *pem.Block) (crypto.PublicKey, error) {
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("want CERTIFICATE")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("not a certificate")
		}
		if use := certificate.KeyUsage; use != 0 && use&x509.KeyUsageDigitalSignature == 0 {
			return nil, errors.New("the certificate's key usage permits no digital signatures")
		}
		return certificate.PublicKey, nil
	})
}

// parseBlocks makes a key of every block.
func parseBlocks(text []byte, read func(*pem.Block) (crypto.PublicKey, error)) ([]authz.PublicKey, error) {
	blocks, err := decodePEM(text)
	if err != nil {
		return nil, err
	}
	keys := make([]authz.PublicKey, len(blocks))
	seen := map[string]bool{}
	for i, block := range blocks {
		key, err := read(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %v", i+1, err)
		}
		id, err := Thumbprint(key) // refuses what [ParseJWK] would
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %v", i+1, err)
		}
		if seen[id] {
			return nil, fmt.Errorf("PEM block %d: the same key again", i+1)
		}
		seen[id] = true
		keys[i] = authz.PublicKey{Key: key}
	}
	return keys, nil
}

// decodePEM returns the blocks of text, at least one and at most [MaxKeys]. Text
// around them is passed over, a block that is damaged is not.
func decodePEM(text []byte) ([]*pem.Block, error) {
	if len(text) > MaxKeySet {
		return nil, fmt.Errorf("over %d bytes", MaxKeySet)
	}
	begins := bytes.Count(text, []byte("-----BEGIN"))
	switch {
	case begins == 0:
		return nil, errors.New("no PEM block")
	case begins > MaxKeys:
		return nil, fmt.Errorf("over %d PEM blocks", MaxKeys)
	}
	blocks := make([]*pem.Block, 0, begins)
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if len(block.Headers) > 0 {
			return nil, fmt.Errorf("PEM block %d: it has headers, so it is perhaps encrypted", len(blocks)+1)
		}
		blocks = append(blocks, block)
	}
	if len(blocks) != begins {
		return nil, errors.New("a PEM block that can't be read")
	}
	return blocks, nil
}

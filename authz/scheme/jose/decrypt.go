package jose

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// The sizes of shared keys that are taken, in bytes: those of A128KW (RFC 7518,
// section 4.4) and of A256CBC-HS512 (section 5.2.5).
const (
	minShared = 16
	maxShared = 64
)

// ParseDecryptionPEM reads one private key that decrypts, from PEM as
// [ParsePrivatePEM] takes it: RSA of 2048 to 8192 bits, P-256, P-384, P-521 or
// X25519. Its ID is the thumbprint (RFC 7638, RFC 8037) of the public half. The
// slice has one element. Errors never hold key material.
func ParseDecryptionPEM(text []byte) ([]authz.PrivateKey, error) {
	block, err := privateBlock(text)
	if err != nil {
		return nil, err
	}
	key, err := parsePrivateBlock(block)
	if err != nil {
		return nil, err
	}
	id, err := checkDecryption(key)
	if err != nil {
		return nil, err
	}
	return []authz.PrivateKey{{ID: id, Key: key}}, nil
}

// ParseDecryptionJWK is [ParseDecryptionPEM] for a JWK, which may also hold a
// shared key ("oct") of 16 to 64 bytes. use, key_ops and alg must permit to
// decrypt, and a "kid" is the ID. A content encryption algorithm as alg, which
// some write, means "dir" with that algorithm, and is the key's Algorithm.
func ParseDecryptionJWK(text []byte) ([]authz.PrivateKey, error) {
	jwk, err := readJWK(text)
	if err != nil {
		return nil, err
	}
	if why := jwk.notForDecryption(); why != nil {
		return nil, why
	}
	key, err := jwk.decryptionKey()
	if err != nil {
		return nil, err
	}
	return []authz.PrivateKey{key}, nil
}

// ParseDecryptionJWKSet is [ParseDecryptionJWK] for a set of at most [MaxKeys]
// keys. Keys that say of themselves that they are for something else are left out.
// The set is our own, so that anything else which is wrong with it is an error:
// a key that can't be used, and a "kid" that stands at two keys.
func ParseDecryptionJWKSet(text []byte) ([]authz.PrivateKey, error) {
	jwks, broken, err := readJWKSet(text)
	if err != nil {
		return nil, err
	}
	for _, again := range sharedIDs(jwks) {
		if again {
			return nil, errors.New("two keys have the same kid")
		}
	}
	var keys []authz.PrivateKey
	for i := range jwks {
		if broken[i] != nil {
			return nil, fmt.Errorf("key %d: %v", i, broken[i])
		}
		if jwks[i].notForDecryption() != nil {
			continue
		}
		key, err := jwks[i].decryptionKey()
		if err != nil {
			return nil, fmt.Errorf("key %d: %v", i, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key that decrypts")
	}
	return keys, nil
}

// notForDecryption returns why a key is for something else, nil if it is not.
func (o *object) notForDecryption() error {
	if err := o.checkUse("enc", "decrypt", "unwrapKey", "deriveKey", "deriveBits"); err != nil {
		return err
	}
	alg, err := o.optional("alg")
	if err == nil && alg != "" && !decrypts(alg) {
		err = errors.New("alg is not one that decrypts here")
	}
	return err
}

// decryptionKey makes a private key of a JWK.
func (o *object) decryptionKey() (authz.PrivateKey, error) {
	key, err := o.decryptor()
	if err != nil {
		return authz.PrivateKey{}, err
	}
	id, err := checkDecryption(key)
	if err != nil {
		return authz.PrivateKey{}, err
	}
	kid, err := o.optional("kid")
	if err != nil {
		return authz.PrivateKey{}, err
	}
	if kid != "" {
		if !isKeyID(kid) {
			return authz.PrivateKey{}, errors.New("kid has characters or a length that key ids don't have")
		}
		id = kid
	}
	alg, err := o.optional("alg")
	if err != nil {
		return authz.PrivateKey{}, err
	}
	if alg != "" && !fitsDecryption(alg, key) {
		return authz.PrivateKey{}, errors.New("alg does not fit the key")
	}
	return authz.PrivateKey{ID: id, Key: key, Algorithm: alg}, nil
}

// decryptor returns the key alone. It still has to be checked.
func (o *object) decryptor() (any, error) {
	kty, err := o.optional("kty")
	if err != nil {
		return nil, err
	}
	switch kty {
	case "oct":
		return o.bytes("k")
	case "OKP":
		return o.x25519()
	case "EC", "RSA":
		public, err := o.material()
		if err != nil {
			return nil, err
		}
		return o.private(public)
	}
	return nil, errors.New("kty is none of RSA, EC, OKP and oct")
}

// x25519 reads the key of RFC 8037, section 2.
func (o *object) x25519() (any, error) {
	if crv, err := o.optional("crv"); err != nil || crv != "X25519" {
		return nil, errors.New("crv of an OKP key that decrypts is not X25519")
	}
	x, err := o.bytes("x")
	if err != nil {
		return nil, err
	}
	d, err := o.bytes("d")
	if err != nil {
		return nil, err
	}
	key, err := ecdh.X25519().NewPrivateKey(d)
	if err != nil || string(key.PublicKey().Bytes()) != string(x) {
		return nil, errors.New("the private part of the key does not fit the public one")
	}
	return key, nil
}

// checkDecryption returns the thumbprint of a key that can decrypt, empty for a
// shared one.
func checkDecryption(key any) (id string, err error) {
	switch key := key.(type) {
	case []byte:
		if len(key) < minShared || len(key) > maxShared {
			return "", fmt.Errorf("a shared key has %d to %d bytes", minShared, maxShared)
		}
		if strings.Count(string(key), string(key[:1])) == len(key) {
			return "", errors.New("a shared key of one byte, repeated")
		}
		return "", nil
	case *rsa.PrivateKey:
		if _, err := checkPrivate(key); err != nil {
			return "", err
		}
	case *ecdh.PrivateKey:
		if key.Curve() != ecdh.X25519() {
			return "", errors.New("of the keys that only agree on keys, X25519 alone is taken")
		}
	}
	return privateThumbprint(key)
}

// IsNamed reports whether key has a name that its owner gave it, which is any but
// its thumbprint.
func IsNamed(key *authz.PrivateKey) bool {
	if key.ID == "" {
		return false
	}
	id, err := privateThumbprint(key.Key)
	return err != nil || id != key.ID
}

// privateThumbprint returns that of the public half of a key that is in order.
func privateThumbprint(key any) (string, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return Thumbprint(&key.PublicKey)
	case *ecdsa.PrivateKey:
		return Thumbprint(&key.PublicKey)
	case *ecdh.PrivateKey:
		x := base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes())
		sum := sha256.Sum256([]byte(`{"crv":"X25519","kty":"OKP","x":"` + x + `"}`)) // RFC 8037, section 2
		return base64.RawURLEncoding.EncodeToString(sum[:]), nil
	}
	return "", errors.New("the key is none of RSA, P-256, P-384, P-521 and X25519")
}

// decrypts reports whether a key's alg is one that decrypts here.
func decrypts(alg string) bool {
	switch alg {
	case "RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW",
		"A128KW", "A192KW", "A256KW", "dir",
		"A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512":
		return true
	}
	return false
}

// fitsDecryption reports whether a key can do what its alg says.
func fitsDecryption(alg string, key any) bool {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return alg == "RSA-OAEP" || alg == "RSA-OAEP-256"
	case *ecdsa.PrivateKey, *ecdh.PrivateKey:
		return strings.HasPrefix(alg, "ECDH-ES")
	case []byte:
		return alg == "dir" || len(key) == sharedSize(alg)
	}
	return false
}

// sharedSize returns how many bytes the key of an algorithm has, 0 if it has no
// shared key.
func sharedSize(alg string) int {
	switch alg {
	case "A128KW", "A128GCM":
		return 16
	case "A192KW", "A192GCM":
		return 24
	case "A256KW", "A256GCM", "A128CBC-HS256":
		return 32
	case "A192CBC-HS384":
		return 48
	case "A256CBC-HS512":
		return 64
	}
	return 0
}

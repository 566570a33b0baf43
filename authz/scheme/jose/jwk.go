package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/hookauthz/hookauthz/authz"
)

// jwkNames are the members of RFC 7517, sections 4 and 5, RFC 7518, section 6, and
// RFC 8037, section 2.
var jwkNames = []string{ //nolint:gochecknoglobals // a table that nobody writes
	"keys", "kty", "use", "key_ops", "alg", "kid", "x5u", "x5c", "x5t", "x5t#S256",
	"crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth", "k",
}

// privateNames are those of them that nobody but the owner may know.
var privateNames = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} //nolint:gochecknoglobals // a table that nobody writes

// ParseJWK reads one public key (RFC 7517) that verifies signatures: Ed25519,
// P-256, P-384, P-521, or RSA of 2048 to 8192 bits. It refuses private and shared
// keys, keys whose use, key_ops or alg say that they are for something else, and
// keys that are known to be weak. Certificates in it are not looked at. The slice
// has one element. Errors never hold key material.
func ParseJWK(text []byte) ([]authz.PublicKey, error) {
	jwk, err := readJWK(text)
	if err != nil {
		return nil, err
	}
	key, err := jwk.publicKey()
	if err != nil {
		return nil, err
	}
	return []authz.PublicKey{key}, nil
}

// readJWK reads the members of one JWK.
func readJWK(text []byte) (object, error) {
	if len(text) > MaxKeySet {
		return object{}, fmt.Errorf("over %d bytes", MaxKeySet)
	}
	jwk, err := parseObject(string(text), jwkNames)
	if err != nil {
		return object{}, fmt.Errorf("not a JWK: %v", err)
	}
	return jwk, nil
}

// publicKey makes a public key of a JWK.
func (o *object) publicKey() (authz.PublicKey, error) {
	for _, name := range privateNames {
		if _, found := o.get(name); found {
			return authz.PublicKey{}, fmt.Errorf("a private or shared key (member %q) where public keys belong", name)
		}
	}
	key, err := o.material()
	if err != nil {
		return authz.PublicKey{}, err
	}
	if err := o.checkUse("sig", "verify"); err != nil {
		return authz.PublicKey{}, err
	}
	described := authz.PublicKey{Key: key}
	if described.ID, err = o.optional("kid"); err != nil {
		return authz.PublicKey{}, err
	}
	if described.ID != "" && !isKeyID(described.ID) {
		return authz.PublicKey{}, errors.New("kid has characters or a length that key ids don't have")
	}
	described.Algorithm, err = o.algorithm(key)
	if err != nil {
		return authz.PublicKey{}, err
	}
	return described, nil
}

// algorithm returns "alg", empty if there is none.
func (o *object) algorithm(key crypto.PublicKey) (string, error) {
	name, err := o.optional("alg")
	if err != nil || name == "" {
		return "", err
	}
	a, ok := ParseAlgorithm(name)
	if !ok {
		return "", errors.New("alg is not one that signs with a key pair")
	}
	if !a.Fits(key) {
		return "", errors.New("alg does not fit the key")
	}
	return name, nil
}

// checkUse refuses keys whose "use" is another, or whose "key_ops" holds none of
// operations. Both members are optional.
func (o *object) checkUse(want string, operations ...string) error {
	use, err := o.optional("use")
	if err != nil {
		return err
	}
	if use != "" && use != want {
		return fmt.Errorf("use is not %s", want)
	}
	permits, found := o.get("key_ops")
	if !found {
		return nil
	}
	if permits.kind != kindArray {
		return errors.New("key_ops is not an array")
	}
	permitted := false
	err = permits.elements(func(e value) error {
		text, ok := e.text()
		if !ok {
			return errors.New("key_ops holds something that is no string")
		}
		permitted = permitted || slices.Contains(operations, text)
		return nil
	})
	if err == nil && !permitted {
		err = fmt.Errorf("key_ops does not permit to %s", operations[0])
	}
	return err
}

// optional returns a member that is a string which is not empty, "" if it is
// absent.
func (o *object) optional(name string) (string, error) {
	v, found := o.get(name)
	if !found {
		return "", nil
	}
	text, ok := v.text()
	if !ok || text == "" {
		return "", fmt.Errorf("%s is not a string, or is empty", name)
	}
	return text, nil
}

// material returns the public key alone, checked.
func (o *object) material() (crypto.PublicKey, error) {
	kty, err := o.optional("kty")
	if err != nil {
		return nil, err
	}
	var key crypto.PublicKey
	switch kty {
	case "OKP":
		key, err = o.ed25519()
	case "EC":
		key, err = o.ecdsa()
	case "RSA":
		key, err = o.rsa()
	default:
		return nil, errors.New("kty is none of OKP, EC and RSA")
	}
	if err != nil {
		return nil, err
	}
	return key, CheckKey(key)
}

func (o *object) ed25519() (crypto.PublicKey, error) {
	if crv, err := o.optional("crv"); err != nil || crv != "Ed25519" {
		return nil, errors.New("crv of an OKP key is not Ed25519")
	}
	x, err := o.bytes("x")
	return ed25519.PublicKey(x), err
}

func (o *object) ecdsa() (crypto.PublicKey, error) {
	curve, err := o.curve()
	if err != nil {
		return nil, err
	}
	x, err := o.bytes("x")
	if err != nil {
		return nil, err
	}
	y, err := o.bytes("y")
	if err != nil {
		return nil, err
	}
	// Both have the length of the field (RFC 7518, section 6.2.1.2).
	if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
		return nil, fmt.Errorf("x and y of this curve have %d bytes each", size)
	}
	point := append(append([]byte{4}, x...), y...) // uncompressed, SEC 1, section 2.3.3
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, errors.New("the point is not on the curve")
	}
	return key, nil
}

func (o *object) curve() (elliptic.Curve, error) {
	crv, err := o.optional("crv")
	if err != nil {
		return nil, err
	}
	switch crv {
	case "P-256":
		return elliptic.P256(), nil
	case "P-384":
		return elliptic.P384(), nil
	case "P-521":
		return elliptic.P521(), nil
	}
	return nil, errors.New("crv of an EC key is none of P-256, P-384 and P-521")
}

func (o *object) rsa() (crypto.PublicKey, error) {
	n, err := o.bytes("n")
	if err != nil {
		return nil, err
	}
	e, err := o.bytes("e")
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 { // what crypto/rsa takes on every platform
		return nil, errors.New("an RSA key whose exponent has over 31 bits")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

// bytes returns what a base64url member holds.
func (o *object) bytes(name string) ([]byte, error) {
	text, err := o.optional(name)
	if err != nil {
		return nil, err
	}
	b, ok := decode(text)
	if !ok || len(b) == 0 {
		return nil, fmt.Errorf("%s is missing, or not base64url", name)
	}
	return b, nil
}

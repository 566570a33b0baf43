package jose

import (
	"encoding/json"
	"errors"
	"fmt"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
)

// MaxKeySet is the largest text with keys that is read, in bytes, and MaxKeys how
// many keys it may hold.
const (
	MaxKeySet = 512 << 10
	MaxKeys   = 100
)

// ParseJWKSet reads a set of at most [MaxKeys] keys (RFC 7517, section 5). Keys
// that [ParseJWK] would refuse are left out, as the RFC asks, and so are all keys
// that share a "kid": nobody can say which of them is meant. refused says why, one
// error each, in the order of the set. err says that there is no set at all. A set
// without keys is one.
func ParseJWKSet(text []byte) (keys []authz.PublicKey, refused []error, err error) {
	jwks, broken, err := readJWKSet(text)
	if err != nil {
		return nil, nil, err
	}
	shared := sharedIDs(jwks)
	for i := range jwks {
		var key authz.PublicKey
		err := broken[i]
		if err == nil {
			key, err = jwks[i].publicKey()
		}
		if err == nil && shared[key.ID] {
			err = errors.New("kid stands at another key too")
		}
		if err != nil {
			refused = append(refused, fmt.Errorf("key %d: %v", i, err))
			continue
		}
		keys = append(keys, key)
	}
	return keys, refused, nil
}

// readJWKSet reads the members of each key of a set, or why one can't be read.
func readJWKSet(text []byte) (jwks []object, broken []error, err error) {
	if len(text) > MaxKeySet {
		return nil, nil, fmt.Errorf("over %d bytes", MaxKeySet)
	}
	set, err := parseObject(string(text), jwkNames)
	if err != nil {
		return nil, nil, fmt.Errorf("not a JWK Set: %v", err)
	}
	list, found := set.get("keys")
	if !found || list.kind != kindArray {
		return nil, nil, errors.New("not a JWK Set: keys is not an array")
	}
	err = list.elements(func(e value) error {
		if len(jwks) == MaxKeys {
			return fmt.Errorf("a JWK Set of over %d keys", MaxKeys)
		}
		jwk, err := parseObject(e.raw, jwkNames)
		jwks = append(jwks, jwk)
		broken = append(broken, err)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return jwks, broken, nil
}

// sharedIDs returns the key ids that stand at more than one key, usable or not.
func sharedIDs(jwks []object) map[string]bool {
	shared := make(map[string]bool, len(jwks))
	for i := range jwks {
		v, _ := jwks[i].get("kid")
		if id, ok := v.text(); ok && id != "" {
			_, again := shared[id]
			shared[id] = again
		}
	}
	return shared
}

// MarshalJWKSet returns the set of keys as JSON (RFC 7517), each with its ID as
// "kid", its Algorithm as "alg", and "use": "sig". It refuses what [ParseJWK]
// would.
func MarshalJWKSet(keys []authz.PublicKey) ([]byte, error) {
	set := lib.JSONWebKeySet{Keys: make([]lib.JSONWebKey, len(keys))}
	for i, key := range keys {
		if err := checkPublished(key); err != nil {
			return nil, fmt.Errorf("key %d: %v", i, err)
		}
		set.Keys[i] = lib.JSONWebKey{Key: key.Key, KeyID: key.ID, Algorithm: key.Algorithm, Use: "sig"}
	}
	return json.Marshal(set)
}

func checkPublished(key authz.PublicKey) error {
	if err := CheckKey(key.Key); err != nil {
		return err
	}
	if key.ID != "" && !isKeyID(key.ID) {
		return errors.New("not a key id")
	}
	if a, ok := ParseAlgorithm(key.Algorithm); key.Algorithm != "" && (!ok || !a.Fits(key.Key)) {
		return errors.New("the algorithm does not fit the key")
	}
	return nil
}

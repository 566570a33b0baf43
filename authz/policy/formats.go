package policy

import (
	"fmt"

	"github.com/hookauthz/hookauthz/authz/keyset"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// noPrivateKey says why the entry of keys of that name has no private key.
func noPrivateKey(name string, entry *policypb.KeySource) string {
	switch {
	case entry.GetStored() != nil:
		return fmt.Sprintf("%s has format %s, which holds no private key: use pem, jwk or jwks", name, entry.GetStored().GetFormat())
	case entry.GetVaultPki() != nil:
		return name + " gives trust anchors only: jwe needs a stored entry"
	}
	return name + " is fetched, which gives public keys only: jwe needs a stored entry"
}

// rawKeys reports the stored keys that a signature check can't use because of their
// format, which holds no key of its algorithm.
func (c *compiler) rawKeys(path string, s *policypb.Signature) {
	if s.GetAlgorithm() == "ed25519" {
		return
	}
	for i, name := range s.GetKeys() {
		if c.file.config.GetKeys()[name].GetStored().GetFormat() == string(keyset.FormatRaw) {
			c.mistake(fmt.Sprintf("%s.keys[%d]", path, i), "wrong_keys", fmt.Sprintf(
				"%s has format raw, which holds an Ed25519 key: %s needs pem, x509, jwk, jwks or spki", name, s.GetAlgorithm()))
		}
	}
}

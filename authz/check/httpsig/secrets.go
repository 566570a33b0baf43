package httpsig

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// sharedKeys prove who signed by keys that the sender shares.
type sharedKeys struct {
	names []string // of the secrets, in their order
	ids   []string // what the sender calls them besides
	ring  *scheme.Keyring[[]byte]
}

func newSharedKeys(refs []authz.Reference, derivation scheme.Derivation, ids []string) *sharedKeys {
	shared := &sharedKeys{ids: ids}
	for _, ref := range refs {
		shared.names = append(shared.names, ref.Name)
	}
	shared.ring = scheme.NewKeyring(refs, func(ref authz.Reference, secret authz.Secret) ([]byte, error) {
		key, err := derivation.Derive(ref, secret)
		return bytes.Clone(key), err
	})
	return shared
}

// prove implements [prover]. Newer versions of a secret come first.
func (p *sharedKeys) prove(ctx context.Context, r *authz.Request, c *claim, base []byte) (authz.Identity, error) {
	if _, err := narrow([]algorithm{hmacSHA256}, c.stated); err != nil {
		return authz.Identity{}, err
	}
	all := c.keyID == "" || slices.Contains(p.ids, c.keyID)
	if !all && !slices.Contains(p.names, c.keyID) {
		return authz.Identity{}, authz.Deny(authz.ReasonKidUnknown, "no secret is the one that the signature names")
	}
	var trouble error
	tried := 0
	for i := range p.ring.Len() {
		if !all && p.names[i] != c.keyID {
			continue
		}
		keys, err := p.ring.At(i, r.Received)
		trouble = scheme.WorseTrouble(trouble, err)
		for _, key := range keys {
			if ctx.Err() != nil {
				return authz.Identity{}, authz.Deny(authz.ReasonDeadline, "no time to try every key")
			}
			tried++
			state := hmac.New(sha256.New, key.Value)
			state.Write(base)
			if hmac.Equal(state.Sum(nil), c.signature) {
				return authz.Identity{
					Principal: key.Secret, Secret: key.Secret, Version: key.Version, Previous: key.Previous, Stale: key.Stale,
				}, nil
			}
		}
	}
	if trouble == nil {
		trouble = authz.Deny(authz.ReasonSignatureMismatch, fmt.Sprintf("matches none of %d keys", tried))
	}
	return authz.Identity{}, trouble
}

package token

import (
	"crypto/sha256"
	"errors"
	"hash/maphash"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// clients knows the secrets of one endpoint's clients, as tags. It may be used by
// many goroutines.
type clients struct {
	endpoint *policy.TokenEndpoint
	sealer   *stored.Sealer
	seed     maphash.Seed
	all      []*policy.TokenClient
	rings    map[string]*scheme.Keyring[stored.Known]
}

func newClients(endpoint *policy.TokenEndpoint) *clients {
	c := &clients{
		endpoint: endpoint, sealer: stored.NewSealer(), seed: maphash.MakeSeed(),
		all: endpoint.Clients(), rings: map[string]*scheme.Keyring[stored.Known]{},
	}
	for _, client := range c.all {
		name := sha256.Sum256([]byte(client.Name))
		c.rings[client.Name] = scheme.NewKeyring(client.Secrets, func(ref authz.Reference, secret authz.Secret) (stored.Known, error) {
			digest, err := client.Stored.Digest(ref, secret.Reveal(), ref.CheckKey)
			if err != nil {
				return stored.Known{}, err //nolint:wrapcheck // a denial
			}
			return stored.Known{Tag: c.sealer.Seal(name, digest), Principal: client.Name}, nil
		})
	}
	return c
}

// verify returns the client whose secret this is. The error is a refusal: that of
// an unknown client comes after the same work as that of a wrong secret.
//
// As long as some secret of the client can't be read or used, a secret that
// matches none of the others might be right, and nobody is told that it is wrong.
func (c *clients) verify(name, secret string, now time.Time) (*policy.TokenClient, *refusal) {
	client, ring := c.endpoint.Client(name), c.rings[name]
	known := client != nil && ring != nil
	if !known {
		// Somebody else's, always the same one for this name: what it costs
		// tells nothing, and its tags hold another name.
		stand := c.all[maphash.String(c.seed, name)%uint64(len(c.all))]
		ring = c.rings[stand.Name]
	}
	tag := c.sealer.Seal(sha256.Sum256([]byte(name)), sha256.Sum256([]byte(secret)))
	_, err := stored.Match([]*scheme.Keyring[stored.Known]{ring}, tag, now, authz.ReasonBasicInvalid)
	switch {
	case !known:
		return nil, badClient("no such client")
	case err == nil:
		return client, nil
	case errors.Is(err, authz.ErrRejected):
		return nil, badClient("wrong secret")
	}
	return nil, troubled(err)
}

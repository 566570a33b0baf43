// Package apikey is the check of kind api_key: a key, presented in a header or
// in the query, shows who sent the request.
package apikey

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// A Check passes requests that present one of its keys, byte for byte.
type Check struct {
	header string // lower case; empty: the query is read
	prefix string
	query  *scheme.Reader
	found  sync.Pool // of *scheme.Presented, for the query

	sealer *stored.Sealer
	keys   []*scheme.Keyring[stored.Known]
}

var _ authz.Check = (*Check)(nil)

func newCheck(reader *scheme.Reader, header, prefix string, form stored.Form, refs []authz.Reference) *Check {
	c := &Check{header: header, prefix: prefix, query: reader, sealer: stored.NewSealer()}
	c.found.New = func() any { return &scheme.Presented{} }
	ring := scheme.NewKeyring(refs, func(ref authz.Reference, secret authz.Secret) (stored.Known, error) {
		digest, err := form.Digest(ref, secret.Reveal(), ref.CheckKey)
		if err != nil {
			return stored.Known{}, err
		}
		return stored.Known{Tag: c.sealer.Seal(digest), Principal: ref.Name}, nil
	})
	c.keys = []*scheme.Keyring[stored.Known]{ring}
	return c
}

// Verify implements [authz.Check]. The principal is the name of the secret that
// matched. It takes the same time for every key that does not match.
func (c *Check) Verify(_ context.Context, r *authz.Request) (authz.Identity, error) {
	tag, err := c.presented(r)
	if err != nil {
		return authz.Identity{}, err
	}
	return stored.Match(c.keys, tag, r.Received, authz.ReasonAPIKeyInvalid) //nolint:wrapcheck // a denial
}

// presented returns the tag of the key that r presents.
func (c *Check) presented(r *authz.Request) (stored.Tag, error) {
	if c.header == "" {
		return c.fromQuery(r)
	}
	value, presence := r.Header.Get(c.header)
	switch {
	case presence == authz.Many:
		return stored.Tag{}, authz.Deny(authz.ReasonDuplicateHeader, fmt.Sprintf("header %s stands more than once", c.header))
	case presence != authz.One || c.header == "authorization" && scheme.OtherScheme(c.header, value, c.prefix):
		return stored.Tag{}, authz.Deny(authz.ReasonCredentialMissing, "nothing in header "+c.header)
	}
	key, ok := strings.CutPrefix(value, c.prefix)
	switch {
	case len(value) > scheme.MaxValueBytes:
		return stored.Tag{}, malformed("the header is over 8 KiB")
	case !ok:
		return stored.Tag{}, malformed("the key lacks its prefix")
	case key == "":
		return stored.Tag{}, malformed("nothing follows the prefix")
	}
	return c.sealer.SealText(key), nil
}

func (c *Check) fromQuery(r *authz.Request) (stored.Tag, error) {
	found, ok := c.found.Get().(*scheme.Presented)
	if !ok {
		return stored.Tag{}, authz.Deny(authz.ReasonBug, "no room to read the query")
	}
	defer func() {
		found.Reset()
		c.found.Put(found)
	}()
	if err := c.query.Locate(r, found); err != nil {
		return stored.Tag{}, err
	}
	if err := c.query.Parse(found); err != nil {
		return stored.Tag{}, err
	}
	return c.sealer.SealText(found.Signatures(0)[0]), nil
}

func malformed(detail string) error { return authz.Deny(authz.ReasonCredentialMalformed, detail) }

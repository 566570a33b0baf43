package basic

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// digests is the judge of passwords that are stored as they are, or as their
// SHA-256. User and password are compared as one, with those of every account.
type digests struct {
	sealer *stored.Sealer
	keys   []*scheme.Keyring[stored.Known] // one a user, or one for all
}

func newDigests(form stored.Form, accounts []account) *digests {
	d := &digests{sealer: stored.NewSealer()}
	for _, account := range accounts {
		d.keys = append(d.keys, scheme.NewKeyring(account.refs, func(ref authz.Reference, secret authz.Secret) (stored.Known, error) {
			return d.known(form, account.user, ref, secret.Reveal())
		}))
	}
	return d
}

// known derives what must be presented from one value of a secret.
func (d *digests) known(form stored.Form, user string, ref authz.Reference, value []byte) (stored.Known, error) {
	user, value, err := userOf(user, ref, value)
	if err != nil {
		return stored.Known{}, err
	}
	digest, err := form.Digest(ref, value, func(password []byte) error { return checkPassword(ref, password) })
	if err != nil {
		return stored.Known{}, err
	}
	return stored.Known{Tag: d.sealer.Seal(sha256.Sum256([]byte(user)), digest), Principal: user}, nil
}

func (d *digests) verify(_ context.Context, r *authz.Request, user, password []byte) (authz.Identity, error) {
	tag := d.sealer.Seal(sha256.Sum256(user), sha256.Sum256(password))
	return stored.Match(d.keys, tag, r.Received, authz.ReasonBasicInvalid) //nolint:wrapcheck // a denial
}

func (d *digests) unfit(now time.Time, tell func(secret string, why error)) {
	for _, ring := range d.keys {
		ring.Unfit(now, tell)
	}
}

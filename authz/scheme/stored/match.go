package stored

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// A Known is what may be presented: its tag, and whom it proves.
type Known struct {
	Tag       Tag
	Principal string
}

// Match looks for tag among all keys that rings hold at now. It compares with
// every one of them, whatever it finds.
//
// If none matches, the error is the worst trouble that stands in the way of some
// key, because the key that can't be read might have matched. It is told of any
// key, not only of those of the presented user, so that it does not show which
// users there are. If we know all keys, it is the denial for mismatch.
func Match(rings []*scheme.Keyring[Known], tag Tag, now time.Time, mismatch authz.Reason) (authz.Identity, error) {
	var identity authz.Identity
	var trouble error
	matched := false
	for _, ring := range rings {
		for i := range ring.Len() {
			keys, err := ring.At(i, now)
			trouble = scheme.WorseTrouble(trouble, err)
			for j := range keys {
				if keys[j].Value.Tag.Equal(&tag) && !matched {
					matched, identity = true, identify(&keys[j])
				}
			}
		}
	}
	switch {
	case matched:
		return identity, nil
	case trouble != nil:
		return authz.Identity{}, trouble
	}
	return authz.Identity{}, authz.Deny(mismatch, "it is none of ours")
}

func identify(key *scheme.Key[Known]) authz.Identity {
	return authz.Identity{
		Principal: key.Value.Principal, Credential: true,
		Secret: key.Secret, Version: key.Version, Previous: key.Previous, Stale: key.Stale,
	}
}

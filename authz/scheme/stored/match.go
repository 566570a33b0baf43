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
// If none matches, trouble is the worst that stands in the way of some key, nil
// if we know them all: it decides before a mismatch, because the key that can't
// be read might have matched. It is told of any key, not only of those of the
// presented user, so that it does not show which users there are.
func Match(rings []*scheme.Keyring[Known], tag Tag, now time.Time) (identity authz.Identity, matched bool, trouble error) {
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
	if matched {
		return identity, true, nil
	}
	return authz.Identity{}, false, trouble
}

func identify(key *scheme.Key[Known]) authz.Identity {
	return authz.Identity{
		Principal: key.Value.Principal, Credential: true,
		Secret: key.Secret, Version: key.Version, Previous: key.Previous,
	}
}

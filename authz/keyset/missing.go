package keyset

import (
	"hash/maphash"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// missingTime is for how long a key that was not there is not asked for again by
// requests. It is short: whoever guesses the name of a key to come could
// otherwise keep it away.
const missingTime = 2 * time.Minute

// missing remembers keys that an issuer does not have. It has a fixed size; what
// does not fit is forgotten, and then costs the fetch that is due anyway. Names
// are kept as hashes whose seed nobody knows, so nobody can choose names that
// push one another out.
type missing struct {
	seed  maphash.Seed
	slots []absent // made when the first is added
}

type absent struct {
	hash uint64
	at   time.Time
}

const missingSlots = 512

func newMissing() missing { return missing{seed: maphash.MakeSeed()} }

func (m *missing) has(id string, now time.Time) bool {
	if m.slots == nil {
		return false
	}
	hash := maphash.String(m.seed, id)
	slot := &m.slots[hash%missingSlots]
	return slot.hash == hash && !slot.at.IsZero() && secret.Age(slot.at, now) < missingTime
}

func (m *missing) add(id string, now time.Time) {
	if m.slots == nil {
		m.slots = make([]absent, missingSlots)
	}
	hash := maphash.String(m.seed, id)
	m.slots[hash%missingSlots] = absent{hash: hash, at: now}
}

package stored

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"

	"golang.org/x/crypto/bcrypt"

	"github.com/hookauthz/hookauthz/authz"
)

// The costs that a [Hash] may have. One step doubles the time of a comparison,
// which on a machine of today is some 50 ms at 10 and a second at 14.
const (
	MinCost = 10
	MaxCost = 14
	// MinWeakCost is the least cost where the reference accepts weak secrets.
	MinWeakCost = 4
)

// MaxHashed is how many bytes of a password bcrypt looks at. Longer ones must not
// be compared: all that begin alike would match.
const MaxHashed = 72

// A Hash is a bcrypt hash of a password. It is immutable and may be used by many
// goroutines. The zero Hash matches nothing.
type Hash struct {
	text string
	cost int
}

// bcryptLayout is the layout of a hash: version, cost, 22 characters of salt and
// 31 of hash.
const bcryptLayout = `^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`

const bcryptLength = 60

// ParseHash reads a hash as the store holds it, such as $2b$12$ and 53
// characters. The versions 2a, 2b and 2y are one algorithm; 2x is that of a
// library which had a bug and is refused.
//
// The error is [authz.ReasonSecretInvalid], or [authz.ReasonSecretWeak] for a
// cost under [MinCost]. It names ref and nothing of the value.
func ParseHash(ref authz.Reference, value []byte) (Hash, error) {
	if len(value) != bcryptLength {
		return Hash{}, noHash(ref)
	}
	layout, err := regexp.Compile(bcryptLayout)
	if err != nil {
		return Hash{}, authz.Deny(authz.ReasonBug, "the layout of bcrypt hashes can't be read")
	}
	found := layout.FindSubmatch(value)
	if found == nil {
		return Hash{}, noHash(ref)
	}
	h := Hash{text: string(value), cost: int(found[1][0]-'0')*10 + int(found[1][1]-'0')}
	// Stray bits behind the last byte: no password would ever match.
	if _, err := alphabet().Strict().DecodeString(h.text[bcryptLength-hashLength:]); err != nil {
		return Hash{}, noHash(ref)
	}
	switch {
	case h.cost < MinWeakCost || h.cost > MaxCost:
		return Hash{}, authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q has a bcrypt cost that is not %d to %d", ref.Name, MinCost, MaxCost))
	case h.cost < MinCost && !ref.AcceptWeak:
		return Hash{}, authz.Deny(authz.ReasonSecretWeak, fmt.Sprintf("secret %q has a bcrypt cost under %d", ref.Name, MinCost))
	}
	return h, nil
}

func noHash(ref authz.Reference) error {
	return authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is no bcrypt hash, such as $2b$12$ and 53 characters", ref.Name))
}

// hashLength is the length of 23 bytes of hash, the rest of 60 being the salt and
// what is before it.
const hashLength = 31

// alphabet is bcrypt's own base64.
func alphabet() *base64.Encoding {
	return base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)
}

// Dummy returns a hash of that cost that nobody knows a password of, for work
// that shall only take time.
func Dummy(cost int) Hash {
	const salt, hash = 16, 23
	random := make([]byte, salt+hash)
	_, _ = rand.Read(random) // never fails, by its documentation
	encoding := alphabet()
	return Hash{
		text: fmt.Sprintf("$2b$%02d$%s%s", cost, encoding.EncodeToString(random[:salt]), encoding.EncodeToString(random[salt:])),
		cost: cost,
	}
}

// Cost returns the logarithm of the work that a comparison is.
func (h Hash) Cost() int { return h.cost }

// Work returns how many rounds a comparison takes, 0 for the zero Hash.
func (h Hash) Work() int {
	if h.cost == 0 {
		return 0
	}
	return 1 << h.cost
}

// Matches reports whether h is the hash of password. It keeps a core busy for
// long and can't be stopped. A password over [MaxHashed] bytes never matches.
func (h Hash) Matches(password []byte) bool {
	return len(password) <= MaxHashed && bcrypt.CompareHashAndPassword([]byte(h.text), password) == nil
}

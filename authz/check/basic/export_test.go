package basic

import (
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// KindWith is [Kind] with another function that hashes, such as one that counts.
func KindWith(matches func(stored.Hash, []byte) bool) authz.Kind { return kind(matches) }

// What tests of the bounds must know.
const (
	AddressBurst = addressBurst
	AddressPause = addressPause
	UserBurst    = userBurst
	UserPause    = userPause
	MaxWaiting   = maxWaiting
	ProofTime    = proofTime
	MaxSources   = maxSources
)

package authz

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"
)

// A Message identifies what a sender signed, for telling a second delivery of the
// same from a new one. It depends on neither the key nor the signature: whoever
// can write another signature of the same message has the same message.
type Message [sha256.Size]byte

// NewMessage returns the state into which a check of policy writes what was
// signed. [SumMessage] makes the Message of it.
func NewMessage(policy string) hash.Hash {
	h := sha256.New()
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(policy)))
	h.Write(length[:])
	h.Write([]byte(policy))
	return h
}

// SumMessage returns the message that was written to h.
func SumMessage(h hash.Hash) (m Message) {
	h.Sum(m[:0])
	return m
}

// A Claim is the wish to be the first who sent some messages.
type Claim struct {
	// Policy is the name of the policy that claims.
	Policy string
	// Messages are those of all checks that passed, at least one. If one of
	// them was claimed before, all are refused.
	Messages []Message
	// Stream is the gateway's id of the request, which no sender can choose;
	// empty if the gateway gives none.
	Stream string
	// Now is when the request was received. Signed is the oldest time that its
	// sender signed and that a window was enforced around, zero for none.
	Now    time.Time
	Signed time.Time
	// Keep is how long the claim is kept from Now on: at least as long as the
	// messages would pass again.
	Keep time.Duration
	// Repeat is how long from Now on the same stream may ask again, as the
	// gateway does when its own call failed.
	Repeat time.Duration
}

// A ClaimResult is how a claim was granted.
type ClaimResult uint8

// The results. The zero value is no grant.
const (
	// ClaimNone: nothing was granted; there is an error.
	ClaimNone ClaimResult = iota
	// ClaimNew: nobody had claimed any of the messages.
	ClaimNew
	// ClaimRepeated: the same stream claimed the same messages just before.
	ClaimRepeated
)

// A ReplayStore remembers claims. Many goroutines may use it.
type ReplayStore interface {
	// Claim grants c to the first who asks, for all of its messages or for
	// none. The error is a denial: [ReasonReplayed] if one of them was claimed
	// before, [ReasonReplayStoreUnavailable] if nobody can tell. It waits no
	// longer than ctx lives. The store keeps nothing of c but copies.
	Claim(ctx context.Context, c *Claim) (ClaimResult, error)
}

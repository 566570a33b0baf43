package basic

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// hashes is the judge of passwords that are stored as bcrypt hashes.
//
// Beside each hash stands what was last seen to match it, as a tag under a random
// key. It ends with the version of the secret that the hash came from. For
// proofTime it answers without a hash; later it only tells a sender that we know
// from a stranger.
type hashes struct {
	policy string
	guard  *guard
	sealer *stored.Sealer
	keys   []*scheme.Keyring[hashed]
	flights
}

// A hashed is a user's password as its hash.
type hashed struct {
	user   string
	digest stored.Digest // of user
	hash   stored.Hash
	proof  *atomic.Pointer[proof]
}

// A proof says what matched a hash, and when.
type proof struct {
	tag stored.Tag
	at  time.Time
}

const (
	// proofTime is how long a password that matched is not hashed again.
	proofTime = time.Minute
	// maxHashes is how many hashes of one user are tried for a request.
	maxHashes = 4
)

func newHashes(policy string, shared *guard, accounts []account) *hashes {
	h := &hashes{policy: policy, guard: shared, sealer: stored.NewSealer()}
	for _, account := range accounts {
		h.keys = append(h.keys, scheme.NewKeyring(account.refs, func(ref authz.Reference, secret authz.Secret) (hashed, error) {
			user, value, err := userOf(account.user, ref, secret.Reveal())
			if err != nil {
				return hashed{}, err
			}
			hash, err := stored.ParseHash(ref, value)
			if err != nil {
				return hashed{}, err //nolint:wrapcheck // a denial
			}
			return hashed{user: user, digest: sha256.Sum256([]byte(user)), hash: hash, proof: &atomic.Pointer[proof]{}}, nil
		}))
	}
	return h
}

func (h *hashes) unfit(now time.Time, tell func(secret string, why error)) {
	for _, ring := range h.keys {
		ring.Unfit(now, tell)
	}
}

// verify looks for a proof first, which costs no hash and asks nobody's leave.
func (h *hashes) verify(ctx context.Context, r *authz.Request, user, password []byte) (authz.Identity, error) {
	digest := stored.Digest(sha256.Sum256(user))
	tag := h.sealer.Seal(digest, sha256.Sum256(password))
	if identity, _, proven := h.remembered(&tag, r.Received); proven {
		return identity, nil
	}
	if len(password) > stored.MaxHashed {
		return authz.Identity{}, authz.Deny(authz.ReasonBasicInvalid, "the password is longer than any that bcrypt can tell apart")
	}
	return h.share(ctx, h.guard, tag, func() (authz.Identity, bool, error) {
		return h.attempt(ctx, r, attempt{user: user, password: password, digest: digest, tag: tag})
	})
}

// remembered looks for tag among the proofs. It compares with every one of them,
// whatever it finds. known says that tag matched at some time.
func (h *hashes) remembered(tag *stored.Tag, now time.Time) (identity authz.Identity, known, proven bool) {
	for _, ring := range h.keys {
		for i := range ring.Len() {
			keys, _ := ring.At(i, now)
			for j := range keys {
				last := keys[j].Value.proof.Load()
				if last == nil || !last.tag.Equal(tag) {
					continue
				}
				known = true
				if age := now.Sub(last.at); age < proofTime && age > -proofTime && !proven {
					proven, identity = true, identify(&keys[j])
				}
			}
		}
	}
	return identity, known, proven
}

func identify(key *scheme.Key[hashed]) authz.Identity {
	return authz.Identity{
		Principal: key.Value.user, Credential: true,
		Secret: key.Secret, Version: key.Version, Previous: key.Previous, Stale: key.Stale,
	}
}

// An attempt is what a request presents.
type attempt struct {
	user, password []byte
	digest         stored.Digest
	tag            stored.Tag
}

// attempt hashes what is presented, if the guard lets it. settled says that the
// verdict is good for everybody who presents the same.
func (h *hashes) attempt(ctx context.Context, r *authz.Request, a attempt) (identity authz.Identity, settled bool, err error) {
	identity, known, proven := h.remembered(&a.tag, r.Received)
	if proven { // since we looked
		return identity, true, nil
	}
	own, work, trouble := h.candidates(a.digest, r.Received)
	if work == 0 {
		return authz.Identity{}, true, verdict(trouble)
	}

	lane, taken := h.guard.known, admission{}
	if !known {
		var admitted bool
		lane = h.guard.strangers
		if taken, admitted = h.guard.admit(h.policy, r.Peer, a.user, r.Received); !admitted {
			return authz.Identity{}, false, authz.Deny(authz.ReasonSenderLimit, "too many wrong passwords from this address, or for this user from it")
		}
	}
	if !h.guard.enter(ctx, lane) {
		taken.refund()
		return authz.Identity{}, false, overloaded()
	}
	defer lane.exit()
	for _, key := range own {
		work -= key.Value.hash.Work()
		if h.guard.matches(key.Value.hash, a.password) {
			key.Value.proof.Store(&proof{tag: a.tag, at: r.Received})
			taken.refund()
			return identify(key), true, nil
		}
	}
	h.guard.waste(work, a.password)
	return authz.Identity{}, true, verdict(trouble)
}

// verdict is that on a password that matches no hash we know.
func verdict(trouble error) error {
	if trouble != nil {
		return trouble
	}
	return authz.Deny(authz.ReasonBasicInvalid, "it is none of ours")
}

// candidates returns the hashes to try for the user with that digest, and the
// work that is due for any user, known or not: that of the user who has most.
// trouble is the worst that stands in the way of some hash of whichever user.
func (h *hashes) candidates(user stored.Digest, now time.Time) (own []*scheme.Key[hashed], work int, trouble error) {
	all := map[stored.Digest][]*scheme.Key[hashed]{}
	for _, previous := range []bool{false, true} { // the newest come first
		for _, ring := range h.keys {
			for i := range ring.Len() {
				keys, err := ring.At(i, now)
				trouble = scheme.WorseTrouble(trouble, err)
				for j := range keys {
					key := &keys[j]
					if of := key.Value.digest; key.Previous == previous && len(all[of]) < maxHashes {
						all[of] = append(all[of], key)
					}
				}
			}
		}
	}
	for _, keys := range all {
		sum := 0
		for _, key := range keys {
			sum += key.Value.hash.Work()
		}
		work = max(work, sum)
	}
	return all[user], work, trouble
}

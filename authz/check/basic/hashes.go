package basic

import (
	"context"
	"crypto/sha256"
	"slices"
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
// from a stranger. It spares a sender the guard's leave only where it was seen
// before: a stranger's guesses are counted, whether or not one of them is right.
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

// A proof says what matched a hash, and when, and from where it has come. It is
// immutable.
type proof struct {
	tag  stored.Tag
	at   time.Time
	from []source // the newest first
}

// of reports whether p is of tag.
func (p *proof) of(tag *stored.Tag) bool { return p != nil && p.tag.Equal(tag) }

// prove remembers that tag, from there, matched the hash at a time.
func (h *hashed) prove(tag stored.Tag, from source, at time.Time) {
	next := &proof{tag: tag, at: at, from: []source{from}}
	if last := h.proof.Load(); last.of(&tag) {
		for _, before := range last.from {
			if before != from && len(next.from) < maxSources {
				next.from = append(next.from, before)
			}
		}
	}
	h.proof.Store(next)
}

const (
	// proofTime is how long a password that matched is not hashed again.
	proofTime = time.Minute
	// maxHashes is how many hashes of one user are tried for a request.
	maxHashes = 4
	// maxSources is how many sources of one sender are remembered: those of its
	// machines, or of the load balancers before us.
	maxSources = 16
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
	a := attempt{user: user, password: password, digest: digest, passage: passage{
		tag: h.sealer.Seal(digest, sha256.Sum256(password)), from: sourceOf(r.Peer),
	}}
	if m := h.remembered(&a.passage, r.Received); m.proven != nil && m.here {
		return identify(m.proven), nil
	}
	if len(password) > stored.MaxHashed {
		return authz.Identity{}, authz.Deny(authz.ReasonBasicInvalid, "the password is longer than any that bcrypt can tell apart")
	}
	return h.share(ctx, h.guard, a.passage, func() (authz.Identity, bool, error) { return h.attempt(ctx, r, &a) })
}

// A memory is what the proofs say of a tag.
type memory struct {
	proven *scheme.Key[hashed] // what it matched lately, nil if nothing
	at     time.Time           // when proven was hashed
	known  bool                // it matched something at some time
	here   bool                // and came from this source
}

// remembered looks for p's tag among the proofs. It compares with every one of
// them, whatever it finds.
func (h *hashes) remembered(p *passage, now time.Time) memory {
	var m memory
	for _, ring := range h.keys {
		for i := range ring.Len() {
			keys, _ := ring.At(i, now)
			for j := range keys {
				last := keys[j].Value.proof.Load()
				if !last.of(&p.tag) {
					continue
				}
				m.known = true
				m.here = m.here || slices.Contains(last.from, p.from)
				if age := now.Sub(last.at); age < proofTime && age > -proofTime && m.proven == nil {
					m.proven, m.at = &keys[j], last.at
				}
			}
		}
	}
	return m
}

func identify(key *scheme.Key[hashed]) authz.Identity {
	return authz.Identity{
		Principal: key.Value.user, Credential: true,
		Secret: key.Secret, Version: key.Version, Previous: key.Previous, Stale: key.Stale,
	}
}

// An attempt is what a request presents.
type attempt struct {
	passage

	user, password []byte
	digest         stored.Digest
}

// attempt hashes what is presented, if the guard lets it. settled says that the
// verdict is good for everybody who presents the same from there.
func (h *hashes) attempt(ctx context.Context, r *authz.Request, a *attempt) (identity authz.Identity, settled bool, err error) {
	m := h.remembered(&a.passage, r.Received)
	own, work, trouble := h.candidates(a.digest, r.Received)
	if work == 0 {
		return authz.Identity{}, true, verdict(trouble)
	}

	var taken admission
	if !m.here {
		var admitted bool
		if taken, admitted = h.guard.admit(h.policy, a.from, a.user, r.Received); !admitted {
			return authz.Identity{}, false, authz.Deny(authz.ReasonSenderLimit, "too many wrong passwords from this address, or for this user from it")
		}
	}
	if m.proven == nil {
		lane := h.guard.strangers
		if m.known {
			lane = h.guard.known
		}
		if !h.guard.enter(ctx, lane) {
			taken.refund()
			return authz.Identity{}, false, overloaded()
		}
		defer lane.exit()
		m = h.remembered(&a.passage, r.Received) // somebody else may have hashed it
	}
	if m.proven != nil {
		taken.refund()
		m.proven.Value.prove(a.tag, a.from, m.at)
		return identify(m.proven), true, nil
	}
	for _, key := range own {
		work -= key.Value.hash.Work()
		if h.guard.matches(key.Value.hash, a.password) {
			key.Value.prove(a.tag, a.from, r.Received)
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
	// Each secret is read once: between two readings it may be rotated.
	var secrets [][]scheme.Key[hashed]
	for _, ring := range h.keys {
		for i := range ring.Len() {
			keys, err := ring.At(i, now)
			trouble = scheme.WorseTrouble(trouble, err)
			secrets = append(secrets, keys)
		}
	}
	all := map[stored.Digest][]*scheme.Key[hashed]{}
	for _, previous := range []bool{false, true} { // the newest come first
		for _, keys := range secrets {
			for i := range keys {
				key := &keys[i]
				if of := key.Value.digest; key.Previous == previous && len(all[of]) < maxHashes {
					all[of] = append(all[of], key)
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

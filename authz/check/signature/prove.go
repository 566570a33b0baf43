package signature

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/signed"
)

// What one request makes us compute with public keys: at most maxTries signatures,
// and of costly keys as many as maxCost admits, but always leastTries. A sender
// writes one signature, or two while it changes its key; so even with many keys
// and no ids it stays below.
const (
	maxTries   = 32
	leastTries = 4
	maxCost    = 16_000 // of [algorithm.cost]
)

// A proof is the key that signed the message of a group.
type proof struct {
	key   *authz.PublicKey
	set   *authz.KeyReference
	group int
	// stale says that the set could not be read lately.
	stale bool
}

// A search looks for the key that signed a request.
type search struct {
	check *Check
	r     *authz.Request
	w     *signed.Work
	state *state
	// ids are how the groups name their keys, nil if they name none.
	ids []string

	// Of the group at hand: whether state holds what it signed, and whether some
	// set has the key that it names.
	group int
	ready bool
	knew  bool

	// by are the answers of sets whose keys requests name, which no group changes.
	by []answer

	// Of all groups: how many signatures were tried, what that cost, and why others
	// were not.
	tries   int
	cost    int
	misfit  bool  // the key that is named is for another algorithm
	late    bool  // an address was not followed, as the time is not recent
	denial  error // of an address that leads to no key
	trouble error // what keeps us from knowing that no key matches
}

// An answer is what a set gave.
type answer struct {
	keys *authz.Keys
	err  error
}

// prove looks for the key under which a signature of some group holds. The work
// is bounded by maxTries, by maxCost and by ctx. What must be waited for comes last: only if
// no key at hand matches, sets are asked for an id that none has, and addresses
// are followed.
func (c *Check) prove(ctx context.Context, r *authz.Request, w *signed.Work) (found proof, err error) {
	st, ok := c.states.Get().(*state)
	if !ok {
		return proof{}, authz.Deny(authz.ReasonBug, "no memory for a message")
	}
	defer c.release(st)
	s := search{check: c, r: r, w: w, state: st}
	if err := s.readIDs(); err != nil {
		return proof{}, err
	}
	absent, remote, found, err := s.atHand(ctx)
	if found.key == nil && err == nil && len(absent) > 0 {
		found, err = s.refresh(ctx, absent)
	}
	if found.key == nil && err == nil && len(remote) > 0 {
		found, err = s.follow(ctx, remote)
	}
	switch {
	case err != nil:
		return proof{}, err
	case found.key == nil:
		return proof{}, s.failure()
	}
	return found, nil
}

func (s *search) readIDs() error {
	if !s.check.named {
		return nil
	}
	for group := range s.w.Groups() {
		id, err := s.check.scheme.KeyID(s.w, group)
		if err != nil {
			return err //nolint:wrapcheck // a denial
		}
		s.ids = append(s.ids, id)
	}
	return nil
}

// atHand tries what is known without asking anybody. It returns the groups whose
// key no set has, and the sets whose address would have to be followed.
func (s *search) atHand(ctx context.Context) (absent []int, remote []*authz.KeyReference, found proof, err error) {
	for group := range s.w.Groups() {
		s.enter(group)
		for i := range s.check.sets {
			set := &s.check.sets[i]
			keys, err := s.keysOf(ctx, i)
			if set.Named != nil && errors.Is(err, authz.ErrUnavailable) {
				if group == 0 {
					remote = append(remote, set)
				}
				continue
			}
			if found, err = s.try(ctx, set, keys, err); found.key != nil || err != nil {
				return nil, nil, found, err
			}
		}
		if s.ids != nil && !s.knew {
			absent = append(absent, group)
		}
	}
	return absent, remote, proof{}, nil
}

// keysOf returns the keys of set i that are at hand. What the request names is
// looked for once: it may stand in a large body.
func (s *search) keysOf(ctx context.Context, i int) (*authz.Keys, error) {
	set := &s.check.sets[i]
	if set.Named == nil {
		return set.Set.Keys(s.r.Received) //nolint:wrapcheck // a denial
	}
	if s.by == nil {
		s.by = make([]answer, len(s.check.sets))
	}
	found := &s.by[i]
	if found.keys == nil && found.err == nil {
		found.keys, found.err = set.Named.Find(ctx, s.r, s.w.Body(), false)
	}
	return found.keys, found.err
}

// refresh asks whether there are newer keys, for groups whose key no set has.
func (s *search) refresh(ctx context.Context, groups []int) (proof, error) {
	s.trouble = nil // what a set says now counts
	for _, group := range groups {
		s.enter(group)
		for i := range s.check.sets {
			set := &s.check.sets[i]
			keys, err := set.Set.Refresh(ctx, s.ids[group], s.r.Received)
			if found, err := s.try(ctx, set, keys, err); found.key != nil || err != nil {
				return found, err
			}
		}
	}
	return proof{}, nil
}

// follow fetches what requests name by an address. Who sends an old request again
// can't make us fetch anything.
func (s *search) follow(ctx context.Context, sets []*authz.KeyReference) (proof, error) {
	if !s.check.scheme.Recent(s.w, s.r.Received) {
		s.late = true
		return proof{}, nil
	}
	for _, set := range sets {
		keys, err := set.Named.Find(ctx, s.r, s.w.Body(), true)
		for group := range s.w.Groups() {
			s.enter(group)
			if found, err := s.try(ctx, set, keys, err); found.key != nil || err != nil {
				return found, err
			}
		}
	}
	return proof{}, nil
}

// enter makes group the one that is tried.
func (s *search) enter(group int) {
	if group != s.group {
		s.ready = false
	}
	s.group, s.knew = group, false
}

// try looks for a key of set that signed the message of the group. trouble is
// why there are no keys. The error is a denial that ends the search.
func (s *search) try(ctx context.Context, set *authz.KeyReference, keys *authz.Keys, trouble error) (proof, error) {
	if trouble == nil && keys == nil {
		trouble = authz.Deny(authz.ReasonBug, "a key set returned nothing")
	}
	if trouble != nil {
		s.note(trouble)
		return proof{}, nil
	}
	for i := range keys.Accepted {
		key := &keys.Accepted[i]
		if !s.names(set, key) {
			continue
		}
		s.knew = true
		if !s.check.algorithm.fits(key) {
			s.misfit = true
			continue
		}
		if ok, err := s.holds(ctx, key); ok || err != nil {
			if err != nil {
				return proof{}, err
			}
			return proof{key: key, set: set, group: s.group, stale: keys.Stale}, nil
		}
	}
	s.trouble = scheme.WorseTrouble(s.trouble, keys.Unusable)
	if secret := s.check.misfit(keys); secret != "" {
		s.trouble = scheme.WorseTrouble(s.trouble, errMisfit(secret))
	}
	return proof{}, nil
}

// note keeps why a set gave no keys.
func (s *search) note(err error) {
	if errors.Is(err, authz.ErrRejected) {
		if s.denial == nil {
			s.denial = err
		}
		return
	}
	s.trouble = scheme.WorseTrouble(s.trouble, err)
}

// names reports whether the group may mean key: it has the id that the group
// names, or none, and then the name of its set is its id.
func (s *search) names(set *authz.KeyReference, key *authz.PublicKey) bool {
	if s.ids == nil {
		return true
	}
	if key.ID == "" {
		return set.Name == s.ids[s.group]
	}
	return key.ID == s.ids[s.group]
}

// holds reports whether any signature of the group is one by key. The error is a
// denial.
func (s *search) holds(ctx context.Context, key *authz.PublicKey) (bool, error) {
	if !s.ready {
		if err := s.state.read(s.check, s.w, s.group); err != nil {
			return false, err
		}
		s.ready = true
	}
	first, end := s.w.Signatures(s.group)
	cost := s.check.algorithm.cost(key, s.state.signed)
	for i := first; i < end; i++ {
		switch {
		case ctx.Err() != nil:
			return false, authz.Deny(authz.ReasonDeadline, "no time to try every key")
		case s.tries == maxTries, s.tries >= leastTries && s.cost+cost > maxCost:
			return false, s.failure()
		}
		s.tries++
		s.cost += cost
		if s.check.algorithm.holds(key, s.state.signed, s.w.Signature(i)) {
			return true, nil
		}
	}
	return false, nil
}

// failure says why no key was found.
func (s *search) failure() error {
	switch {
	case s.trouble != nil:
		return s.trouble
	case s.tries > 0:
		return authz.Deny(authz.ReasonSignatureMismatch, fmt.Sprintf("%d signatures and keys were tried, and none fits the message", s.tries))
	case s.late:
		return authz.Deny(authz.ReasonSignatureMismatch, "the key is not at hand, and not fetched for a message that is not recent")
	case s.denial != nil:
		return s.denial
	case s.misfit:
		return authz.Deny(authz.ReasonAlgNotAllowed, "no key that the request may mean is for the policy's algorithm")
	}
	return authz.Deny(authz.ReasonKidUnknown, "no key has the id that the request names")
}

// misfit returns the secret whose keys are all of another type than the
// algorithm's, though one of them is its newest; empty if there is none.
func (c *Check) misfit(keys *authz.Keys) (secret string) {
	for i := range keys.Accepted {
		key := &keys.Accepted[i]
		switch {
		case key.Secret == "" || key.Previous:
		case c.algorithm.fits(key):
			return ""
		default:
			secret = key.Secret
		}
	}
	return secret
}

func errMisfit(secret string) error {
	return authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q holds no key for the policy's algorithm", secret))
}

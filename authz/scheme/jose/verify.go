package jose

import (
	"fmt"
	"slices"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
)

// maxTries is how many keys one token is tried with. A set holds a new key, an
// old one, and seldom more of one type.
const maxTries = 4

// Verify returns the key of keys that signed t with one of the algorithms
// allowed. A token with a key id is tried with the keys of that id, or, where no
// key has it, with those whose owner gave them none; a token without is tried with
// all. At most four that fit its algorithm are tried.
//
// The error is a denial: [authz.ReasonAlgNotAllowed] if the algorithm is not
// allowed or not that of the key, [authz.ReasonKidUnknown] if there is no key to
// try, [authz.ReasonSignatureMismatch] if none signed it. Where nothing matches
// and keys.Unusable is set, the error is that.
func (t *Token) Verify(keys *authz.Keys, allowed []Algorithm) (*authz.PublicKey, error) {
	t.payload = nil
	if !slices.Contains(allowed, t.algorithm) {
		return nil, authz.Deny(authz.ReasonAlgNotAllowed, "the policy does not allow the token's alg")
	}
	if t.signed == nil { // once, however many key sets are asked
		signed, err := lib.ParseSignedCompact(t.text, []lib.SignatureAlgorithm{lib.SignatureAlgorithm(t.algorithm)})
		if err != nil {
			// Its own words may repeat the token.
			return nil, authz.Deny(authz.ReasonTokenInvalid, "the token's header is not one that JOSE allows")
		}
		t.signed = signed
	}
	named := t.keyID != "" && slices.ContainsFunc(keys.Accepted, func(key authz.PublicKey) bool { return key.ID == t.keyID })
	wanted := "" // the id of the keys to try
	if named {
		wanted = t.keyID
	}
	tried := 0
	for i := range keys.Accepted {
		key := &keys.Accepted[i]
		if t.keyID != "" && key.ID != wanted || !t.algorithm.suits(key) {
			continue
		}
		if tried == maxTries {
			break
		}
		tried++
		payload, err := t.signed.Verify(verifier{key.Key})
		if err == nil {
			t.payload = payload
			return key, nil
		}
	}
	return nil, t.unmatched(keys, named, tried)
}

// unmatched says why none of the keys that were tried matched: named says that
// they have the token's key id.
func (t *Token) unmatched(keys *authz.Keys, named bool, tried int) error {
	switch {
	case keys.Unusable != nil:
		return keys.Unusable
	case t.keyID != "" && !named:
		return authz.Deny(authz.ReasonKidUnknown, "no key has the token's kid")
	case tried > 0:
		return authz.Deny(authz.ReasonSignatureMismatch, fmt.Sprintf("none of %d keys signed the token", tried))
	case t.keyID == "":
		return authz.Deny(authz.ReasonKidUnknown, "the token names no key, and none suits its alg")
	}
	return authz.Deny(authz.ReasonAlgNotAllowed, "the token's alg is not that of the key it names")
}

// suits reports whether the owner of key permits a for it.
func (a Algorithm) suits(key *authz.PublicKey) bool {
	return (key.Algorithm == "" || key.Algorithm == string(a)) && a.Fits(key.Key)
}

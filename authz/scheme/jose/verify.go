package jose

import (
	"crypto"
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
	if t.form == nil && t.signed == nil { // once, however many key sets are asked
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
		if payload, ok := t.signedBy(key.Key); ok {
			t.payload = payload
			return key, nil
		}
	}
	return nil, t.unmatched(keys, named, tried)
}

// VerifyKey returns nil if key signed t with one of the algorithms allowed. The
// token's key id is not looked at. The error is a denial:
// [authz.ReasonAlgNotAllowed] or [authz.ReasonSignatureMismatch]. It is for tokens
// of a [Form].
func (t *Token) VerifyKey(key crypto.PublicKey, allowed []Algorithm) error {
	t.payload = nil
	switch {
	case t.form == nil:
		return authz.Deny(authz.ReasonBug, "a token without a form")
	case !slices.Contains(allowed, t.algorithm):
		return authz.Deny(authz.ReasonAlgNotAllowed, "the policy does not allow the token's alg")
	case !t.algorithm.Fits(key):
		return authz.Deny(authz.ReasonAlgNotAllowed, "the token's alg is not that of the key")
	}
	payload, ok := t.signedBy(key)
	if !ok {
		return authz.Deny(authz.ReasonSignatureMismatch, "the key did not sign the token")
	}
	t.payload = payload
	return nil
}

// signedBy returns the payload if key, which fits the algorithm, signed it.
func (t *Token) signedBy(key crypto.PublicKey) (payload []byte, ok bool) {
	if t.form != nil {
		return t.formSignedBy(key)
	}
	payload, err := t.signed.Verify(verifier{key})
	return payload, err == nil
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

package jwe

import (
	"crypto/aes"
	"crypto/ecdh"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// Allowed are the algorithms that a policy lists.
type Allowed struct {
	Key     []KeyAlgorithm
	Content []ContentAlgorithm
}

// A Token is a JWE in compact form whose parts were read, but not decrypted. It is
// immutable and may be used by many goroutines.
type Token struct {
	algorithm KeyAlgorithm
	content   ContentAlgorithm
	keyID     string

	header     []byte // as it is written, which is what the tag is over
	wrapped    []byte // the encrypted key
	iv         []byte
	ciphertext []byte
	tag        []byte

	ephemeral *ecdh.PublicKey // of ECDH-ES
	apu, apv  []byte
}

// separators is how many dots a token has.
const separators = 4

// Parse reads a token. The error is a denial: [authz.ReasonCredentialMalformed] if
// the text can't be read in exactly one way or a part has a length that its
// algorithm does not have, [authz.ReasonAlgNotAllowed] for algorithms that are not
// allowed, which are looked at before anything costs work, and
// [authz.ReasonTokenInvalid] for a header that is compressed, critical, brings
// keys along or wants a password. How long a text may be is the caller's to say;
// time and memory are in proportion.
func Parse(text string, allowed Allowed) (*Token, error) {
	// Counting first bounds what the splitting can cost.
	if strings.Count(text, ".") != separators {
		return nil, malformed("the token does not have five parts")
	}
	parts := strings.SplitN(text, ".", separators+1)
	header, err := jose.ParseEncryptedHeader(parts[0])
	if err != nil {
		return nil, err //nolint:wrapcheck // a denial
	}
	t := &Token{
		algorithm: KeyAlgorithm(header.Algorithm), content: ContentAlgorithm(header.Encryption),
		keyID: header.KeyID, header: []byte(parts[0]),
	}
	if !slices.Contains(allowed.Key, t.algorithm) {
		return nil, authz.Deny(authz.ReasonAlgNotAllowed, "the token's alg is not listed in the policy")
	}
	if !slices.Contains(allowed.Content, t.content) {
		return nil, authz.Deny(authz.ReasonAlgNotAllowed, "the token's enc is not listed in the policy")
	}
	if err := header.Refuse(); err != nil {
		return nil, err //nolint:wrapcheck // a denial
	}
	for i, into := range []*[]byte{&t.wrapped, &t.iv, &t.ciphertext, &t.tag} {
		var ok bool
		if *into, ok = jose.DecodeBase64URL(parts[i+1]); !ok {
			return nil, malformed("a part of the token is not base64url")
		}
	}
	if err := t.checkLengths(); err != nil {
		return nil, err
	}
	if err := t.readAgreement(header); err != nil {
		return nil, err
	}
	return t, nil
}

// checkLengths looks at what everybody can see, without any key.
func (t *Token) checkLengths() error {
	direct := t.algorithm == Dir || t.algorithm == ECDHES
	switch {
	case direct && len(t.wrapped) > 0:
		return malformed("the token has an encrypted key, which its alg has none of")
	case !direct && len(t.wrapped) == 0:
		return malformed("the token's encrypted key is empty")
	case t.algorithm.wrapSize() > 0 && len(t.wrapped) != t.content.KeySize()+wrapBlock:
		return malformed("the token's encrypted key has another length than its algorithms'")
	case len(t.wrapped) > maxRSABits/8:
		return malformed("the token's encrypted key is longer than any key of ours")
	case len(t.iv) != t.content.ivSize() || len(t.tag) != t.content.tagSize():
		return malformed("the token's iv or tag has another length than its enc's")
	case t.content.digest() != nil && (len(t.ciphertext) == 0 || len(t.ciphertext)%aes.BlockSize != 0):
		return malformed("the token's ciphertext is not made of whole blocks")
	}
	return nil
}

// readAgreement reads what ECDH-ES alone has.
func (t *Token) readAgreement(header *jose.EncryptedHeader) (err error) {
	if !t.algorithm.agrees() {
		return nil
	}
	if t.apu, err = header.Party("apu"); err != nil {
		return err //nolint:wrapcheck // a denial
	}
	if t.apv, err = header.Party("apv"); err != nil {
		return err //nolint:wrapcheck // a denial
	}
	t.ephemeral, err = header.Ephemeral()
	return err //nolint:wrapcheck // a denial
}

func malformed(detail string) error {
	return authz.Deny(authz.ReasonCredentialMalformed, detail)
}

// KeyAlgorithm returns the header's "alg".
func (t *Token) KeyAlgorithm() KeyAlgorithm { return t.algorithm }

// KeyID returns the header's "kid", empty if there is none. It has at most
// [jose.MaxKeyID] bytes of A-Z, a-z, 0-9 and ._~-=+/:@ and comes from whoever made
// the token.
func (t *Token) KeyID() string { return t.keyID }

// Fits reports whether key may be the one that t is encrypted for, by its type.
func (t *Token) Fits(key *authz.PrivateKey) bool { return Fits(key, t.algorithm, t.content) }

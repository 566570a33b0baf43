package jose

import (
	"fmt"
	"strings"

	lib "github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
)

const (
	// MaxToken is the longest token that is read, in bytes. Header lines of
	// gateways end there too.
	MaxToken = 16 << 10
	// MaxKeyID is the longest key id that is read, in bytes.
	MaxKeyID = 128
)

// A Token is a JWS in compact form. Parsing proves nothing; [Token.Verify] does.
// A Token is for one goroutine.
type Token struct {
	text      string
	algorithm Algorithm
	keyID     string
	typ       string
	// signed is the library's reading of text, nil before the first Verify.
	signed  *lib.JSONWebSignature
	payload []byte
}

// ParseCompact reads a token without verifying it. The error is a denial:
// [authz.ReasonCredentialMalformed] if the text can't be read in exactly one way,
// [authz.ReasonAlgNotAllowed] for an algorithm that is not one of ours, "none"
// and those with shared keys among them, and [authz.ReasonTokenInvalid] for a
// header member that would bring a key along or change what is signed: crit, b64,
// zip, jku, jwk, x5u and x5c.
func ParseCompact(text string) (*Token, error) {
	if len(text) > MaxToken {
		return nil, malformed(fmt.Sprintf("the token is over %d bytes", MaxToken))
	}
	// Counting first bounds what the splitting can cost.
	if strings.Count(text, ".") != 2 {
		return nil, malformed("the token does not have three parts")
	}
	header, rest, _ := strings.Cut(text, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if header == "" || signature == "" {
		return nil, malformed("the token's header or signature is empty")
	}
	if !isBase64URL(payload) || !isBase64URL(signature) {
		return nil, malformed("a part of the token is not base64url")
	}
	t := &Token{text: text}
	if err := t.readHeader(header); err != nil {
		return nil, err
	}
	return t, nil
}

// headerNames are the members of RFC 7515, section 4.1, and RFC 7797. A header
// with other spellings of them means one thing to one reader and another to the
// next.
var headerNames = []string{ //nolint:gochecknoglobals // a table that nobody writes
	"alg", "kid", "typ", "cty", "crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256",
}

// readHeader reads the protected header; a token in compact form has no other.
func (t *Token) readHeader(part string) error {
	text, ok := decode(part)
	if !ok {
		return malformed("the token's header is not base64url")
	}
	header, err := parseObject(string(text), headerNames)
	if err != nil {
		return malformed("the token's header: " + err.Error())
	}
	algorithm, found := header.get("alg")
	name, isText := algorithm.text()
	if !found || !isText {
		return malformed("the token's header has no alg")
	}
	if t.algorithm, ok = ParseAlgorithm(name); !ok {
		return authz.Deny(authz.ReasonAlgNotAllowed, "the token's alg is none of those we know")
	}
	for _, name := range [...]string{"crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"} {
		if _, found := header.get(name); found {
			return authz.Deny(authz.ReasonTokenInvalid, "the token's header has "+name)
		}
	}
	if id, found := header.get("kid"); found {
		if t.keyID, isText = id.text(); !isText || !isKeyID(t.keyID) {
			return malformed("the token's kid has characters or a length that key ids don't have")
		}
	}
	if typ, found := header.get("typ"); found {
		if t.typ, isText = typ.text(); !isText {
			return malformed("the token's typ is no string")
		}
	}
	return nil
}

func malformed(detail string) error {
	return authz.Deny(authz.ReasonCredentialMalformed, detail)
}

// isKeyID reports whether text may be a key id. Issuers use thumbprints, UUIDs,
// dates, ARNs and URLs.
func isKeyID(text string) bool {
	if text == "" || len(text) > MaxKeyID {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if sextet(c) > 63 && strings.IndexByte(".~=+/:@", c) < 0 {
			return false
		}
	}
	return true
}

// Algorithm returns the header's "alg".
func (t *Token) Algorithm() string { return string(t.algorithm) }

// KeyID returns the header's "kid", empty if there is none. It has at most
// [MaxKeyID] bytes of A-Z, a-z, 0-9 and ._~-=+/:@ and comes from whoever made the
// token.
func (t *Token) KeyID() string { return t.keyID }

// Type returns the header's "typ" as it is written, empty if there is none.
func (t *Token) Type() string { return t.typ }

// Payload returns what is signed, nil unless [Token.Verify] returned no error.
// The caller must not change it.
func (t *Token) Payload() []byte { return t.payload }

package jose

import (
	"fmt"
	"slices"
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
	// maxHeader is the longest header that is read, in bytes. Where it brings
	// certificates along it may be longer than a gateway's header line.
	maxHeader = 64 << 10
	// maxSignature is the longest signature, in bytes: more than one of an RSA
	// key of 8192 bits has.
	maxSignature = 16 << 10
)

// A Token is a JWS in compact form. Parsing proves nothing; [Token.Verify] does.
// A Token is for one goroutine.
type Token struct {
	text      string
	form      *Form // nil for [ParseCompact]
	header    object
	algorithm Algorithm
	keyID     string
	typ       string
	// unencoded says that the payload is signed as it is ("b64": false).
	unencoded bool
	// body is the payload of a token that has none of its own.
	body []byte
	// message and digest are what was signed, kept from one key to the next.
	message []byte
	digest  []byte
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
	return parseCompact(text, &Form{Max: MaxToken}, nil)
}

// parseCompact reads a token of form f. keep is what the token remembers of it.
func parseCompact(text string, f, keep *Form) (*Token, error) {
	if len(text) > f.Max {
		return nil, malformed(fmt.Sprintf("the token is over %d bytes", f.Max))
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
	if len(header) > maxHeader || len(signature) > maxSignature {
		return nil, malformed("the token's header or signature is too long")
	}
	if f.Detached != Attached && payload != "" {
		return nil, malformed("the token has a payload of its own, which is not what is signed here")
	}
	if !isBase64URL(payload) || !isBase64URL(signature) {
		return nil, malformed("a part of the token is not base64url")
	}
	t := &Token{text: text, form: keep}
	if err := t.readHeader(header, f); err != nil {
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
func (t *Token) readHeader(part string, f *Form) error {
	text, ok := decode(part)
	if !ok {
		return malformed("the token's header is not base64url")
	}
	header, err := parseObject(string(text), headerNames)
	t.header = header
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
	for _, name := range [...]string{"zip", "jku", "jwk", "x5u", "x5c"} {
		if _, found := header.get(name); found && (name != "x5c" || !f.Certificates) {
			return authz.Deny(authz.ReasonTokenInvalid, "the token's header has "+name)
		}
	}
	if err := t.readCritical(f); err != nil {
		return err
	}
	if id, found := header.get("kid"); found {
		t.keyID, isText = id.text()
		switch known := isKeyID(t.keyID); {
		case isText && !known && f.Certificates:
			t.keyID = "" // which chooses nothing, and may be that of no list of ours
		case !isText || !known:
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

// HasType reports whether the header's "typ" is one of types, which are in lower
// case and without "application/": in full or not, in any case. A media type is
// ASCII (RFC 6838, section 4.2): other letters that are one in lower case are
// longer, and are none here.
func (t *Token) HasType(types ...string) bool {
	lower := strings.ToLower(t.typ)
	return len(lower) == len(t.typ) && slices.Contains(types, strings.TrimPrefix(lower, "application/"))
}

// Payload returns what is signed, nil unless [Token.Verify] returned no error.
// The caller must not change it.
func (t *Token) Payload() []byte { return t.payload }

package jose

import (
	"crypto/ecdh"
	"errors"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
)

// maxEncryptedHeader is the longest header of a JWE that is read, in bytes of
// base64url. Tokens that stand in bodies may be as long as those; their headers
// have a few hundred bytes.
const maxEncryptedHeader = 8 << 10

// DecodeBase64URL returns the bytes that text stands for in base64url as RFC 7515
// writes it: without padding and white space, and without bits in the last
// character that decoding drops. The empty text stands for no bytes.
func DecodeBase64URL(text string) ([]byte, bool) { return decode(text) }

// An EncryptedHeader is the header of a JWE in compact form (RFC 7516, section
// 4.1). Nothing in it has been authenticated.
type EncryptedHeader struct {
	// Algorithm is "alg" and Encryption "enc". Both are there and are any text.
	Algorithm, Encryption string
	// KeyID is "kid", as [Token.KeyID] returns that of a JWS.
	KeyID string

	members object
}

// encryptedNames are those of a JWS and the members of RFC 7518, section 4, that
// some ways to agree on keys have.
var encryptedNames = append([]string{"epk", "apu", "apv", "iv", "tag", "p2s", "p2c"}, headerNames...) //nolint:gochecknoglobals // a table that nobody writes

// ParseEncryptedHeader reads the first part of a JWE as strictly as
// [ParseCompact] reads that of a JWS, except that any "alg" and "enc" will do.
// The error is a denial with [authz.ReasonCredentialMalformed].
func ParseEncryptedHeader(part string) (*EncryptedHeader, error) {
	if len(part) > maxEncryptedHeader {
		return nil, malformed(fmt.Sprintf("the token's header is over %d bytes", maxEncryptedHeader))
	}
	text, ok := decode(part)
	if !ok {
		return nil, malformed("the token's header is not base64url")
	}
	members, err := parseObject(string(text), encryptedNames)
	if err != nil {
		return nil, malformed("the token's header: " + err.Error())
	}
	h := &EncryptedHeader{members: members}
	for _, m := range [...]struct {
		name     string
		into     *string
		required bool
	}{
		{name: "alg", into: &h.Algorithm, required: true},
		{name: "enc", into: &h.Encryption, required: true},
		{name: "kid", into: &h.KeyID},
		{name: "typ", into: new(string)},
		{name: "cty", into: new(string)},
	} {
		v, found := members.get(m.name)
		var isText bool
		*m.into, isText = v.text()
		if found && !isText || m.required && !found {
			return nil, malformed("the token's " + m.name + " is no string, or missing")
		}
		if m.name == "kid" && found && !isKeyID(h.KeyID) {
			return nil, malformed("the token's kid has characters or a length that key ids don't have")
		}
	}
	return h, nil
}

// Refuse returns a denial with [authz.ReasonTokenInvalid] if the header has a
// member that would bring a key along, change what is encrypted or cost more than
// it should: crit, zip, p2s, p2c, jku, jwk, x5u and x5c.
func (h *EncryptedHeader) Refuse() error {
	for _, name := range [...]string{"crit", "zip", "p2s", "p2c", "jku", "jwk", "x5u", "x5c"} {
		if _, found := h.members.get(name); found {
			return authz.Deny(authz.ReasonTokenInvalid, "the token's header has "+name)
		}
	}
	return nil
}

// Ephemeral returns "epk", a point on P-256, P-384, P-521 or X25519. The error is
// a denial with [authz.ReasonCredentialMalformed]: there is none, it is on
// another curve or on none, or it holds more than a public key.
func (h *EncryptedHeader) Ephemeral() (*ecdh.PublicKey, error) {
	v, found := h.members.get("epk")
	if !found || v.kind != kindObject {
		return nil, malformed("the token's epk is missing, or no object")
	}
	epk, err := parseObject(v.raw, jwkNames)
	if err != nil {
		return nil, malformed("the token's epk: " + err.Error())
	}
	key, err := epk.agreement()
	if err != nil {
		return nil, malformed("the token's epk: " + err.Error())
	}
	return key, nil
}

// Party returns "apu" or "apv" (RFC 7518, section 4.6.1), no bytes if there is
// none. The error is a denial with [authz.ReasonCredentialMalformed].
func (h *EncryptedHeader) Party(name string) ([]byte, error) {
	v, found := h.members.get(name)
	if !found {
		return nil, nil
	}
	text, isText := v.text()
	info, ok := decode(text)
	if !isText || !ok {
		return nil, malformed("the token's " + name + " is not base64url")
	}
	return info, nil
}

// agreement returns a public key of ECDH (RFC 7518, section 6.2.1; RFC 8037,
// section 2).
func (o *object) agreement() (*ecdh.PublicKey, error) {
	for _, name := range privateNames {
		if _, found := o.get(name); found {
			return nil, errors.New("a private key where a public one belongs")
		}
	}
	kty, err := o.optional("kty")
	if err != nil {
		return nil, err
	}
	crv, err := o.optional("crv")
	if err != nil {
		return nil, err
	}
	x, err := o.bytes("x")
	if err != nil {
		return nil, err
	}
	var curve ecdh.Curve
	point := x
	switch {
	case kty == "OKP" && crv == "X25519":
		curve = ecdh.X25519()
	case kty != "EC":
		return nil, errors.New("kty and crv are none that keys are agreed on with")
	default:
		var size int
		if curve, size = agreementCurve(crv); curve == nil {
			return nil, errors.New("crv of an EC key is none of P-256, P-384 and P-521")
		}
		y, err := o.bytes("y")
		if err != nil {
			return nil, err
		}
		if len(x) != size || len(y) != size {
			return nil, fmt.Errorf("x and y of this curve have %d bytes each", size)
		}
		point = append(append([]byte{4}, x...), y...) // uncompressed, SEC 1, section 2.3.3
	}
	key, err := curve.NewPublicKey(point)
	if err != nil {
		return nil, errors.New("the point is not on the curve")
	}
	return key, nil
}

// agreementCurve returns the curve and the length of its coordinates in bytes.
func agreementCurve(crv string) (curve ecdh.Curve, size int) {
	switch crv {
	case "P-256":
		return ecdh.P256(), 32
	case "P-384":
		return ecdh.P384(), 48
	case "P-521":
		return ecdh.P521(), 66
	}
	return nil, 0
}

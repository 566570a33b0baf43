package scheme

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // Braintree derives its HMAC key by SHA-1; nothing rests on collisions
	"crypto/sha256"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
)

// A Decoding says how the text of a secret becomes the bytes of a key.
type Decoding uint8

// The decodings.
const (
	// DecodeUTF8 takes the text's bytes as they are.
	DecodeUTF8 Decoding = iota
	// DecodeBase64 is [Base64].
	DecodeBase64
	// DecodeHex is [Hex].
	DecodeHex
	// DecodeSHA1 takes the SHA-1 of the text, 20 bytes.
	DecodeSHA1
	// DecodeSHA256 takes the SHA-256 of the text, 32 bytes.
	DecodeSHA256
)

// ParseDecoding returns the decoding that policy files call name, and
// [DecodeUTF8] for "".
func ParseDecoding(name string) (Decoding, []authz.Problem) {
	switch name {
	case "", "utf8":
		return DecodeUTF8, nil
	case "base64":
		return DecodeBase64, nil
	case "hex":
		return DecodeHex, nil
	case "sha1":
		return DecodeSHA1, nil
	case "sha256":
		return DecodeSHA256, nil
	}
	return DecodeUTF8, mistake("", "unknown decoding, want utf8, base64, hex, sha1 or sha256")
}

// A Derivation turns a secret into a key. The zero Derivation takes the
// secret's bytes.
type Derivation struct {
	// StripPrefix is removed from the start if it stands there, such as whsec_.
	StripPrefix string
	Decode      Decoding
}

// Derive returns the key that secret stands for. Its strength is judged after
// the prefix is removed and once more after decoding. A digest is as strong as
// what went into it, so there the text alone counts.
//
// The error is [authz.ReasonSecretInvalid] or [authz.ReasonSecretWeak] and
// names the reference, never the value. The key may share memory with secret.
func (d Derivation) Derive(ref authz.Reference, secret authz.Secret) ([]byte, error) {
	text := bytes.TrimPrefix(secret.Reveal(), []byte(d.StripPrefix))
	if err := ref.CheckKey(text); err != nil {
		return nil, err
	}
	switch d.Decode {
	case DecodeUTF8:
		return text, nil
	case DecodeBase64:
		return decodeKey(ref, Base64, "base64", text)
	case DecodeHex:
		return decodeKey(ref, Hex, "hex", text)
	case DecodeSHA1:
		sum := sha1.Sum(text) //nolint:gosec // as the import says
		return sum[:], nil
	case DecodeSHA256:
		sum := sha256.Sum256(text)
		return sum[:], nil
	}
	return nil, authz.Deny(authz.ReasonBug, "unknown decoding of a key")
}

func decodeKey(ref authz.Reference, encoding Encoding, name string, text []byte) ([]byte, error) {
	key, ok := encoding.Append(nil, string(text))
	if !ok {
		return nil, authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is not %s", ref.Name, name))
	}
	if err := checkDecoded(ref, key); err != nil {
		return nil, err
	}
	return key, nil
}

// checkDecoded is [authz.Reference.CheckKey] without the rule that a key must
// not begin or end with white space. That finds a line end that an editor left
// in a text; among random bytes, one key in 22 begins or ends so.
func checkDecoded(ref authz.Reference, key []byte) error {
	if len(bytes.TrimSpace(key)) == 0 {
		return authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is empty or blank once decoded", ref.Name))
	}
	if authz.IsPlaceholder(key) {
		return authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is a placeholder once decoded", ref.Name))
	}
	if bytes.Count(key, key[:1]) == len(key) {
		return authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is one byte repeated once decoded", ref.Name))
	}
	if len(key) < authz.MinKeyBytes && !ref.AcceptWeak {
		return authz.Deny(authz.ReasonSecretWeak, fmt.Sprintf("secret %q has under %d bytes once decoded", ref.Name, authz.MinKeyBytes))
	}
	return nil
}

package basic

import (
	"bytes"
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// decode appends the bytes that encoded stands for to buffer and splits them at
// the first colon. user and password are parts of the returned buffer.
//
// Padding is required, as RFC 4648, section 3.2, has it where nothing else is
// said: one pair of user and password has one spelling.
func decode(buffer []byte, encoded string) (decoded, user, password []byte, err error) {
	decoded, ok := scheme.Base64.Append(buffer, encoded)
	if !ok || len(encoded)%4 != 0 {
		return decoded, nil, nil, malformed("the credentials are not base64 with padding")
	}
	user, password, ok = bytes.Cut(decoded, []byte(":"))
	switch {
	case !ok:
		return decoded, nil, nil, malformed("the credentials have no colon")
	case len(user) == 0 || len(password) == 0:
		return decoded, nil, nil, malformed("user or password is empty")
	case hasControl(decoded):
		return decoded, nil, nil, malformed("the credentials hold a control character")
	}
	return decoded, user, password, nil
}

// hasControl reports whether b holds what RFC 7617, section 2, forbids in user
// and password.
func hasControl(b []byte) bool {
	return bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// userOf returns the user and the password, or what is stored of it, of a secret.
// A secret that belongs to no user holds user:password.
func userOf(user string, ref authz.Reference, value []byte) (string, []byte, error) {
	if user != "" {
		return user, value, nil
	}
	name, password, ok := bytes.Cut(value, []byte(":"))
	if !ok || !validUser(string(name)) {
		return "", nil, authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q is not user:password, where the user is %s", ref.Name, userForm))
	}
	return string(name), password, nil
}

// checkPassword refuses a password that no client may send, besides those that
// [authz.Reference.CheckPassword] refuses.
func checkPassword(ref authz.Reference, password []byte) error {
	if err := ref.CheckPassword(password); err != nil {
		return err
	}
	if hasControl(password) {
		return authz.Deny(authz.ReasonSecretInvalid, fmt.Sprintf("secret %q holds a control character, which no client may send", ref.Name))
	}
	return nil
}

func malformed(detail string) error { return authz.Deny(authz.ReasonCredentialMalformed, detail) }

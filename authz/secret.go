package authz

import (
	"fmt"
	"log/slog"
	"time"
)

const redacted = "[secret]"

// A Secret holds bytes and does not print them: what fmt, slog and encoders of
// JSON and text get to see is a placeholder. The bytes come out of
// [Secret.Reveal] only. The zero Secret is empty.
type Secret struct {
	// reveal is a function because fmt prints unexported fields without asking
	// their methods, and of a function it only ever knows the address. It also
	// means that Secrets have no ==, which would not take constant time.
	reveal func() []byte
}

// NewSecret returns a Secret that takes value over: from then on the caller
// neither changes nor keeps it.
func NewSecret(value []byte) Secret { return Secret{reveal: func() []byte { return value }} }

// Reveal returns the bytes themselves, not a copy: read them, and neither change
// nor store nor log them.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Empty reports whether there are no bytes.
func (s Secret) Empty() bool { return len(s.Reveal()) == 0 }

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return redacted }

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalJSON implements [json.Marshaler].
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// A Version is one live value of a secret.
type Version struct {
	// Number is the store's version, 0 where the store counts none.
	Number int
	// Previous says that a newer version exists and this one is in its grace.
	Previous bool
	// Created is when the version was written, by the store's clock. Zero where
	// the store does not say.
	Created time.Time
	// Secret is never empty.
	Secret Secret
}

// Versions is what is accepted of one secret at one time. It is immutable, and
// the same pointer is returned as long as nothing changes, so that what a check
// derives from it can be kept beside the pointer.
type Versions struct {
	// Accepted holds the versions that count, newest first. It may be empty
	// only if Unusable is set.
	Accepted []Version
	// Unusable, if not nil, says that the newest version can't be used and
	// why. A credential that matches none of Accepted is then answered with
	// it, since the unusable version might have matched.
	Unusable error
	// Stale says that the store could not be read when it last should have
	// been. The versions count all the same, for as long as the store of
	// secrets lets them.
	Stale bool
}

// Secrets reads one secret.
type Secrets interface {
	// Versions returns what is accepted at now, or an error wrapping
	// [ErrNotConfigured] or [ErrUnavailable]. It reads memory only and may be
	// called by many goroutines.
	Versions(now time.Time) (*Versions, error)
}

// A Reference is a secret as a policy file declares it.
type Reference struct {
	Name string
	// AcceptWeak permits keys under [MinKeyBytes].
	AcceptWeak bool
	Secrets    Secrets
}

// MinKeyBytes is the least length of a key that is not declared weak. 128 bits
// are beyond guessing. Passwords are exempt.
const MinKeyBytes = 16

// CheckKey returns nil if key may be used to verify. It refuses, with
// [ReasonSecretInvalid], a key that is empty, blank, changed by trimming white
// space, a placeholder such as changeme, or made of one repeated byte; and with [ReasonSecretWeak] one under
// [MinKeyBytes] unless ref accepts weak keys. An all-zero key equals the empty
// key in HMAC, which everybody knows.
func (ref Reference) CheckKey(key []byte) error {
	if err := ref.CheckPassword(key); err != nil {
		return err
	}
	if repeats(key) {
		return Deny(ReasonSecretInvalid, fmt.Sprintf("secret %q is one byte repeated", ref.Name))
	}
	if len(key) < MinKeyBytes && !ref.AcceptWeak {
		return Deny(ReasonSecretWeak, fmt.Sprintf("secret %q has under %d bytes", ref.Name, MinKeyBytes))
	}
	return nil
}

// CheckPassword is [Reference.CheckKey] for what a person may have chosen: a
// short or repetitive password is taken, an empty, blank or padded one and a
// placeholder are not.
func (ref Reference) CheckPassword(password []byte) error {
	switch {
	case len(password) == 0:
		return Deny(ReasonSecretInvalid, fmt.Sprintf("secret %q is empty", ref.Name))
	case isBlank(password[0]) || isBlank(password[len(password)-1]):
		return Deny(ReasonSecretInvalid, fmt.Sprintf("secret %q begins or ends with white space", ref.Name))
	case IsPlaceholder(password):
		return Deny(ReasonSecretInvalid, fmt.Sprintf("secret %q is a placeholder", ref.Name))
	}
	return nil
}

func isBlank(b byte) bool {
	return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\v' || b == '\f'
}

func repeats(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

package secret

import (
	"strconv"
	"strings"
	"time"
)

// A Class groups the failures of a read by what they say about the secret.
type Class uint8

// The classes. The zero Class is transient: a failure that nobody classified
// says nothing about the secret.
const (
	// ClassTransient is no answer: the value that is held stays good for a
	// while.
	ClassTransient Class = iota
	// ClassCredential means that the source doesn't accept us at present. It
	// says as little about the secret as ClassTransient.
	ClassCredential
	// ClassGone is the source's word that the location or version does not
	// exist.
	ClassGone
	// ClassDenied is the source's word that we may not read the location.
	ClassDenied
	// ClassUnusable is the source's word that the location holds something
	// that can't be a secret.
	ClassUnusable
)

// String returns the word that logs and metrics use.
func (c Class) String() string {
	switch c {
	case ClassCredential:
		return "credential"
	case ClassGone:
		return "gone"
	case ClassDenied:
		return "denied"
	case ClassUnusable:
		return "unusable"
	default:
		return "transient"
	}
}

// Authoritative reports whether c is the source's word about the secret.
func (c Class) Authoritative() bool {
	return c == ClassGone || c == ClassDenied || c == ClassUnusable
}

// A Cause says what failed. The set is closed, so a cause may be logged and be
// a metric label.
type Cause string

// The causes.
const (
	CauseBug          Cause = "bug"           // our own code failed
	CauseCancelled    Cause = "cancelled"     // we are shutting down
	CauseTimeout      Cause = "timeout"       // no whole answer in time
	CauseNetwork      Cause = "network"       // no connection, or it broke
	CauseTLS          Cause = "tls"           // the server's certificate does not hold
	CauseNotVault     Cause = "not_vault"     // the answer is not Vault's, but of something before it
	CauseMalformed    Cause = "malformed"     // Vault's answer lacks what it must have
	CauseTooLarge     Cause = "too_large"     // more bytes than a secret can have
	CauseRedirect     Cause = "redirect"      // Vault sends us elsewhere, which is not followed
	CauseStatus       Cause = "status"        // a status that means trouble on Vault's side
	CauseUpgrading    Cause = "upgrading"     // the key-value engine doesn't answer reads now
	CauseNotFound     Cause = "not_found"     // there is nothing at the location
	CauseForbidden    Cause = "forbidden"     // our policy in Vault, or the file's mode, forbids it
	CauseToken        Cause = "token"         // our token is dead or missing
	CauseWrongEngine  Cause = "wrong_engine"  // the mount is not the engine that is declared
	CauseFieldMissing Cause = "field_missing" // the secret lacks the field
	CauseFieldType    Cause = "field_type"    // the field is no text
	CauseFieldEmpty   Cause = "field_empty"   // the field holds no bytes
	CauseNotRegular   Cause = "not_regular"   // the path is no regular file
	CauseLocation     Cause = "location"      // the location can't be read by any means
	CauseRefused      Cause = "refused"       // our credential is refused at login or renewal
	CauseCredential   Cause = "credential"    // our credential can't be read
	CauseRootToken    Cause = "root_token"    // the token may do everything
	CauseUses         Cause = "num_uses"      // the token ends after some uses
	CauseLease        Cause = "lease"         // the token has no life
)

// Alarm reports whether somebody must look at it: waiting won't help, or it may
// be an attack.
func (c Cause) Alarm() bool {
	switch c {
	case CauseBug, CauseTLS, CauseNotVault, CauseMalformed, CauseTooLarge, CauseRedirect, CauseUpgrading,
		CauseWrongEngine, CauseFieldMissing, CauseFieldType, CauseFieldEmpty, CauseNotRegular, CauseLocation, CauseRefused, CauseCredential, CauseRootToken,
		CauseUses, CauseLease:
		return true
	default:
		return false
	}
}

// An Error is why a read or login failed. It holds words and numbers of ours
// only: no address, no path, nothing that a server sent, no secret.
type Error struct {
	Class     Class
	Cause     Cause
	Operation string
	// Status is the HTTP status, 0 if there was no answer.
	Status int
	// RetryAfter is how long the source asks to be left alone.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Operation != "" {
		b.WriteString(e.Operation)
		b.WriteString(": ")
	}
	b.WriteString(e.Class.String())
	if e.Cause != "" {
		b.WriteString(", ")
		b.WriteString(string(e.Cause))
	}
	if e.Status != 0 {
		b.WriteString(" (status ")
		b.WriteString(strconv.Itoa(e.Status))
		b.WriteString(")")
	}
	return b.String()
}

package authz

import (
	"context"
	"errors"
	"time"
)

// A Check judges requests by one kind of credential.
type Check interface {
	// Verify returns who sent r. Else its error wraps one of these:
	//
	//   - [ErrAbsent]: there is no credential of this kind in r, and an any_of
	//     asks its next member;
	//   - [ErrUnmatched]: the check carries no credential and r does not fit
	//     it (source_ip only);
	//   - [ErrRejected]: r carries a credential that does not hold;
	//   - [ErrNotConfigured]: there is no secret, or none that can be used;
	//   - [ErrUnavailable]: nobody can tell at the moment; the sender may try
	//     again.
	//
	// The error carries its [Reason] when it was made by [Deny]. Any other
	// error is a bug and denies.
	//
	// Many goroutines may call Verify at once. It reads r and what it was given
	// by [Env] and nothing else: time is [Request.Received]. It waits for other
	// servers only through Env, and no longer than ctx lives. It leaves r
	// unchanged and keeps neither r nor any string or slice of it, except in the
	// Identity.
	Verify(ctx context.Context, r *Request) (Identity, error)
}

// The groups of results that [Decide] tells apart. An error is matched with
// errors.Is.
var (
	ErrAbsent        = errors.New("no such credential")
	ErrUnmatched     = errors.New("not in the list")
	ErrRejected      = errors.New("credential does not hold")
	ErrNotConfigured = errors.New("secret missing or unusable")
	ErrUnavailable   = errors.New("no verdict reached")
)

// An Identity is what a passed check tells about the sender. Its strings may
// share memory with the request: copy what outlives it.
type Identity struct {
	// Principal names the sender: a secret's name, a user. Empty for checks
	// that know no sender, such as source_ip.
	Principal string

	// Secret is the reference that matched, Version its version (0 where the
	// store counts none) and Previous whether that version is no longer the
	// newest. Secret is empty for checks without secrets.
	Secret   string
	Version  int
	Previous bool
	// Stale says that the secret's store, or the key set's, could not be read
	// lately.
	Stale bool

	// Key names the public key or the certificate that matched: the key's id,
	// or a fingerprint. Empty for checks without either.
	Key string

	// Signed is the time that the sender signed, zero if none was read.
	Signed time.Time

	// Credential says that a credential was presented and holds. It is false
	// for source_ip, which only looks where the request comes from.
	Credential bool

	// BodySigned says that the check vouches for the whole body, or for all of
	// the payload where that takes the body's place.
	BodySigned bool
	// Decrypted says that a part of the request was encrypted to us.
	Decrypted bool
	// Content is what the check read, for who asked for it; nil if nothing.
	Content *Content
}

// A Content is what checks that passed read of a request. It is not modified
// once it is in an [Identity].
type Content struct {
	// Messages are what the sender signed, if [Env.Replay] asked for it: one of
	// a check that signs, none of another.
	Messages []Message
	// Payload is what a check took out of the request, verified or decrypted,
	// if [Env.Payload] asked for it. HasPayload tells an empty one from none.
	Payload    []byte
	HasPayload bool
}

// A TokenCheck is a [Check] of tokens that can be given one which does not stand
// in the request as it came.
type TokenCheck interface {
	Check
	// VerifyToken is Verify for the text of a token that was found in r, such as
	// what was encrypted there. A token is signed in whole, so it does not ask
	// whether r holds anything else.
	VerifyToken(ctx context.Context, r *Request, token string) (Identity, error)
}

// A Denial is why a check did not pass. It matches the sentinel of its reason.
type Denial struct { //nolint:errname // the word of logs and documentation
	reason Reason
	detail string
}

// Deny returns the error for reason. The detail is for operators: it names
// fields and numbers of ours and never holds a header value, a body or a
// secret.
func Deny(reason Reason, detail string) *Denial {
	return &Denial{reason: reason, detail: detail}
}

// Error returns the reason and the detail.
func (d *Denial) Error() string {
	if d.detail == "" {
		return d.reason.String()
	}
	return d.reason.String() + ": " + d.detail
}

// Is reports whether target is the sentinel of d's reason.
func (d *Denial) Is(target error) bool {
	if d == nil {
		return false
	}
	group := d.reason.row().group
	return group != nil && target == group
}

// Reason returns the reason given to [Deny].
func (d *Denial) Reason() Reason { return d.reason }

// Detail returns the detail given to [Deny].
func (d *Denial) Detail() string { return d.detail }

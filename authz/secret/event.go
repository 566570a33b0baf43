package secret

import "time"

// An Observer is told what happens to secrets and to the connection to Vault.
type Observer interface {
	// Observe is called by the goroutines that read, one event after the
	// other or several at once. It must return quickly and must not call back.
	Observe(e Event)
}

// An EventType says what an [Event] is about, and so which fields are set
// besides Type.
type EventType uint8

// The types of events.
const (
	// EventRefreshFailed: a read of Reference failed. Err, Class, Cause,
	// Status.
	EventRefreshFailed EventType = iota + 1
	// EventStateChanged: Reference went from From to To. Version, and after a
	// failure Err, Class, Cause and Status.
	EventStateChanged
	// EventRotated: Reference has a newer version, Version; Before is the
	// version that was held.
	EventRotated
	// EventVersionRegressed: the version of Reference fell from Before to
	// Version, and stayed there when asked again.
	EventVersionRegressed
	// EventRequest: a request to Vault ended. Operation, Duration, Status (0
	// if there was no answer).
	EventRequest
	// EventLogin: a login, or the check of a given token, ended. Result, TTL
	// (0 for a token that doesn't end), and if it failed Err, Cause, Status.
	EventLogin
	// EventRenewal: a renewal of the token ended. As EventLogin.
	EventRenewal
	// EventRevocation: the token was given back. Result, Err.
	EventRevocation
	// EventPanic: a goroutine panicked and goes on. Operation.
	EventPanic
)

// The results of logins, renewals and revocations.
const (
	ResultOK         = "ok"
	ResultRefused    = "refused"    // the credential does not hold
	ResultUnsuitable = "unsuitable" // it holds, but must not be used
	ResultError      = "error"      // no verdict
)

// The operations on Vault. The set is closed, so that an operation may be a
// metric label.
const (
	OperationRead   = "read"
	OperationLookup = "lookup_self"
	OperationLogin  = "login"
	OperationRenew  = "renew_self"
	OperationRevoke = "revoke_self"
)

// An Event is something that happened. It never holds a secret, and all of it
// may be logged.
type Event struct {
	Type      EventType
	Reference string
	Operation string
	Result    string
	Err       error
	Class     Class
	Cause     Cause
	Status    int
	From, To  State
	Version   int
	Before    int
	Duration  time.Duration
	TTL       time.Duration
}

// A State is what a cache can say about a secret. The set is closed, so a
// state may be a metric label.
type State uint8

// The states.
const (
	StateLoading  State = iota // nothing is known yet
	StateFresh                 // held, and the last read was good
	StateStale                 // held, but the last read brought no value
	StateExpired               // held for too long without a good read
	StateGone                  // the source says that it does not exist
	StateDenied                // the source says that we may not read it
	StateUnusable              // the newest version can't be used
)

// String returns the word that logs and metrics use.
func (s State) String() string {
	switch s {
	case StateFresh:
		return "fresh"
	case StateStale:
		return "stale"
	case StateExpired:
		return "expired"
	case StateGone:
		return "gone"
	case StateDenied:
		return "denied"
	case StateUnusable:
		return "unusable"
	default:
		return "loading"
	}
}

// States returns every state in the order of their numbers.
func States() []State {
	return []State{StateLoading, StateFresh, StateStale, StateExpired, StateGone, StateDenied, StateUnusable}
}

// Ignore is the [Observer] that does nothing.
type Ignore struct{}

// Observe implements [Observer].
func (Ignore) Observe(Event) {}

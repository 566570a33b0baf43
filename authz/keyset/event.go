package keyset

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// A Cause says why a fetch failed. The set is closed, so a cause may be logged
// and be a metric label: those of package outbound, and the following.
type Cause = outbound.Cause

// The causes that an answer has.
const (
	CauseStatus      Cause = "status"       // a status other than 200
	CauseContentType Cause = "content_type" // not JSON by its own word
	CauseMalformed   Cause = "malformed"    // not what the RFCs describe
	CauseIssuer      Cause = "issuer"       // the document is of another issuer
	CauseJWKSURI     Cause = "jwks_uri"     // the document names no URL of keys that may be asked
	CauseNoKeys      Cause = "no_keys"      // there is no key that could verify a signature
	CauseBug         Cause = "bug"          // our own code failed
)

// A Step is what was asked for when a fetch failed.
type Step string

// The steps.
const (
	StepDiscovery Step = "discovery" // where the keys are
	StepKeys      Step = "keys"
	// StepCertificate: a certificate at a URL that a request named.
	StepCertificate Step = "certificate"
)

// An Error is why a fetch failed. It holds words and numbers of ours only: no
// URL and nothing that a server sent.
type Error struct {
	Step  Step
	Cause Cause
	// Status is the HTTP status, 0 if there was no answer.
	Status int
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("fetch")
	if e.Step != "" {
		b.WriteString(" " + string(e.Step))
	}
	b.WriteString(": " + string(e.Cause))
	if e.Status != 0 {
		b.WriteString(" (status " + strconv.Itoa(e.Status) + ")")
	}
	return b.String()
}

// Declined reports whether the server answered that it does not give what was
// asked for, so that asking again will not help: a status from 400 to 499 other
// than 429.
func (e *Error) Declined() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}

// An Observer is told what happens to key sets.
type Observer interface {
	// Observe is called by the goroutines that fetch, one event after the other
	// or several at once. It must return quickly and must not call back.
	Observe(e Event)
}

// An EventType says what an [Event] is about, and so which fields are set besides
// Type and Name.
type EventType uint8

// The types of events.
const (
	// EventFetched: a fetch brought a key set. Duration, Keys, Refused,
	// Changed.
	EventFetched EventType = iota + 1
	// EventFailed: a fetch brought none. Duration, Err.
	EventFailed
	// EventStateChanged: the key set went from From to To.
	EventStateChanged
)

// An Event is something that happened. All of it may be logged.
type Event struct {
	Type EventType
	// Name is the key set's in the policy file.
	Name     string
	Duration time.Duration
	Err      *Error
	// Keys is how many keys are accepted, Refused how many the issuer publishes
	// besides that can't be used. Changed says that the keys are other than
	// before.
	Keys, Refused int
	Changed       bool
	From, To      secret.State
}

type ignore struct{}

func (ignore) Observe(Event) {}

package scheme

import (
	"fmt"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// DefaultTolerance is the window of a policy that sets none: so long before and
// after [authz.Request.Received] a signed time counts as recent, and so long can
// a captured request be sent again.
//
// Source: Stripe's libraries default to 300 s, https://docs.stripe.com/webhooks;
// those of Standard Webhooks use the same, on both sides.
const DefaultTolerance = 300 * time.Second

// MaxTolerance is the widest window that a policy may set by itself. The
// catalogue may set more where a sender documents more.
const MaxTolerance = 10 * time.Minute

// A Window is how far a signed time may lie from when the request was received.
// Its zero value takes only the very instant.
type Window struct{ Past, Future time.Duration }

// NewWindow returns the window that a policy sets. tolerance nil is
// [DefaultTolerance] and future nil is tolerance.
func NewWindow(tolerance, future *time.Duration) (Window, []authz.Problem) {
	window := Window{Past: DefaultTolerance}
	if tolerance != nil {
		window.Past = *tolerance
	}
	window.Future = window.Past
	if future != nil {
		window.Future = *future
	}

	var problems []authz.Problem
	if window.Past <= 0 {
		problems = append(problems, mistake("tolerance", "want more than 0s")...)
	}
	if window.Future < 0 {
		problems = append(problems, mistake("future_tolerance", "want 0s or more")...)
	}
	const wide = "want at most 10m, since a captured request can be sent again for as long"
	if window.Past > MaxTolerance {
		problems = append(problems, authz.Problem{Path: "tolerance", Message: wide, Code: CodeWideWindow})
	}
	if future != nil && window.Future > MaxTolerance {
		problems = append(problems, authz.Problem{Path: "future_tolerance", Message: wide, Code: CodeWideWindow})
	}
	return window, problems
}

// CodeWideWindow marks the [authz.Problem] of a window over [MaxTolerance]. It
// does not count for entries of the catalogue.
const CodeWideWindow = "wide_window"

// Check returns nil if signed lies in the window around received, its edges
// included. Otherwise the error is [authz.ReasonTimestampStale] or
// [authz.ReasonTimestampFuture]: call it only once it is proven that the sender
// signed that time.
func (w Window) Check(signed, received time.Time) error {
	age := received.Sub(signed)
	switch {
	case age > w.Past:
		return authz.Deny(authz.ReasonTimestampStale, fmt.Sprintf("signed over %v before it was received", w.Past))
	case age < -w.Future:
		return authz.Deny(authz.ReasonTimestampFuture, fmt.Sprintf("signed over %v after it was received", w.Future))
	}
	return nil
}

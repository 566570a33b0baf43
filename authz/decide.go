package authz

import (
	"context"
	"errors"
	"slices"
	"time"
)

// An operator says how a requirement's members combine. Its zero value is no
// operator, and denies.
type operator uint8

const (
	opNone operator = iota
	opCheck
	opAll
	opAny
)

// A Requirement is what a policy demands: a check, or requirements combined.
// It is immutable and may be used by many goroutines. The zero Requirement
// denies every request.
type Requirement struct {
	op        operator
	kind      string
	name      string
	check     Check
	members   []Requirement
	continues bool
}

// Require returns the requirement of one check. Kind and name are told in the
// trace; name may be empty.
func Require(kind, name string, check Check) Requirement {
	return Requirement{op: opCheck, kind: kind, name: name, check: check}
}

// AllOf returns a requirement that every member must pass. They are asked from
// left to right, up to one that is unmatched, rejected or in trouble: that is the
// result. An absent member settles nothing yet. In the end the result is absent
// if no credential was found at all, and a rejection with
// [ReasonCredentialMissing] if only some were.
func AllOf(members ...Requirement) Requirement {
	return Requirement{op: opAll, members: members}
}

// AnyOf returns a requirement that one member must pass. They are asked from left
// to right, up to one that passes, is in trouble or, unless continueOnRejected, is
// rejected: a wrong credential must not be tried as another. If none passes, a
// rejection (the earliest) outranks unmatched, and unmatched outranks absent.
func AnyOf(continueOnRejected bool, members ...Requirement) Requirement {
	return Requirement{op: opAny, members: members, continues: continueOnRejected}
}

// A state is the result of a requirement. Its zero value is trouble.
type state uint8

const (
	stateTrouble state = iota
	statePassed
	stateAbsent
	stateUnmatched
	stateRejected
)

// An outcome is a state with what explains it.
type outcome struct {
	state    state
	reason   Reason
	detail   string
	identity Identity
}

// A CheckResult tells what one check of the tree said.
type CheckResult struct {
	Kind   string
	Name   string
	Reason Reason // [ReasonVerified] if it passed
	Detail string
	// Took is how long the check ran, 0 if the trace has no clock.
	Took time.Duration
}

// A Trace records the checks that ran, in order, for the decision log. It may be
// reused after [Trace.Reset], by one goroutine at a time.
type Trace struct {
	// Now is the clock for durations; nil measures none.
	Now     func() time.Time
	Results []CheckResult
	// Replay is what became of the claim that the request is no replay: empty,
	// "new", "repeat", "replayed", "unavailable", or "local" if the store could
	// not tell and only this process's own memory was asked. Delivery is the
	// sender's own id of the delivery, where the policy says how to read it. It
	// is untrusted.
	Replay   string
	Delivery string
}

// Reset forgets the results and keeps their memory.
func (t *Trace) Reset() {
	clear(t.Results)
	t.Results = t.Results[:0]
	t.Replay, t.Delivery = "", ""
}

// Decide walks requirement and decides r. It allows only if the tree passed and
// ctx is not done at the end. Errors of an unknown type, panics in a check and
// empty requirements deny with [ReasonBug]. trace may be nil.
func Decide(ctx context.Context, r *Request, requirement Requirement, trace *Trace) Decision {
	result := requirement.walk(ctx, r, trace)
	if ctx.Err() != nil {
		return Denied(ReasonDeadline, "the deadline passed before a verdict")
	}
	switch result.state {
	case statePassed:
		return allowed(result.identity)
	case stateAbsent:
		return Denied(ReasonCredentialMissing, result.detail)
	case stateUnmatched, stateRejected, stateTrouble:
		return Denied(result.reason, result.detail)
	}
	return Denied(ReasonBug, "unknown result")
}

func (q *Requirement) walk(ctx context.Context, r *Request, trace *Trace) outcome {
	if ctx.Err() != nil {
		return outcome{reason: ReasonDeadline}
	}
	switch q.op {
	case opCheck:
		return q.verify(ctx, r, trace)
	case opAll:
		return q.walkAll(ctx, r, trace)
	case opAny:
		return q.walkAny(ctx, r, trace)
	case opNone:
	}
	return outcome{reason: ReasonBug, detail: "empty requirement"}
}

func (q *Requirement) walkAll(ctx context.Context, r *Request, trace *Trace) outcome {
	passed := outcome{state: statePassed, reason: ReasonVerified}
	absent := false
	for i := range q.members {
		result := q.members[i].walk(ctx, r, trace)
		switch result.state {
		case statePassed:
			passed.identity = join(passed.identity, result.identity)
		case stateAbsent:
			absent = true
		case stateUnmatched, stateRejected, stateTrouble:
			return result
		}
	}
	switch {
	case len(q.members) == 0:
		return outcome{reason: ReasonBug, detail: "empty all_of"}
	case absent && passed.identity.Credential:
		return outcome{state: stateRejected, reason: ReasonCredentialMissing, detail: "one of several credentials is missing"}
	case absent:
		return outcome{state: stateAbsent, reason: ReasonCredentialMissing}
	}
	return passed
}

// join keeps the first principal, the first secret and the first key that
// matched, the oldest time that was signed, the first payload, and all messages.
func join(first, next Identity) Identity {
	if first.Principal == "" {
		first.Principal = next.Principal
	}
	if first.Secret == "" {
		first.Secret, first.Version, first.Previous, first.Stale = next.Secret, next.Version, next.Previous, next.Stale
	}
	if first.Signed.IsZero() || !next.Signed.IsZero() && next.Signed.Before(first.Signed) {
		first.Signed = next.Signed
	}
	if first.Key == "" {
		first.Key = next.Key
	}
	first.Credential = first.Credential || next.Credential
	first.BodySigned = first.BodySigned || next.BodySigned
	first.Decrypted = first.Decrypted || next.Decrypted
	first.Content = joinContent(first.Content, next.Content)
	return first
}

func joinContent(first, next *Content) *Content {
	if first == nil {
		return next
	}
	if next == nil {
		return first
	}
	both := &Content{Messages: slices.Concat(first.Messages, next.Messages), Payload: first.Payload, HasPayload: first.HasPayload}
	if !both.HasPayload {
		both.Payload, both.HasPayload = next.Payload, next.HasPayload
	}
	return both
}

func (q *Requirement) walkAny(ctx context.Context, r *Request, trace *Trace) outcome {
	if len(q.members) == 0 {
		return outcome{reason: ReasonBug, detail: "empty any_of"}
	}
	last := outcome{state: stateAbsent, reason: ReasonCredentialMissing}
	for i := range q.members {
		result := q.members[i].walk(ctx, r, trace)
		switch result.state {
		case statePassed, stateTrouble:
			return result
		case stateAbsent:
		case stateUnmatched:
			if last.state == stateAbsent {
				last = result
			}
		case stateRejected:
			if !q.continues {
				return result
			}
			if last.state != stateRejected {
				last = result
			}
		}
	}
	return last
}

func (q *Requirement) verify(ctx context.Context, r *Request, trace *Trace) outcome {
	var begin time.Time
	if trace != nil && trace.Now != nil {
		begin = trace.Now()
	}
	result := q.guarded(ctx, r)
	if trace != nil {
		entry := CheckResult{Kind: q.kind, Name: q.name, Reason: result.reason, Detail: result.detail}
		if trace.Now != nil {
			entry.Took = trace.Now().Sub(begin)
		}
		trace.Results = append(trace.Results, entry)
	}
	return result
}

// guarded asks the check. A panic in it, or in a method of the error that it
// returned, is a bug.
func (q *Requirement) guarded(ctx context.Context, r *Request) (result outcome) {
	defer func() {
		if recover() != nil {
			// What was panicked with may hold request data: it is not told.
			result = outcome{reason: ReasonBug, detail: PanicDetail + " in a check"}
		}
	}()
	if q.check == nil {
		return outcome{reason: ReasonBug, detail: "no check"}
	}
	identity, err := q.check.Verify(ctx, r)
	return judge(ctx, identity, err)
}

// judge turns what a check returned into an outcome.
func judge(ctx context.Context, identity Identity, err error) outcome {
	if err == nil {
		return outcome{state: statePassed, reason: ReasonVerified, identity: identity}
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return outcome{reason: ReasonDeadline}
	}
	return judgeError(err)
}

// judgeError turns an error into an outcome by the reason it carries.
func judgeError(err error) outcome {
	reason, detail := ReasonBug, "a check failed in a way that is not known"
	var denial *Denial
	if errors.As(err, &denial) && denial != nil {
		reason, detail = denial.reason, denial.detail
	}
	if reason == ReasonVerified {
		reason = ReasonBug // an error that claims success is a bug
	}
	result := outcome{reason: reason, detail: detail}
	switch reason.row().group {
	case ErrAbsent: //nolint:errorlint // the table holds the sentinels themselves
		result.state = stateAbsent
	case ErrUnmatched:
		result.state = stateUnmatched
	case ErrRejected:
		result.state = stateRejected
	}
	return result
}

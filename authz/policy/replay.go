package policy

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A replay refuses what was signed once and is sent again. It is immutable.
type replay struct {
	name  string // of the store, as the file writes it
	store authz.ReplayStore
	// local remembers beside store, for when that can't tell; nil if the policy
	// then denies.
	local authz.ReplayStore
	// keep is how long a claim is kept.
	keep time.Duration
	// dated says that whatever passes was signed at a time that was checked.
	dated bool
	// delivery is where the sender's own id of the delivery stands; nil for
	// nowhere.
	delivery *template.Template
}

// maxRepeat is how long, at most, the gateway may ask again for one stream. Its
// own deadline is shorter as a rule, and then that counts.
const maxRepeat = 10 * time.Second

// The words of [authz.Trace.Replay].
const (
	claimNew         = "new"
	claimRepeat      = "repeat"
	claimReplayed    = "replayed"
	claimUnavailable = "unavailable"
	claimLocal       = "local"
)

// claim asks whether what identity's checks read is here for the first time. nil
// means that it is; an error is a denial.
func (p *replay) claim(ctx context.Context, policy string, r *authz.Request, identity authz.Identity, trace *authz.Trace) error {
	if trace == nil {
		trace = &authz.Trace{}
	}
	p.tellDelivery(r, trace)
	if identity.Content == nil || len(identity.Content.Messages) == 0 {
		return authz.Deny(authz.ReasonBug, "nothing that was signed was told to be claimed")
	}
	claim := &authz.Claim{
		Policy: policy, Messages: identity.Content.Messages, Stream: r.Stream, Now: r.Received, Keep: p.keep,
	}
	// Where some ways enforce no time, those that do are known to be new after a
	// restart all the same.
	if claim.Signed = identity.Signed; p.dated && claim.Signed.IsZero() {
		return authz.Deny(authz.ReasonBug, "no time was told at which it was signed")
	}
	if deadline, ok := ctx.Deadline(); ok {
		claim.Repeat = min(deadline.Sub(r.Received), maxRepeat)
	}
	return p.ask(ctx, claim, trace)
}

func (p *replay) ask(ctx context.Context, claim *authz.Claim, trace *authz.Trace) error {
	result, err := p.askStore(ctx, claim)
	local := false
	if p.local != nil && (err == nil || authz.DeniedBy(err).Reason() == authz.ReasonReplayStoreUnavailable) {
		own, told := p.local.Claim(ctx, claim)
		switch {
		case err != nil:
			result, err, local = own, told, told == nil
		case authz.DeniedBy(told).Reason() == authz.ReasonReplayed:
			err = told // it passed here while the store was away
		}
	}
	switch reason := authz.DeniedBy(err).Reason(); {
	case local:
		trace.Replay = claimLocal
	case err == nil && result == authz.ClaimRepeated:
		trace.Replay = claimRepeat
	case err == nil:
		trace.Replay = claimNew
	case reason == authz.ReasonReplayed:
		trace.Replay = claimReplayed
	default:
		trace.Replay = claimUnavailable
	}
	if err != nil {
		return err //nolint:wrapcheck // the store's denial is the answer
	}
	return granted(ctx, result)
}

// askStore asks the store. Where the process's own memory is asked if that can't
// tell, it gets half of the time that there is, so that some is left.
func (p *replay) askStore(ctx context.Context, claim *authz.Claim) (authz.ClaimResult, error) {
	if deadline, ok := ctx.Deadline(); ok && p.local != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, claim.Now.Add(deadline.Sub(claim.Now)/2))
		defer cancel()
	}
	return p.store.Claim(ctx, claim) //nolint:wrapcheck // a denial
}

// granted returns nil for a grant that came in time.
func granted(ctx context.Context, result authz.ClaimResult) error {
	switch {
	case ctx.Err() != nil:
		return authz.Deny(authz.ReasonDeadline, "the deadline passed while the claim was made")
	case result != authz.ClaimNew && result != authz.ClaimRepeated:
		return authz.Deny(authz.ReasonBug, "the replay store granted nothing and gave no reason")
	}
	return nil
}

// tellDelivery tells trace the sender's id of the delivery. What can't be read is
// left out: it decides nothing.
func (p *replay) tellDelivery(r *authz.Request, trace *authz.Trace) {
	if p.delivery == nil {
		return
	}
	text, err := p.delivery.Append(nil, &template.Input{Request: r, Body: r.Body.Raw})
	if err == nil {
		trace.Delivery = string(text)
	}
}

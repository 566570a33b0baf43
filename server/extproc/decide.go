package extproc

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
)

// decide decides the request with that body, records the decision, and returns
// what lets the request go. If it is denied it is answered, and the error ends the
// call. trouble is why only a policy that only watches may let it go, nil if others
// may too.
func (c *call) decide(body authz.Body, trouble error) (*changes, error) {
	c.request.Received, c.request.Body = time.Now(), body
	if err := c.renew(); err != nil {
		return nil, c.deny(err)
	}
	if trouble != nil && !c.verdict.Policy.Monitored() {
		return nil, c.deny(trouble)
	}
	ctx := gate.NewLazyDeadline(c.ctx, time.Now().Add(c.s.config.Budget*time.Duration(1+body.Len()/budgetBytes)))
	defer ctx.Stop()
	decision, err := c.judge(ctx)
	if err != nil {
		return nil, c.deny(err)
	}
	c.verdict.Decision = decision
	if !decision.Passes() {
		return nil, c.refuse()
	}
	let, err := changesOf(&c.verdict, &c.request)
	if err == nil && let.replace && (body.Delivery != authz.DeliveryWhole || body.Len() == 0) {
		err = errNoPayload // of no body, and of a part of one, there is none
	}
	if err != nil {
		return nil, c.turn(err)
	}
	const ok = 200
	c.record(ok)
	return let, nil
}

// turn denies what could not be let go.
func (c *call) turn(err error) error {
	c.verdict.Decision = authz.Denied(authz.ReasonGuardTripped, err.Error())
	return c.refuse()
}

// renew takes up policies that were loaded while the body came. The error is a
// denial.
func (c *call) renew() error {
	table := c.s.config.Tables()
	if table == nil || table == c.verdict.Table {
		return nil
	}
	c.verdict.Table = table
	return c.choose()
}

// judge takes the request through its policy. The error is a denial.
func (c *call) judge(ctx context.Context) (authz.Decision, error) {
	v, r := &c.verdict, &c.request
	r.Gateway = gatewayOf(v.Table.Gateway())
	c.event.ClientAddress, c.event.ClientAddressFrom = v.Policy.ClientAddress(r)
	decision := v.Policy.Decide(ctx, r, &c.trace)
	if !decision.Allowed() || decision.IsMonitored() {
		return decision, nil // nothing is set for the upstream
	}
	var err error
	v.Headers, err = v.Policy.AppendHeaders(nil, decision, r)
	if err != nil {
		return authz.Decision{}, err //nolint:wrapcheck // the denial is the answer
	}
	return decision, nil
}

// gatewayOf is what is known of the gateway. What the file states of bodies is of
// the other filter. Here the protocol itself shows it: bodies come as they are, up
// to an end that is told.
func gatewayOf(stated authz.Gateway) authz.Gateway {
	return authz.Gateway{
		BodyRawFull: true, BodyByRoute: true,
		XFFAppended: stated.XFFAppended, XFCCSanitized: stated.XFCCSanitized,
	}
}

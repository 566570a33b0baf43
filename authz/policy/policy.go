package policy

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A Policy is what one route's requests must prove and how they are answered.
// It is immutable and may be used by many goroutines.
type Policy struct {
	name    string
	require authz.Requirement

	hosts   *hostSet[bool] // nil: any
	methods []string       // empty: any
	rules   authz.Rules
	// checksSize says that the size is looked at before any check: a check
	// binds the body, or the file writes a limit.
	checksSize bool
	// trustedHops is nil unless a check takes the address from
	// X-Forwarded-For.
	trustedHops *uint32
	// monitored says that the policy decides and records and lets through.
	monitored bool
	unfit     []func(now time.Time, tell func(secret string, why error))

	// replay is nil if what was signed may pass as often as it is sent.
	replay *replay
	// payloadType is the content type of the payload that takes the body's place,
	// empty if none does.
	payloadType string

	answers       [maxClass]Answer
	upstream      []upstreamHeader
	removeHeaders []string
	removeQuery   []string
}

// An upstreamHeader is a header that an allowed request gets.
type upstreamHeader struct {
	name  string // lower case
	value *template.Template
}

// Name returns the policy's name.
func (p *Policy) Name() string { return p.name }

// MaxBody returns the largest body, in bytes, that the policy accepts, or that is
// looked at where it accepts any.
func (p *Policy) MaxBody() int64 { return p.rules.MaxBody }

// Monitored reports whether the policy decides and records and lets through.
func (p *Policy) Monitored() bool { return p.monitored }

// Decide decides r: hosts and methods first, then the size of the body, then
// the checks, and at last whether it is here for the first time. It sets r.Rules. trace may be nil. The decision of a policy that
// only watches passes, unless r may not be judged by it at all: so no other route
// can borrow the policy.
func (p *Policy) Decide(ctx context.Context, r *authz.Request, trace *authz.Trace) authz.Decision {
	r.Rules = p.rules
	if err := p.admitHost(r); err != nil {
		return authz.DeniedBy(err)
	}
	decision := p.judge(ctx, r, trace)
	if p.monitored {
		decision = authz.Monitored(decision)
	}
	return decision
}

func (p *Policy) judge(ctx context.Context, r *authz.Request, trace *authz.Trace) authz.Decision {
	if err := p.admit(r); err != nil {
		return authz.DeniedBy(err)
	}
	decision := authz.Decide(ctx, r, p.require, trace)
	if p.replay == nil || !decision.Allowed() {
		return decision
	}
	// What is claimed here must not be denied afterwards: the sender would try
	// again in vain.
	if _, err := p.AppendHeaders(nil, decision, r); err != nil {
		return authz.DeniedBy(err)
	}
	if err := p.replay.claim(ctx, p.name, r, decision.Identity(), trace); err != nil {
		return authz.DeniedBy(err)
	}
	return decision
}

// admitHost looks at whether the policy may be used under r's host.
func (p *Policy) admitHost(r *authz.Request) error {
	if p.hosts == nil {
		return nil
	}
	host, err := plainHost(r.Host)
	if err != nil {
		return err
	}
	if _, ok := p.hosts.find(host); !ok {
		return authz.Deny(authz.ReasonPolicyNotAllowed, "the policy may not be used under this host")
	}
	return nil
}

// admit looks at what needs no credential.
func (p *Policy) admit(r *authz.Request) error {
	if !p.permits(r.Method) {
		return authz.Deny(authz.ReasonMethodNotAllowed, "the policy does not permit this method")
	}
	if p.checksSize {
		return r.CheckSize()
	}
	return nil
}

func (p *Policy) permits(method string) bool {
	return len(p.methods) == 0 || slices.Contains(p.methods, method)
}

// Payload returns the content type of what the application must get in place of
// the body, and whether it must: see [authz.Content]. A gateway that can't change
// bodies must not pass such a request.
func (p *Policy) Payload() (contentType string, wanted bool) {
	return p.payloadType, p.payloadType != ""
}

// Answer returns how a denial of class is answered. The caller must not modify
// it.
func (p *Policy) Answer(class authz.Class) *Answer { return answerOf(&p.answers, class) }

// AppendHeaders appends the headers that an allowed request gets for the
// upstream, names in lower case. It returns an error wrapping
// [authz.ErrRejected] if a part is missing or can't stand in a header: the
// request must then be denied, since the upstream would miss what it relies on.
func (p *Policy) AppendHeaders(dst []authz.Field, d authz.Decision, r *authz.Request) ([]authz.Field, error) {
	for i := range p.upstream {
		value, err := p.upstream[i].value.Append(nil, &template.Input{Request: r, Principal: d.Identity().Principal})
		if err != nil {
			return nil, err //nolint:wrapcheck // the template's denial is the answer
		}
		dst = append(dst, authz.Field{Name: p.upstream[i].name, Value: string(value)})
	}
	return dst, nil
}

// RemoveHeaders returns the headers that an allowed request loses before the
// upstream, in lower case: credentials, and every name that any policy sets and
// this one does not. The caller must not modify it.
func (p *Policy) RemoveHeaders() []string { return p.removeHeaders }

// RemoveQuery returns the query parameters that an allowed request loses. The
// caller must not modify it.
func (p *Policy) RemoveQuery() []string { return p.removeQuery }

// ClientAddress returns the client's address as the policy's source_ip derives
// it, for logs, and how: "peer" or "x-forwarded-for". The address is invalid if
// there is none.
func (p *Policy) ClientAddress(r *authz.Request) (netip.Addr, string) {
	if p.trustedHops != nil {
		addr, _ := authz.ForwardedFor(r, *p.trustedHops)
		return addr, "x-forwarded-for"
	}
	return r.Peer, "peer"
}

package extauthz

import (
	"context"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/gate"
)

// Decoded shows tests what the decoder read.
type Decoded struct {
	HasAttributes, HasRequest, HasHTTP bool

	SourceKind   int
	SourceSocket string
	SourceIP     netip.Addr
	Certificate  string

	ID, Method, Path, Host, Scheme, Protocol, Body string

	Size               int64
	RawBody            []byte
	Merged, Lines      []authz.Field
	TooLarge, Conflict bool

	Extensions       map[string]string
	UnknownExtension bool

	RoutePolicy                           string
	RoutePolicyPresent, RoutePolicyString bool
}

// Decode decodes message.
func Decode(message []byte) (*Decoded, error) {
	var c checkRequest
	if err := c.decode(message); err != nil {
		return nil, err
	}
	d := &Decoded{
		HasAttributes: c.hasAttributes, HasRequest: c.hasRequest, HasHTTP: c.hasHTTP,
		SourceKind: c.source.address.which, SourceSocket: c.source.address.socket, SourceIP: c.source.address.ip(),
		Certificate: c.source.certificate,
		ID:          c.http.id, Method: c.http.method, Path: c.http.path, Host: c.http.host, Scheme: c.http.scheme,
		Protocol: c.http.protocol, Body: c.http.body,
		Size: c.http.size, RawBody: c.http.rawBody, Merged: c.http.merged, Lines: c.http.lines,
		TooLarge: c.http.tooLarge, Conflict: c.http.conflict,
		Extensions: map[string]string{}, UnknownExtension: c.extensions.unknown,
		RoutePolicy: c.routePolicy.name, RoutePolicyPresent: c.routePolicy.present, RoutePolicyString: c.routePolicy.valid,
	}
	for name, value := range map[string]named{
		extensionPolicy: c.extensions.policy, extensionBody: c.extensions.body,
		extensionMaxRequestBytes: c.extensions.maxRequestBytes, extensionXFF: c.extensions.xff, extensionXFCC: c.extensions.xfcc,
	} {
		if value.present {
			d.Extensions[name] = value.name
		}
	}
	return d, nil
}

// Fill turns message into a request.
func Fill(message []byte) (*authz.Request, error) {
	var c checkRequest
	if err := c.decode(message); err != nil {
		return nil, err
	}
	r := new(authz.Request)
	return r, c.fill(r)
}

// Attest returns what is stated of the gateway for the route of message, where
// base is stated for all.
func Attest(message []byte, base authz.Gateway) (authz.Gateway, error) {
	var c checkRequest
	if err := c.decode(message); err != nil {
		return authz.Gateway{}, err
	}
	return c.extensions.attest(base)
}

// Bench decodes message again and again in the same memory, as a server does.
type Bench struct {
	check   checkRequest
	request authz.Request
}

// Decode is one round.
func (b *Bench) Decode(message []byte) error {
	b.check.reset()
	if err := b.check.decode(message); err != nil {
		return err
	}
	return b.check.fill(&b.request)
}

// Certificate is that of the last round.
func (b *Bench) Certificate() string { return b.request.Certificate }

// QueueLimit is the overload limit.
type QueueLimit = gate.QueueLimit

// DeadlineOf is the rule of the work budget.
func DeadlineOf(ctx context.Context, now time.Time, budget time.Duration) (time.Time, bool) {
	return gate.DeadlineOf(ctx, now, budget)
}

// LazyDeadline is the context a decision runs under.
func LazyDeadline(ctx context.Context, deadline time.Time) (context.Context, func()) {
	c := gate.NewLazyDeadline(ctx, deadline)
	return c, c.Stop
}

// NewIDs returns the generator of decision ids.
func NewIDs() func() string { return gate.NewIDSource().Next }

// Receive copies data as the codec does.
func Receive(data mem.BufferSlice, limit int64) (got []byte, refused bool) {
	m := message{limit: gate.NewByteLimit(limit)}
	if err := gate.NewCodec().Unmarshal(data, &m); err != nil {
		return nil, true
	}
	return m.data, m.refused
}

// AppendDenied encodes a denial without a policy.
func AppendDenied(decision authz.Decision, id string) ([]byte, int) {
	return appendResponse(nil, &gate.Verdict{Decision: decision, ID: id})
}

// Codec returns the codec that carries calls.
func Codec() encoding.CodecV2 { return gate.NewCodec() }

// Serve runs one call.
func Serve(s *Server, stream grpc.ServerStream) error { return s.serve(nil, stream) }

// WithArrival returns a context whose call's headers came at at.
func WithArrival(ctx context.Context, at time.Time) context.Context {
	return gate.WithArrival(ctx, at)
}

// ArrivedAt returns when the headers of the call of ctx came.
func ArrivedAt(ctx context.Context, now time.Time) time.Time { return gate.ArrivedAt(ctx, now) }

// AppendAllow encodes an allow, if decision has the proof.
func AppendAllow(decision authz.Decision, table *policy.Table, by *policy.Policy) ([]byte, error) {
	return appendAllow(nil, &gate.Verdict{Decision: decision, ID: "d-", Table: table, Policy: by})
}

// Respond encodes decision with headers for the upstream and returns what became
// of the decision.
func Respond(decision authz.Decision, table *policy.Table, by *policy.Policy, headers []authz.Field) ([]byte, int, authz.Decision) {
	v := gate.Verdict{Decision: decision, ID: "d-0123456789abcdefghjk", Table: table, Policy: by, Headers: headers}
	raw, status := appendResponse(nil, &v)
	return raw, status, v.Decision
}

// AppendDeny encodes a denial answered as answer says.
func AppendDeny(answer *policy.Answer) ([]byte, error) {
	return appendDeny(nil, &gate.Verdict{ID: "d-"}, answer)
}

// NewMessage returns what the codec sends when nothing was answered.
func NewMessage() any { return &message{} }

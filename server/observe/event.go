package observe

import (
	"net/netip"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// An Event is one decided request. An adapter fills it and calls
// [Observer.Record]; it is read during that call only, so its strings and slices
// may share memory with the request.
type Event struct {
	// Time is when the request came in.
	Time time.Time
	// DecisionID is ours. RequestID and StreamID are the gateway's and
	// untrusted.
	DecisionID string
	RequestID  string
	StreamID   string
	// Adapter says how the gateway asked: ext_authz or ext_proc.
	Adapter string
	// TraceID is that of the trace that the decision is a part of, empty if it
	// is in none.
	TraceID string

	// Policy is the name of the policy that decided, empty if none was found.
	// It must come from the policy file: it becomes a metric label.
	Policy string
	// SelectedBy is the step that found it: context_extension, grpc_metadata,
	// route_metadata or route; empty if none did.
	SelectedBy string
	// ConfigHash names the policy table that decided.
	ConfigHash string

	Decision authz.Decision
	// Status is the HTTP status of the answer, 200 if the request passes.
	Status int
	// Checks are the checks that ran, in order.
	Checks []authz.CheckResult

	// Replay is what became of the claim that the request is no replay, as in
	// [authz.Trace]; empty if none was made. Delivery is the sender's id of the
	// delivery, untrusted.
	Replay   string
	Delivery string

	// PeerAddress is the gateway's own view of who connected, ClientAddress
	// who it is once trusted proxies are taken away, ClientAddressFrom by which
	// rule. Either address may be invalid: it is then left out.
	PeerAddress       netip.Addr
	ClientAddress     netip.Addr
	ClientAddressFrom string

	// Method, Host and Path are untrusted and raw. Record escapes and bounds
	// them and drops the query.
	Method string
	Host   string
	Path   string

	// BodyBytes is how many bytes of the body came, BodyForm how: raw, text,
	// partial or absent.
	BodyBytes int
	BodyForm  string
	// Body is only read for its digest, and only for the denials that a
	// different body explains; see [Observer.Record].
	Body []byte

	// Duration is how long the decision took.
	Duration time.Duration
}

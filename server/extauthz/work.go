package extauthz

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// A work is the memory of one call, used again for another after reset. The
// request's bytes are not part of it: they are fresh for each call.
type work struct {
	message message
	check   checkRequest
	request authz.Request
	trace   authz.Trace
	verdict gate.Verdict
	event   observe.Event
	span    trace.Span

	headers  []authz.Field
	buffer   []byte
	ids      gate.IDSource
	recorded bool
}

func newWork(limit *gate.ByteLimit) *work {
	return &work{message: message{limit: limit}, trace: authz.Trace{Now: time.Now}, ids: gate.NewIDSource()}
}

// begin starts the decision of what w holds. From here on w denies until it is
// decided otherwise.
func (w *work) begin(now time.Time) {
	w.request.Received = now
	w.verdict.ID = w.ids.Next()
}

// reset forgets the call. What keeps its memory holds nothing of it.
func (w *work) reset() {
	w.message = message{limit: w.message.limit}
	w.check.reset()
	w.request = authz.Request{}
	w.trace.Reset()
	clear(w.headers)
	w.headers = w.headers[:0]
	w.verdict = gate.Verdict{}
	w.event = observe.Event{}
	w.span = trace.Span{}
	w.recorded = false
}

// decide sets the verdict.
func (s *Server) decide(ctx context.Context, w *work, started time.Time) {
	v := &w.verdict
	decoded := w.check.decode(w.message.data)
	if decoded != nil {
		w.check.reset() // half of a message tells nothing, not even to the log
	}
	v.Table = s.config.Tables()

	deadline, err := s.admit(ctx, w, started)
	if err != nil {
		v.Decision = authz.DeniedBy(err)
		return
	}
	if decoded != nil {
		v.Decision = authz.Denied(authz.ReasonBug, "the gateway's message can't be decoded: "+decoded.Error())
		return
	}
	timed := gate.NewLazyDeadline(ctx, deadline)
	defer timed.Stop()
	v.Decision, err = s.judge(timed, w)
	if err != nil {
		v.Decision = authz.DeniedBy(err)
	}
}

// admit reports whether there is what it takes to decide: policies, memory, and
// time until the deadline it returns. The error is a denial.
func (s *Server) admit(ctx context.Context, w *work, started time.Time) (time.Time, error) {
	if w.verdict.Table == nil || !s.config.Ready() {
		return time.Time{}, authz.Deny(authz.ReasonNotReady, "the server does not decide yet")
	}
	if w.message.refused {
		return time.Time{}, authz.Deny(authz.ReasonOverloaded, "the bodies in flight fill the memory they may have")
	}
	if !s.queue.Admit(gate.ArrivedAt(ctx, started), started) {
		return time.Time{}, authz.Deny(authz.ReasonOverloaded, "calls wait too long for their turn")
	}
	deadline, ok := gate.DeadlineOf(ctx, w.request.Received, s.config.Budget)
	if !ok {
		return time.Time{}, authz.Deny(authz.ReasonDeadline, "the gateway left too little time")
	}
	return deadline, nil
}

// judge takes a decoded message through its policy. The error is a denial.
func (s *Server) judge(ctx context.Context, w *work) (authz.Decision, error) {
	v, r := &w.verdict, &w.request
	if err := w.check.fill(r); err != nil {
		return authz.Decision{}, err
	}
	gateway, err := w.check.extensions.attest(v.Table.Gateway())
	if err != nil {
		return authz.Decision{}, err
	}
	r.Gateway = gateway
	v.Policy, w.event.SelectedBy, err = choose(ctx, &w.check, v.Table, r)
	if err != nil {
		return authz.Decision{}, err
	}
	w.event.ClientAddress, w.event.ClientAddressFrom = v.Policy.ClientAddress(r)
	if _, wanted := v.Policy.Payload(); wanted {
		return authz.Decision{}, authz.Deny(authz.ReasonGatewayNotAttested,
			"the policy replaces the body, which only the external processor can: ext_proc instead of ext_authz")
	}
	decision := v.Policy.Decide(ctx, r, &w.trace)
	if !decision.Allowed() || decision.IsMonitored() {
		return decision, nil // nothing is set for the upstream
	}
	w.headers, err = v.Policy.AppendHeaders(w.headers[:0], decision, r)
	if err != nil {
		return authz.Decision{}, err //nolint:wrapcheck // the denial is the answer
	}
	v.Headers = w.headers
	return decision, nil
}

// record hands the decision of w, answered with status, to the recorder.
func (s *Server) record(w *work, status int) {
	w.recorded = true
	v, r, e := &w.verdict, &w.request, &w.event
	e.Time = r.Received
	e.TraceID = w.span.TraceID()
	e.DecisionID, e.StreamID, e.RequestID = v.ID, w.check.http.id, gate.RequestID(&r.Header)
	e.Policy = v.PolicyName()
	if v.Table != nil {
		e.ConfigHash = v.Table.Hash()
	}
	e.Decision, e.Status, e.Checks = v.Decision, status, w.trace.Results
	e.Replay, e.Delivery, e.Adapter = w.trace.Replay, w.trace.Delivery, adapterName
	e.PeerAddress = r.Peer
	e.Method, e.Host, e.Path = w.check.http.method, w.check.http.host, w.check.http.path
	e.BodyBytes, e.BodyForm, e.Body = r.Body.Len(), r.Body.Form(), r.Body.Raw
	if len(r.Body.Raw) == 0 && r.Body.Text != "" && !v.Decision.Allowed() {
		e.Body = []byte(r.Body.Text)
	}
	e.Duration = time.Since(r.Received)
	s.config.Recorder.Record(e)
	w.span.End(e)
}

// panicked answers a call whose handling panicked with cause. Nothing that the
// call left in w is relied on.
func (s *Server) panicked(ctx context.Context, w *work, cause any) {
	id := w.verdict.ID
	if id == "" {
		id = gate.NewIDSource().Next()
	}
	decision := authz.Denied(authz.ReasonBug, authz.PanicDetail)
	w.message.reply = appendBug(nil, decision, id)
	// The panic's value may hold what was sent: only its type is told. A stack
	// has the addresses of values, not the values.
	s.config.Logger.ErrorContext(ctx, "panic in a check", slog.String("decision_id", id),
		slog.String("type", fmt.Sprintf("%T", cause)), slog.String("stack", string(debug.Stack())))
	event := observe.Event{
		Time: w.request.Received, Adapter: adapterName, DecisionID: id, Decision: decision, Status: gate.BugStatus, BodyForm: "absent",
	}
	defer func() {
		if again := recover(); again != nil {
			s.config.Logger.ErrorContext(ctx, "panic in the recorder", slog.String("decision_id", id))
		}
	}()
	defer w.span.End(&event)
	if w.recorded {
		return // by what panicked, or just before it
	}
	event.TraceID = w.span.TraceID()
	s.config.Recorder.Record(&event)
}

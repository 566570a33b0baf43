package extauthz

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/hookauthz/hookauthz/authz"
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
	verdict verdict
	event   observe.Event
	span    trace.Span

	headers  []authz.Field
	buffer   []byte
	ids      idSource
	recorded bool
}

func newWork(limit *byteLimit) *work {
	return &work{message: message{limit: limit}, trace: authz.Trace{Now: time.Now}, ids: newIDSource()}
}

// begin starts the decision of what w holds. From here on w denies until it is
// decided otherwise.
func (w *work) begin(now time.Time) {
	w.request.Received = now
	w.verdict.id = w.ids.next()
}

// reset forgets the call. What keeps its memory holds nothing of it.
func (w *work) reset() {
	w.message = message{limit: w.message.limit}
	w.check.reset()
	w.request = authz.Request{}
	w.trace.Reset()
	clear(w.headers)
	w.headers = w.headers[:0]
	w.verdict = verdict{}
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
	v.table = s.config.Tables()

	deadline, err := s.admit(ctx, w, started)
	if err != nil {
		v.decision = authz.DeniedBy(err)
		return
	}
	if decoded != nil {
		v.decision = authz.Denied(authz.ReasonBug, "the gateway's message can't be decoded: "+decoded.Error())
		return
	}
	timed := &lazyDeadline{Context: ctx, deadline: deadline}
	defer timed.stop()
	v.decision, err = s.judge(timed, w)
	if err != nil {
		v.decision = authz.DeniedBy(err)
	}
}

// admit reports whether there is what it takes to decide: policies, memory, and
// time until the deadline it returns. The error is a denial.
func (s *Server) admit(ctx context.Context, w *work, started time.Time) (time.Time, error) {
	if w.verdict.table == nil || !s.config.Ready() {
		return time.Time{}, authz.Deny(authz.ReasonNotReady, "the server does not decide yet")
	}
	if w.message.refused {
		return time.Time{}, authz.Deny(authz.ReasonOverloaded, "the bodies in flight fill the memory they may have")
	}
	if !s.queue.admit(arrivedAt(ctx, started), started) {
		return time.Time{}, authz.Deny(authz.ReasonOverloaded, "calls wait too long for their turn")
	}
	deadline, ok := deadlineOf(ctx, w.request.Received, s.config.Budget)
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
	gateway, err := w.check.extensions.attest(v.table.Gateway())
	if err != nil {
		return authz.Decision{}, err
	}
	r.Gateway = gateway
	v.policy, w.event.SelectedBy, err = choose(ctx, &w.check, v.table, r)
	if err != nil {
		return authz.Decision{}, err
	}
	w.event.ClientAddress, w.event.ClientAddressFrom = v.policy.ClientAddress(r)
	decision := v.policy.Decide(ctx, r, &w.trace)
	if !decision.Allowed() || decision.IsMonitored() {
		return decision, nil // nothing is set for the upstream
	}
	w.headers, err = v.policy.AppendHeaders(w.headers[:0], decision, r)
	if err != nil {
		return authz.Decision{}, err //nolint:wrapcheck // the denial is the answer
	}
	v.headers = w.headers
	return decision, nil
}

// record hands the decision of w, answered with status, to the recorder.
func (s *Server) record(w *work, status int) {
	w.recorded = true
	v, r, e := &w.verdict, &w.request, &w.event
	e.Time = r.Received
	e.TraceID = w.span.TraceID()
	e.DecisionID, e.StreamID, e.RequestID = v.id, w.check.http.id, requestIDOf(&r.Header)
	e.Policy = v.policyName()
	if v.table != nil {
		e.ConfigHash = v.table.Hash()
	}
	e.Decision, e.Status, e.Checks = v.decision, status, w.trace.Results
	e.PeerAddress = r.Peer
	e.Method, e.Host, e.Path = w.check.http.method, w.check.http.host, w.check.http.path
	e.BodyBytes, e.BodyForm, e.Body = r.Body.Len(), r.Body.Form(), r.Body.Raw
	if len(r.Body.Raw) == 0 && r.Body.Text != "" && !v.decision.Allowed() {
		e.Body = []byte(r.Body.Text)
	}
	e.Duration = time.Since(r.Received)
	s.config.Recorder.Record(e)
	w.span.End(e)
}

// panicked answers a call whose handling panicked with cause. Nothing that the
// call left in w is relied on.
func (s *Server) panicked(ctx context.Context, w *work, cause any) {
	id := w.verdict.id
	if id == "" {
		id = newIDSource().next()
	}
	decision := authz.Denied(authz.ReasonBug, authz.PanicDetail)
	w.message.reply = appendBug(nil, decision, id)
	// The panic's value may hold what was sent: only its type is told. A stack
	// has the addresses of values, not the values.
	s.config.Logger.ErrorContext(ctx, "panic in a check", slog.String("decision_id", id),
		slog.String("type", fmt.Sprintf("%T", cause)), slog.String("stack", string(debug.Stack())))
	event := observe.Event{
		Time: w.request.Received, DecisionID: id, Decision: decision, Status: bugStatus, BodyForm: "absent",
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

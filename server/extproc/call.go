package extproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/observe"
	"github.com/hookauthz/hookauthz/server/observe/trace"
)

// A call is one stream, used by its handler alone.
type call struct {
	s       *Server
	stream  grpc.ServerStream
	ctx     context.Context //nolint:containedctx // that of the stream, with the span
	started time.Time
	inbox   inbox
	taken   int64 // of the memory in flight, for the headers

	shape   shape
	route   gate.Name
	spool   *spool
	request authz.Request
	trace   authz.Trace
	verdict gate.Verdict
	event   observe.Event
	span    trace.Span

	recorded bool
}

// serve runs one stream.
func (s *Server) serve(_ any, stream grpc.ServerStream) (err error) {
	started := time.Now()
	s.streams.Add(1)
	defer s.streams.Add(-1)
	c := &call{s: s, stream: stream, started: started, trace: authz.Trace{Now: time.Now}}
	c.request.Received = started
	c.verdict.ID = gate.NewIDSource().Next()
	defer c.free()
	defer func() {
		if cause := recover(); cause != nil {
			err = c.panicked(cause)
		}
	}()
	c.ctx, c.span = s.config.Tracing.Process(stream.Context(), started)
	c.inbox.open(c)
	return c.run()
}

// free gives back what the call holds. Nothing of the body is used after it.
func (c *call) free() {
	c.inbox.close()
	if c.spool != nil {
		c.spool.close()
	}
	c.s.inflight.Give(c.taken)
}

// errOver ends a call that was answered.
var errOver = errors.New("over")

// run takes the call from its headers to its end.
func (c *call) run() error {
	err := c.judgeHeaders()
	switch {
	case err != nil:
		err = c.deny(err)
	case c.shape.ended:
		err = c.withoutBody()
	case c.shape.duplex:
		err = c.duplex()
	default:
		err = c.buffered()
	}
	if errors.Is(err, errOver) {
		return nil
	}
	return err
}

// judgeHeaders reads the first message and finds the policy. The error is a
// denial.
func (c *call) judgeHeaders() error {
	q, err := c.inbox.next()
	if err != nil {
		return err
	}
	c.taken = q.keep() // what is read of it stays to the end
	headers := q.message.GetRequestHeaders()
	if headers == nil {
		return authz.Deny(authz.ReasonBug, "the gateway's first message is not the headers: request_header_mode must be SEND")
	}
	flawed := fill(&c.request, headers.GetHeaders())
	if err := c.admit(); err != nil {
		return err
	}
	if flawed != nil {
		return flawed
	}
	if c.route, err = describe(&c.request, &q.message); err != nil {
		return err
	}
	if c.shape, err = shapeOf(c.stream.Context(), &q.message, &c.request); err != nil {
		return err
	}
	return c.choose()
}

// admit reports whether there is what it takes to decide. The error is a denial.
func (c *call) admit() error {
	c.verdict.Table = c.s.config.Tables()
	if c.verdict.Table == nil || !c.s.config.Ready() {
		return authz.Deny(authz.ReasonNotReady, "the server does not decide yet")
	}
	if !c.s.queue.Admit(gate.ArrivedAt(c.stream.Context(), c.started), c.started) {
		return authz.Deny(authz.ReasonOverloaded, "calls wait too long for their turn")
	}
	return nil
}

// choose finds the policy in the present table. The error is a denial.
func (c *call) choose() error {
	v := &c.verdict
	var err error
	v.Policy, c.event.SelectedBy, err = gate.Choose(c.stream.Context(), v.Table, c.route, &c.request)
	return err //nolint:wrapcheck // the denial is the answer
}

// deny answers with the denial that err is, or with the trouble that it becomes.
func (c *call) deny(err error) error {
	c.verdict.Decision = authz.DeniedBy(err)
	c.sayWhy(err)
	return c.refuse()
}

// sayWhy tells the process log of trouble whose cause the decision log does not
// have.
func (c *call) sayWhy(err error) {
	var denial *authz.Denial
	if errors.As(err, &denial) && err.Error() != denial.Error() && !errors.Is(err, errCut) {
		c.s.config.Logger.ErrorContext(c.ctx, "request denied for trouble of the server",
			slog.String("decision_id", c.verdict.ID), slog.String("error", err.Error()))
	}
}

// refuse answers a decision that denies, and records it. It ends the call: by an
// error too where nobody may be there to read the answer, since a stream that ends
// well lets its request go on.
func (c *call) refuse() error {
	v := &c.verdict
	answer := v.Answer()
	status := answer.Status
	out, err := newDenial(v, answer)
	if err != nil {
		v.Decision = authz.Denied(authz.ReasonGuardTripped, err.Error())
		out, status = newBug(v), gate.BugStatus
	}
	c.record(status)
	if err := c.post(out); err != nil {
		return err
	}
	if c.inbox.cut {
		return errAborted
	}
	return errOver
}

var errAborted = status.Error(codes.Aborted, "the stream ended before the request did")

// send sends a message.
func (c *call) send(message *extprocpb.ProcessingResponse) error {
	out, err := newReply(message)
	if err != nil {
		return err
	}
	return c.post(out)
}

func (c *call) post(out reply) error {
	return c.stream.SendMsg(&out) //nolint:wrapcheck // a status
}

// record hands the decision, answered with status, to the recorder.
func (c *call) record(status int) {
	c.recorded = true
	v, r, e := &c.verdict, &c.request, &c.event
	e.Time, e.Adapter = r.Received, adapterName
	e.TraceID = c.span.TraceID()
	e.DecisionID, e.RequestID = v.ID, gate.RequestID(&r.Header)
	e.Policy = v.PolicyName()
	if v.Table != nil {
		e.ConfigHash = v.Table.Hash()
	}
	e.Decision, e.Status, e.Checks = v.Decision, status, c.trace.Results
	e.Replay, e.Delivery = c.trace.Replay, c.trace.Delivery
	e.Method, e.Host, e.Path = r.Method, r.Host, r.Path
	e.BodyBytes, e.BodyForm, e.Body = int(max(r.Body.Size, int64(r.Body.Len()))), r.Body.Form(), r.Body.Raw
	e.Duration = time.Since(r.Received)
	c.s.config.Recorder.Record(e)
	c.span.End(e)
}

// panicked ends a call whose handling panicked with cause.
func (c *call) panicked(cause any) (err error) {
	decision := authz.Denied(authz.ReasonBug, authz.PanicDetail)
	// The panic's value may hold what was sent: only its type is told. A stack has
	// the addresses of values, not the values.
	c.s.config.Logger.ErrorContext(c.ctx, "panic in a stream", slog.String("decision_id", c.verdict.ID),
		slog.String("type", fmt.Sprintf("%T", cause)), slog.String("stack", string(debug.Stack())))
	err = status.Error(codes.Internal, "internal error")
	event := observe.Event{
		Time: c.request.Received, Adapter: adapterName, DecisionID: c.verdict.ID, Decision: decision, Status: gate.BugStatus, BodyForm: "absent",
	}
	defer func() {
		if again := recover(); again != nil {
			c.s.config.Logger.ErrorContext(c.ctx, "panic in the recorder", slog.String("decision_id", c.verdict.ID))
		}
	}()
	out := newBug(&gate.Verdict{Decision: decision, ID: c.verdict.ID})
	// Were the request let go already, the error ends it; this answers one that
	// was not. Envoy takes whichever fits.
	if c.post(out) == nil && !c.recorded {
		err = nil
	}
	defer c.span.End(&event)
	if !c.recorded {
		event.TraceID = c.span.TraceID()
		c.s.config.Recorder.Record(&event)
	}
	return err
}

// errCut marks the end of a stream before that of its request.
var errCut = errors.New("the stream ended")

// cutOff words why no more messages come.
func cutOff(err error) error {
	detail := "the gateway gave the request up before its body was whole"
	if errors.Is(err, io.EOF) {
		detail = "the gateway closed the stream before the body was whole"
	}
	return fmt.Errorf("%w: %w", errCut, authz.Deny(authz.ReasonBodyTruncated, detail))
}

package extproc

import (
	"errors"
	"runtime/debug"

	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/hookauthz/hookauthz/authz"
)

// withoutBody decides a request that has no body and lets it go.
func (c *call) withoutBody() error {
	let, err := c.decide(authz.Body{Delivery: authz.DeliveryWhole}, nil)
	if err != nil {
		return err
	}
	return c.sendAll(let.head())
}

// buffered lets Envoy collect the body, and decides when it is there: in one
// message, whether trailers follow or not.
func (c *call) buffered() error {
	if err := c.send(hold(c.lostAnyhow())); err != nil {
		c.inbox.cut = true
		return c.deny(cutOff(err))
	}
	q, err := c.inbox.next()
	if err != nil {
		return c.deny(err)
	}
	defer q.release()
	switch m := q.message.GetRequest().(type) {
	case *extprocpb.ProcessingRequest_RequestBody:
		return c.bufferedBody(m.RequestBody)
	case *extprocpb.ProcessingRequest_RequestTrailers:
		return c.bufferedTrailers()
	}
	return c.deny(authz.Deny(authz.ReasonBug, "the gateway sent something else than the body"))
}

func (c *call) bufferedBody(m *extprocpb.HttpBody) error {
	body := m.GetBody()
	let, err := c.decide(authz.Body{Raw: body, Size: int64(len(body)), Delivery: authz.DeliveryWhole}, nil)
	if err != nil {
		return err
	}
	if err := c.send(let.buffered()); err != nil || m.GetEndOfStream() {
		return err
	}
	return c.relay(let)
}

// bufferedTrailers decides a request of headers and trailers. What the headers
// would get can't be said any more, so only one that gets nothing can go: that of
// a policy that only watches.
func (c *call) bufferedTrailers() error {
	trouble := authz.Deny(authz.ReasonShapeAmbiguous, "trailers without a body: only FULL_DUPLEX_STREAMED can hold them")
	let, err := c.decide(authz.Body{Delivery: authz.DeliveryWhole}, trouble)
	if err != nil {
		return err
	}
	return c.sendAll(let.ending())
}

// lostAnyhow are the headers that no request may bring to the upstream.
func (c *call) lostAnyhow() []string { return c.verdict.Table.Reserved() }

// duplex collects the body, decides and sends it back.
func (c *call) duplex() error {
	// A file whose disk fails can't be read any more. Where it is mapped that is a
	// fault, which by itself ends the process; as a panic it denies.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var rest tail
	c.spool = c.s.spools.new(c.verdict.Policy.MaxBody())
	err := c.collect(&rest)
	if rest.question != nil {
		defer rest.question.release()
	}
	var body []byte
	if err == nil {
		body, err = c.spool.content()
	}
	delivery := authz.DeliveryWhole
	if err != nil || rest.cut {
		delivery = authz.DeliveryCut
	}
	size := max(c.spool.size+rest.more(), rest.announced)
	if c.inbox.cut {
		c.request.Body = authz.Body{Size: size, Delivery: delivery}
		return c.deny(err)
	}
	if _, wanted := c.verdict.Policy.Payload(); wanted && rest.cut {
		return c.deny(authz.Deny(authz.ReasonBodyTooLarge, "body is over the policy's limit"))
	}
	let, err := c.decide(authz.Body{Raw: wholeOnly(body, delivery), Size: size, Delivery: delivery}, err)
	if err != nil {
		return err
	}
	return c.release(let, &rest)
}

func wholeOnly(body []byte, delivery authz.Delivery) []byte {
	if delivery != authz.DeliveryWhole {
		return nil
	}
	return body
}

// A tail is how a body's collection ended.
type tail struct {
	trailers  bool      // they came, and wait
	cut       bool      // the body is larger than the policy accepts
	announced int64     // the Content-Length, if that alone says so
	question  *question // the message that was not kept, nil if all were
	last      bool      // nothing comes after it
}

// chunk is what was not kept.
func (t *tail) chunk() []byte {
	if t.question == nil {
		return nil
	}
	return t.question.message.GetRequestBody().GetBody()
}

func (t *tail) more() int64 { return int64(len(t.chunk())) }

// collect spools the body up to its end, or as far as it can be kept. The error
// is a denial.
func (c *call) collect(rest *tail) error {
	if n := lengthOf(&c.request); n > c.spool.max {
		rest.cut, rest.announced = true, n
		return nil
	}
	for {
		q, err := c.inbox.next()
		if err != nil {
			return err
		}
		switch m := q.message.GetRequest().(type) {
		case *extprocpb.ProcessingRequest_RequestBody:
			part := m.RequestBody
			if !c.spool.fits(len(part.GetBody())) {
				rest.cut, rest.question, rest.last = true, q, part.GetEndOfStream()
				return nil
			}
			if err := c.spool.write(part.GetBody()); err != nil {
				rest.question, rest.last = q, part.GetEndOfStream()
				return err
			}
			q.release()
			if part.GetEndOfStream() {
				rest.last = true
				return nil
			}
		case *extprocpb.ProcessingRequest_RequestTrailers:
			q.release()
			rest.trailers, rest.last = true, true
			return nil
		default:
			q.release()
			return errUnexpected
		}
	}
}

var errUnexpected = authz.Deny(authz.ReasonBug, "the gateway sent something else than the body")

// release sends the headers and the body, and what still comes of it.
func (c *call) release(let *changes, rest *tail) error {
	if err := c.send(let.head()); err != nil {
		return err
	}
	if let.replace {
		if err := c.sendBody(let.payload, !rest.trailers); err != nil {
			return err
		}
		return c.finish(let, rest)
	}
	content, err := c.spool.content()
	if err != nil {
		return err // the headers are gone: the stream's error ends the request
	}
	held := rest.chunk()
	if err := c.sendBody(content, rest.last && !rest.trailers && held == nil); err != nil {
		return err
	}
	if rest.question != nil {
		if err := c.send(chunk(held, rest.last)); err != nil {
			return err
		}
	}
	if !rest.last {
		return c.relay(let)
	}
	return c.finish(let, rest)
}

func (c *call) finish(let *changes, rest *tail) error {
	if rest.trailers {
		return c.sendAll(let.ending())
	}
	return errOver
}

// sendBody sends body in parts.
func (c *call) sendBody(body []byte, last bool) error {
	for len(body) > chunkBytes {
		if err := c.send(chunk(body[:chunkBytes], false)); err != nil {
			return err
		}
		body = body[chunkBytes:]
	}
	if len(body) == 0 && !last {
		return nil
	}
	return c.send(chunk(body, last))
}

// relay sends back what still comes of a request that was let go, up to its end.
func (c *call) relay(let *changes) error {
	c.inbox.patient = true
	for {
		q, err := c.inbox.next()
		if err != nil {
			if errors.Is(err, errCut) {
				return errAborted
			}
			return err
		}
		err = c.relayOne(let, q)
		q.release()
		if err != nil {
			return err
		}
	}
}

func (c *call) relayOne(let *changes, q *question) error {
	switch m := q.message.GetRequest().(type) {
	case *extprocpb.ProcessingRequest_RequestBody:
		if !c.shape.duplex {
			return nil // said twice
		}
		if err := c.send(chunk(m.RequestBody.GetBody(), m.RequestBody.GetEndOfStream())); err != nil {
			return err
		}
		if m.RequestBody.GetEndOfStream() {
			return errOver
		}
		return nil
	case *extprocpb.ProcessingRequest_RequestTrailers:
		return c.sendAll(let.ending())
	case *extprocpb.ProcessingRequest_ResponseHeaders:
		return errOver // the request is through, and we have nothing to say of responses
	}
	return errUnexpected
}

// sendAll sends the last message of a call.
func (c *call) sendAll(message *extprocpb.ProcessingResponse) error {
	if err := c.send(message); err != nil {
		return err
	}
	return errOver
}

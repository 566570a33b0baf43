package authz

import (
	"strings"
	"unicode/utf8"
)

// Delivery is what the gateway said of the body it sent us.
type Delivery uint8

// The deliveries.
const (
	// DeliveryUnsaid: the gateway said nothing, as it does where it buffers
	// nothing.
	DeliveryUnsaid Delivery = iota
	// DeliveryWhole: what came is all the gateway buffered.
	DeliveryWhole
	// DeliveryCut: what came is a prefix.
	DeliveryCut
	// DeliveryOdd: it said something that we don't understand.
	DeliveryOdd
)

// Body is the request's body as the gateway sent it.
type Body struct {
	// Raw holds the bytes, Text the body as the gateway's lossy text. At most
	// one is set by a sane gateway.
	Raw  []byte
	Text string
	// Size is how many bytes the gateway buffered, -1 if unknown.
	Size     int64
	Delivery Delivery
}

// Form returns "raw", "text", "partial" or "absent", for logs.
func (b *Body) Form() string {
	switch {
	case b.Delivery == DeliveryCut || b.Size > int64(b.Len()):
		return "partial"
	case len(b.Raw) > 0:
		return "raw"
	case b.Text != "":
		return "text"
	default:
		return "absent"
	}
}

// Len is the number of bytes received.
func (b *Body) Len() int { return max(len(b.Raw), len(b.Text)) }

// CheckSize returns nil unless the body is larger than [Rules.MaxBody] or was
// cut. It looks at all three numbers that tell a size: what was received, what
// the gateway buffered and what the sender announced.
func (r *Request) CheckSize() error {
	announced, err := r.contentLength()
	if err != nil {
		return err
	}
	received := int64(r.Body.Len())
	switch {
	case max(received, r.Body.Size, announced) > r.Rules.MaxBody:
		return Deny(ReasonBodyTooLarge, "body is over the policy's limit")
	case r.Body.Delivery == DeliveryCut:
		return Deny(ReasonBodyTruncated, "the gateway cut the body")
	case r.Body.Size > received && received > 0:
		return Deny(ReasonBodyTruncated, "the gateway buffered more than it sent")
	case r.limited(received):
		return Deny(ReasonBodyTruncated, "body reaches the gateway's max_request_bytes")
	}
	return nil
}

// limited reports whether n bytes reach the attested limit, so that more may
// have followed: Envoy says "whole" of a body cut exactly there.
func (r *Request) limited(n int64) bool {
	return r.Gateway.MaxRequestBytes > 0 && n >= r.Gateway.MaxRequestBytes
}

// WholeBody returns the body's bytes if they are proven to be all of it and
// unaltered. Otherwise the error says whether the gateway is to blame (internal),
// the body was cut (too large), or it is empty where [Rules] want one.
//
// A body that did not arrive is not an empty body: a signature over nothing
// would then vouch for anything. The proofs are in the order of docs/envoy.md.
func (r *Request) WholeBody() ([]byte, error) {
	body, err := r.wholeBody()
	if err != nil {
		return nil, err
	}
	if len(body) == 0 && !r.Rules.AllowEmpty {
		return nil, Deny(ReasonBodyEmpty, "the policy wants a body")
	}
	return body, nil
}

// NoBody returns nil if it is proven that the request has no body, whatever
// [Rules] say of empty ones. If there is or may be one it returns
// [ReasonBodyUnsigned]: it is for checks whose message leaves the body out.
func (r *Request) NoBody() error {
	body, err := r.wholeBody()
	if err != nil {
		return err
	}
	if len(body) > 0 {
		return Deny(ReasonBodyUnsigned, "the signed message does not cover the body")
	}
	return nil
}

func (r *Request) wholeBody() ([]byte, error) {
	b := &r.Body
	announced, err := r.contentLength()
	switch {
	case err != nil:
		return nil, err
	case len(b.Raw) > 0 && b.Text != "":
		return nil, Deny(ReasonBodyNotRaw, "the gateway sent the body twice, as bytes and as text")
	case b.Delivery >= DeliveryOdd:
		return nil, Deny(ReasonBodyNotForwarded, "the gateway's partial-body header is not understood")
	case b.Delivery == DeliveryCut:
		return nil, Deny(ReasonBodyTruncated, "the gateway cut the body")
	}
	if b.Len() == 0 {
		return nil, r.provenEmpty(announced)
	}

	received := int64(b.Len())
	switch {
	case b.Delivery != DeliveryWhole:
		return nil, Deny(ReasonBodyNotForwarded, "the gateway does not say that the body is whole")
	case b.Size > received:
		return nil, Deny(ReasonBodyTruncated, "the gateway buffered more than it sent")
	case announced >= 0 && announced != received:
		return nil, Deny(ReasonBodyTruncated, "Content-Length differs from what was received")
	case r.limited(received):
		return nil, Deny(ReasonBodyTruncated, "body reaches the gateway's max_request_bytes")
	case announced < 0 && !r.Gateway.BodyRawFull:
		return nil, Deny(ReasonGatewayNotAttested, "no Content-Length: the body is whole only if gateway.body is raw-full")
	}
	if b.Text == "" {
		return b.Raw, nil
	}
	return r.textBody()
}

// textBody is the body of a gateway that can't send bytes. It writes "!" or
// U+FFFD for what it can't express, so a body that holds either may be another.
func (r *Request) textBody() ([]byte, error) {
	text := r.Body.Text
	if !r.Rules.AllowText {
		return nil, Deny(ReasonBodyNotRaw, "the body came as text: set pack_as_bytes on the filter")
	}
	if strings.Contains(text, "!") || strings.ContainsRune(text, utf8.RuneError) || !utf8.ValidString(text) {
		return nil, Deny(ReasonBodyNotRaw, "the body came as text and holds what may stand for other bytes")
	}
	return []byte(text), nil
}

// provenEmpty returns nil if no bytes means no body. With buffering off, a request
// with a body may look exactly like one without: over HTTP/2 nothing announces
// it, and of HTTP/1.1 Envoy removes Transfer-Encoding before it asks.
func (r *Request) provenEmpty(announced int64) error {
	switch {
	case announced > 0 || r.Body.Size > 0:
		return Deny(ReasonBodyNotForwarded, "a body is announced and none came: set with_request_body")
	case r.Header.Has("upgrade") || r.Method == "CONNECT":
		return Deny(ReasonBodyNotForwarded, "what follows an upgrade or CONNECT request is not forwarded")
	case announced == 0 && !r.Header.Has("transfer-encoding"):
		return nil
	case r.Gateway.BodyRawFull && r.Gateway.BodyByRoute:
		return nil
	}
	return Deny(ReasonBodyNotForwarded, "nothing proves that the request has no body")
}

// maxLengthDigits keeps a Content-Length within int64.
const maxLengthDigits = 18

// contentLength returns the announced length, -1 if none is.
func (r *Request) contentLength() (int64, error) {
	value, presence := r.Header.Line("content-length")
	if presence == None && !r.Header.Has("content-length") {
		return -1, nil
	}
	if presence != One || len(value) > maxLengthDigits {
		return 0, Deny(ReasonShapeAmbiguous, "Content-Length is empty, repeated or too long")
	}
	var n int64
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' {
			return 0, Deny(ReasonShapeAmbiguous, "Content-Length is not a number")
		}
		n = n*10 + int64(value[i]-'0')
	}
	return n, nil
}

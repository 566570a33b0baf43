package authz

import (
	"net/netip"
	"strings"
	"time"
)

// A Request is what the gateway tells of one webhook. Everything in it that
// the sender controls (method, path, host, headers, body) is untrusted; Peer,
// Gateway, Rules, Captures and Stream are not. It is not modified once [Decide] runs.
type Request struct {
	// Received is when the adapter got the request, by our own clock. All
	// time windows are judged against it.
	Received time.Time

	Method   string
	Scheme   string
	Host     string
	Path     string // raw, with the query, as the gateway shows it
	Protocol string // such as "HTTP/1.1"
	Header   Header
	Body     Body

	// Peer is the address of the downstream connection, never IPv4-mapped.
	// It is invalid where that is not an IP connection.
	Peer netip.Addr

	// Certificate is the client's certificate as the gateway saw it: PEM of the
	// leaf alone, URL-encoded. Empty if there is none. The gateway may not have
	// verified it.
	Certificate string

	// Gateway is what the operator states of the gateway for this route.
	Gateway Gateway

	// Rules are the policy's rules for the body.
	Rules Rules

	// Captures are the path segments that the route's pattern named.
	Captures []Field

	// Stream is the gateway's own id of the request, which the sender can't
	// choose; empty if there is none. Envoy makes another for each stream.
	Stream string
}

// PathOnly returns r.Path without its query.
func (r *Request) PathOnly() string {
	path, _, _ := strings.Cut(r.Path, "?")
	return path
}

// Query returns what follows the first "?", and whether there is one.
func (r *Request) Query() (string, bool) {
	_, query, ok := strings.Cut(r.Path, "?")
	return query, ok
}

// Capture returns the path segment captured as name.
func (r *Request) Capture(name string) (string, bool) {
	for i := range r.Captures {
		if r.Captures[i].Name == name {
			return r.Captures[i].Value, true
		}
	}
	return "", false
}

// Gateway holds properties of the gateway that a request does not show by
// itself. They are the operator's statement, made in the policy file or by the
// route's context extensions.
type Gateway struct {
	// BodyRawFull says that the gateway buffers whole bodies, never sends a
	// part of one, sends raw bytes, and changes nothing before it asks.
	BodyRawFull bool
	// BodyByRoute says that BodyRawFull was stated for this very route, which
	// also proves that a request without a body has none.
	BodyByRoute bool
	// MaxRequestBytes is the gateway's buffer limit in bytes, 0 if not stated.
	// Only a body shorter than this is proven whole.
	MaxRequestBytes int64
	// XFFAppended says that the gateway appends its peer to X-Forwarded-For.
	XFFAppended bool
	// XFCCSanitized says that the gateway drops X-Forwarded-Client-Cert from
	// clients and writes it itself (Envoy: SANITIZE_SET).
	XFCCSanitized bool
}

// Rules are what a policy says of bodies.
type Rules struct {
	// MaxBody is the largest body in bytes. 0 permits none.
	MaxBody int64
	// AllowEmpty lets a check that binds the body accept an empty one.
	AllowEmpty bool
	// AllowText lets it accept a body that came as text instead of bytes.
	AllowText bool
}

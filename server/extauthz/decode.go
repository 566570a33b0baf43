package extauthz

import (
	"errors"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
)

var errRepeated = errors.New("a map holds one key twice")

// A checkRequest is what is read of a CheckRequest; all else in it is skipped.
// Its strings share memory with the message it was decoded from. It may be used
// again after reset.
//
// The message of the same name and everything below it is defined in
// https://github.com/envoyproxy/envoy, api/envoy/service/auth/v3. Two rules of
// protobuf are followed (a field that stands twice counts the last time, a
// submessage that stands twice is merged) and two are stricter: a field of
// another type than it should have, and a map key that stands twice, are
// mistakes.
type checkRequest struct {
	hasAttributes, hasRequest, hasHTTP bool

	source peer
	http   httpRequest

	extensions extensions
	// routePolicy is the value of "policy" in the namespace "hookauthz" of the
	// route's metadata.
	routePolicy named
}

// A peer is the gateway's client.
type peer struct {
	address address
	// certificate is that of the connection: PEM, URL-encoded, empty if none.
	certificate string
}

// An address is where a peer is.
type address struct {
	which  int // the member of the oneof: its field number
	socket string
}

// httpRequest is AttributeContext.HttpRequest.
type httpRequest struct {
	id, method, path, host, scheme, protocol string

	size    int64
	body    string
	rawBody []byte

	// merged is the field headers, lines the field header_map. tooLarge says
	// that the rest of either was left out, conflict that a line has two values.
	merged, lines      []authz.Field
	headerBytes        int
	tooLarge, conflict bool
}

// named is a policy's name where one may stand.
type named struct {
	present bool
	valid   bool // the name is text
	seen    bool // metadata only: the namespace stood there
	name    string
}

// reset forgets everything and keeps the memory of the header slices, which
// must not hold on to the strings of a past request.
func (c *checkRequest) reset() {
	merged, lines := c.http.merged, c.http.lines
	clear(merged)
	clear(lines)
	*c = checkRequest{}
	c.http.merged, c.http.lines = merged[:0], lines[:0]
}

// decode reads message into c, which must be new or reset. On an error c is not
// to be used. The error holds nothing of the message.
func (c *checkRequest) decode(message []byte) error {
	s := newScanner(message)
	for end := len(message); s.next(end); {
		if s.number == 1 {
			c.hasAttributes = true
			c.attributes(&s, end)
		} else {
			s.skip(end)
		}
	}
	if s.err == nil && hasRepeats(c.http.merged) {
		return errRepeated
	}
	return s.err
}

func (c *checkRequest) attributes(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		switch s.number {
		case 1:
			c.source.message(s, end)
		case 4:
			c.hasRequest = true
			c.request(s, end)
		case 10:
			c.extensions.entry(s, end)
		case 13:
			c.routePolicy.metadata(s, end)
		default:
			s.skip(end)
		}
	}
}

// message reads AttributeContext.Peer.
func (p *peer) message(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		switch s.number {
		case 1:
			p.address.message(s, end)
		case 5:
			p.certificate = s.string(end)
		default:
			s.skip(end)
		}
	}
}

// The members of Address's oneof.
const (
	socketAddress   = 1
	pipeAddress     = 2
	internalAddress = 3
)

func (a *address) message(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		switch s.number {
		case socketAddress:
			if a.which != socketAddress {
				*a = address{which: socketAddress}
			}
			a.socketAddress(s, end)
		case pipeAddress, internalAddress:
			*a = address{which: s.number}
			s.content(end)
		default:
			s.skip(end)
		}
	}
}

func (a *address) socketAddress(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		if s.number == 2 {
			a.socket = s.string(end)
		} else {
			s.skip(end)
		}
	}
}

func (c *checkRequest) request(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		if s.number == 2 {
			c.hasHTTP = true
			c.http.message(s, end)
		} else {
			s.skip(end)
		}
	}
}

func (h *httpRequest) message(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		switch s.number {
		case 1:
			h.id = s.string(end)
		case 2:
			h.method = s.string(end)
		case 3:
			key, value := entryOf(s, end)
			h.merged = h.keep(h.merged, key, value)
		case 4:
			h.path = s.string(end)
		case 5:
			h.host = s.string(end)
		case 6:
			h.scheme = s.string(end)
		case 9:
			h.size = int64(s.varint(end)) //nolint:gosec // G115: how protobuf writes negative numbers
		case 10:
			h.protocol = s.string(end)
		case 11:
			h.body = s.string(end)
		case 12:
			h.rawBody = s.bytes(end)
		case 13:
			h.headerMap(s, end)
		default:
			s.skip(end)
		}
	}
}

// entryOf reads one entry of a map<string, string>.
func entryOf(s *scanner, end int) (key, value string) {
	for end = s.message(end); s.next(end); {
		switch s.number {
		case 1:
			key = s.string(end)
		case 2:
			value = s.string(end)
		default:
			s.skip(end)
		}
	}
	return key, value
}

func (h *httpRequest) headerMap(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		if s.number == 1 {
			h.headerValue(s, end)
		} else {
			s.skip(end)
		}
	}
}

// headerValue reads one line of header_map. The gateway writes raw_value; value
// is there for older ones.
func (h *httpRequest) headerValue(s *scanner, end int) {
	var key, value, raw string
	for end = s.message(end); s.next(end); {
		switch s.number {
		case 1:
			key = s.string(end)
		case 2:
			value = s.string(end)
		case 3:
			raw = s.raw(end)
		default:
			s.skip(end)
		}
	}
	if raw == "" {
		raw = value
	} else if value != "" && value != raw {
		h.conflict = true
	}
	h.lines = h.keep(h.lines, key, raw)
}

func (h *httpRequest) keep(fields []authz.Field, name, value string) []authz.Field {
	h.headerBytes += len(name) + len(value)
	if len(fields) == gate.MaxHeaderFields || h.headerBytes > gate.MaxHeaderBytes {
		h.tooLarge = true
		return fields
	}
	return append(fields, authz.Field{Name: name, Value: value})
}

// hasRepeats reports whether a name stands twice, which in a map it can't.
func hasRepeats(fields []authz.Field) bool {
	const few = 40 // up to here comparing all pairs is cheaper than a map
	if len(fields) <= few {
		for i := range fields {
			for j := range i {
				if fields[i].Name == fields[j].Name {
					return true
				}
			}
		}
		return false
	}
	names := make(map[string]struct{}, len(fields))
	for i := range fields {
		names[fields[i].Name] = struct{}{}
	}
	return len(names) != len(fields)
}

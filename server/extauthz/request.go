package extauthz

import (
	"net/netip"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
)

// fill makes r of what was decoded. It sets everything but Received, Gateway,
// Rules and Captures. The error is a denial.
func (c *checkRequest) fill(r *authz.Request) error {
	if !c.hasAttributes || !c.hasRequest || !c.hasHTTP {
		return authz.Deny(authz.ReasonBug, "the check describes no HTTP request")
	}
	h := &c.http
	r.Method, r.Scheme, r.Host, r.Path, r.Protocol = h.method, h.scheme, h.host, h.path, h.protocol
	r.Stream = h.id
	r.Peer, r.Certificate = c.source.address.ip(), c.source.certificate
	r.Body = authz.Body{Raw: h.rawBody, Text: h.body, Size: max(h.size, -1)}
	if len(r.Certificate) > gate.MaxCertificateBytes {
		return authz.Deny(authz.ReasonShapeAmbiguous, "the client's certificate is over 64 KiB")
	}
	if h.path == "" {
		return authz.Deny(authz.ReasonPathAmbiguous, "the request has no path")
	}
	if h.method == "" {
		return authz.Deny(authz.ReasonShapeAmbiguous, "the request has no method")
	}
	return h.header(r)
}

// header sets r's header lines, and what the gateway says of the body.
func (h *httpRequest) header(r *authz.Request) error {
	if h.tooLarge {
		return authz.Deny(authz.ReasonShapeAmbiguous, "the request has too many or too long headers")
	}
	if h.conflict {
		return authz.Deny(authz.ReasonShapeAmbiguous, "the gateway gave a header line two values")
	}
	lines := h.lines
	if len(lines) == 0 {
		lines, r.Header.Merged = h.merged, true
	}

	// What stays is moved to the front: lines is ours.
	kept := lines[:0]
	for i := range lines {
		name, value := lines[i].Name, lines[i].Value
		if strings.HasPrefix(name, ":") {
			continue
		}
		switch gate.Classify(name) {
		case gate.NameLower:
		case gate.NameUpper:
			name = strings.ToLower(name)
		case gate.NameOdd:
			return authz.Deny(authz.ReasonShapeAmbiguous, "a header's name is not a token")
		}
		if gate.BreaksLine(value) {
			return authz.Deny(authz.ReasonShapeAmbiguous, "a header's value has a line break or a NUL byte")
		}
		if name == gate.PartialBody {
			r.Body.Delivery = delivery(r.Body.Delivery, value)
			continue
		}
		kept = append(kept, authz.Field{Name: name, Value: value})
	}
	r.Header.Fields = kept
	return nil
}

// delivery returns what a line of the partial-body header says after before. A
// second line, even an equal one, is more than Envoy writes.
func delivery(before authz.Delivery, value string) authz.Delivery {
	switch {
	case before != authz.DeliveryUnsaid:
		return authz.DeliveryOdd
	case value == "false":
		return authz.DeliveryWhole
	case value == "true":
		return authz.DeliveryCut
	}
	return authz.DeliveryOdd
}

// ip returns the address of the peer, invalid if that is no IP connection or the
// text is not a plain address. Zones are refused before they are parsed, since
// netip keeps each that it sees.
func (a *address) ip() netip.Addr {
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	if a.which != socketAddress || len(a.socket) > longest || strings.IndexByte(a.socket, '%') >= 0 {
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(a.socket)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap()
}

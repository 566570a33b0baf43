package extauthz

import (
	"net/netip"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

const (
	// partialBody is what Envoy says of the body it buffered: "true" if there
	// is more than it sends us. A client's own header of that name is dropped
	// from the Check but not from what goes upstream.
	partialBody = "x-envoy-auth-partial-body"
	requestID   = "x-request-id"

	// maxCertificateBytes is the longest certificate that is looked at. One is
	// 2 KiB as a rule.
	maxCertificateBytes = 64 << 10
)

// fill makes r of what was decoded. It sets everything but Received, Gateway,
// Rules and Captures. The error is a denial.
func (c *checkRequest) fill(r *authz.Request) error {
	if !c.hasAttributes || !c.hasRequest || !c.hasHTTP {
		return authz.Deny(authz.ReasonBug, "the check describes no HTTP request")
	}
	h := &c.http
	r.Method, r.Scheme, r.Host, r.Path, r.Protocol = h.method, h.scheme, h.host, h.path, h.protocol
	r.Peer, r.Certificate = c.source.address.ip(), c.source.certificate
	r.Body = authz.Body{Raw: h.rawBody, Text: h.body, Size: max(h.size, -1)}
	if len(r.Certificate) > maxCertificateBytes {
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
		switch classify(name) {
		case nameLower:
		case nameUpper:
			name = strings.ToLower(name)
		case nameOdd:
			return authz.Deny(authz.ReasonShapeAmbiguous, "a header's name is not a token")
		}
		if breaksLine(value) {
			return authz.Deny(authz.ReasonShapeAmbiguous, "a header's value has a line break or a NUL byte")
		}
		if name == partialBody {
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

// A nameClass says how a header's name is spelt.
type nameClass uint8

const (
	nameOdd   nameClass = iota // not a token of RFC 9110, section 5.6.2
	nameUpper                  // a token with upper-case letters
	nameLower                  // a token without
)

// classify looks at a header's name. Envoy writes lower case; other gateways
// that speak its API may not, and a name means the same either way.
func classify(name string) nameClass {
	class := nameLower
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z' || c == '-' || '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z':
			class = nameUpper
		case strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0:
		default:
			return nameOdd
		}
	}
	if name == "" {
		return nameOdd
	}
	return class
}

// breaksLine reports whether value holds what no header line can: RFC 9110,
// section 5.5. A template that joins values by line breaks relies on it.
func breaksLine(value string) bool {
	return strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 || strings.IndexByte(value, 0) >= 0
}

// requestIDOf returns the gateway's id of the request, for the log. It is the
// sender's where the gateway lets it through.
func requestIDOf(h *authz.Header) string {
	value, presence := h.Line(requestID)
	if presence != authz.One {
		return ""
	}
	return value
}

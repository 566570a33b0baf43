package authztest

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Received returns when requests arrive unless something else is said.
func Received() time.Time { return time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC) }

// Request returns a request that came at [Received], whole over HTTP/1.1 from 203.0.113.7.
// header holds names and values in turn; body gives it a Content-Length.
func Request(method, target, body string, header ...string) *authz.Request {
	r := &authz.Request{
		Received: Received(),
		Method:   method, Scheme: "https", Host: "hooks.example.com", Path: target, Protocol: "HTTP/1.1",
		Peer:  netip.AddrFrom4([4]byte{203, 0, 113, 7}),
		Rules: authz.Rules{MaxBody: 1 << 20},
	}
	for i := 0; i+1 < len(header); i += 2 {
		AddHeader(r, header[i], header[i+1])
	}
	if body != "" {
		AddHeader(r, "content-length", strconv.Itoa(len(body)))
		r.Body = authz.Body{Raw: []byte(body), Size: int64(len(body)), Delivery: authz.DeliveryWhole}
	}
	return r
}

// AddHeader adds a header line to r.
func AddHeader(r *authz.Request, name, value string) {
	r.Header.Fields = append(r.Header.Fields, authz.Field{Name: strings.ToLower(name), Value: value})
}

package authztest

import (
	"fmt"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// Request returns the vector's request, as a gateway shows it that hands on
// header lines and body as they are. A new one each time.
func (v *Vector) Request() (*authz.Request, error) {
	r, err := parseRequest(v.Raw)
	if err != nil {
		return nil, fmt.Errorf("request.http: %w", err)
	}
	r.Received, r.Peer = v.Now, v.Peer
	r.Gateway.BodyRawFull = v.Gateway == "raw-full"
	return r, nil
}

// parseRequest reads a request in the form of HTTP/1.1 (RFC 9112), but with
// lines that end in a newline only. All that follows the first empty line is the
// body, whatever Content-Length says. It accepts one spelling: a name, a colon,
// a space and a value without blanks around it.
func parseRequest(raw string) (*authz.Request, error) {
	head, body, hasBody := strings.Cut(raw, "\n\n")
	if !hasBody {
		head = strings.TrimSuffix(raw, "\n")
	}
	lines := strings.Split(head, "\n")
	parts := strings.Split(lines[0], " ")
	if len(parts) != 3 || !isToken(parts[0]) || !strings.HasPrefix(parts[1], "/") || parts[2] != "HTTP/1.1" {
		return nil, fmt.Errorf("the first line is not a method, a path and HTTP/1.1")
	}
	r := &authz.Request{Method: parts[0], Scheme: "https", Path: parts[1], Protocol: parts[2], Body: authz.Body{Size: int64(len(body))}}
	if body != "" {
		r.Body.Raw, r.Body.Delivery = []byte(body), authz.DeliveryWhole
	}
	hosts := 0
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return nil, fmt.Errorf("header line %q is not name: value", line)
		}
		if value != "" && (value[0] != ' ' || strings.Trim(value[1:], " \t") != value[1:]) {
			return nil, fmt.Errorf("header line %q: want one space before the value and none after it", line)
		}
		value = strings.TrimPrefix(value, " ")
		if strings.ContainsFunc(value, isControl) {
			return nil, fmt.Errorf("header line %q holds a control character", line)
		}
		if strings.EqualFold(name, "host") {
			hosts++
			r.Host = value
			continue
		}
		AddHeader(r, name, value)
	}
	if hosts != 1 || r.Host == "" {
		return nil, fmt.Errorf("want one Host header")
	}
	return r, nil
}

// isControl reports whether r may not stand in a header's value (RFC 9110,
// section 5.5). A tab may.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

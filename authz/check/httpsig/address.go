package httpsig

import (
	"strings"
)

// An address is the one that the sender was given. The zero address is not known.
//
// The path of a request is the gateway's, byte for byte. What is made of it begins
// with the path of the address, where the gateway took that away.
type address struct {
	origin    string // scheme://host, as it is written
	prefix    string // the path, without a slash at its end
	scheme    string
	authority string // in lower case, without the scheme's own port
}

// parseAddress reads public_url. The settings' schema knows its characters.
func parseAddress(publicURL string) (address, bool) {
	name, rest, ok := strings.Cut(publicURL, "://")
	if !ok || name != "https" && name != "http" {
		return address{}, false
	}
	host, prefix := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, prefix = rest[:i], rest[i:]
	}
	if host == "" || !isVisible(host) || !isVisible(prefix) || strings.ContainsAny(publicURL, "?#@") {
		return address{}, false
	}
	port := ":443"
	if name == "http" {
		port = ":80"
	}
	return address{
		origin: name + "://" + host, prefix: strings.TrimRight(prefix, "/"), scheme: name,
		authority: strings.TrimSuffix(strings.ToLower(host), port),
	}, true
}

// value returns a component that only the address tells. Host and X-Forwarded-* are
// never read for it: the sender chooses them.
func (a *address) value(name, raw string) (string, error) {
	if a.origin == "" {
		return "", malformed("the signature covers our address, and the policy has no public_url")
	}
	switch name {
	case schemeName:
		return a.scheme, nil
	case authority:
		return a.authority, nil
	}
	target, err := a.relative(requestTarget, raw)
	return a.origin + target, err
}

// relative returns a component that is a part of the target (RFC 9421, sections 2.2.5
// to 2.2.7): the raw path, neither decoded nor cleaned, its query, or both.
func (a *address) relative(name, raw string) (string, error) {
	if !strings.HasPrefix(raw, "/") || !isVisible(raw) {
		return "", malformed("the path does not begin with a slash or is not visible ASCII")
	}
	bare, parameters, found := strings.Cut(raw, "?")
	switch name {
	case path:
		return a.prefix + bare, nil
	case query:
		return "?" + parameters, nil
	}
	if found {
		bare += "?" + parameters
	}
	return a.prefix + bare, nil
}

// isVisible reports whether text is visible ASCII.
func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

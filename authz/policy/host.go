package policy

import (
	"net/netip"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// maxHost is the length of the longest DNS name (RFC 1035, section 2.3.4).
const maxHost = 255

// plainHost returns the host of a Host header in lower case, without its port
// and a final dot, or [authz.ReasonHostAmbiguous]. An empty host is plain.
func plainHost(host string) (string, error) {
	if len(host) > maxHost+len(".:65535") {
		return "", authz.Deny(authz.ReasonHostAmbiguous, "the host is too long")
	}
	if strings.HasPrefix(host, "[") {
		return plainIPv6(host)
	}
	name, port, hasPort := strings.Cut(host, ":")
	if hasPort && !isPort(port) {
		return "", authz.Deny(authz.ReasonHostAmbiguous, "the host's port is not a number")
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" && host != "" || !isName(name) {
		return "", authz.Deny(authz.ReasonHostAmbiguous, "the host is not a plain name")
	}
	return strings.ToLower(name), nil
}

func plainIPv6(host string) (string, error) {
	literal, port, ok := strings.Cut(host[1:], "]")
	addr, err := netip.ParseAddr(literal)
	if !ok || err != nil || !addr.Is6() || addr.Zone() != "" || port != "" && (port[0] != ':' || !isPort(port[1:])) {
		return "", authz.Deny(authz.ReasonHostAmbiguous, "the host is not an IPv6 literal")
	}
	return "[" + addr.String() + "]", nil
}

func isPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= len("65535")
}

// isName reports whether s is labels of letters, digits, "-" and "_" apart by
// dots; the empty name is one.
func isName(s string) bool {
	label := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
		case unreserved(c) && c != '~':
			label++
		default:
			return false
		}
	}
	return s == "" || label > 0
}

// A hostSet is a set of host patterns with one value each: exact names, and
// "*." suffixes that match one label or more before them.
type hostSet[V any] struct {
	exact map[string]V
	// suffix is keyed with the leading dot, such as ".example.com".
	suffix map[string]V
}

// find returns the value of the most specific pattern that host matches: the
// exact name, else the longest suffix.
func (s *hostSet[V]) find(host string) (V, bool) {
	if v, ok := s.exact[host]; ok {
		return v, true
	}
	if len(s.suffix) > 0 {
		for i := 1; i < len(host); i++ {
			if host[i] != '.' {
				continue
			}
			if v, ok := s.suffix[host[i:]]; ok {
				return v, true
			}
		}
	}
	var none V
	return none, false
}

// slot returns the map and key that pattern is kept under. pattern was checked
// by hostFlaw.
func (s *hostSet[V]) slot(pattern string) (map[string]V, string) {
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		if s.suffix == nil {
			s.suffix = map[string]V{}
		}
		return s.suffix, rest
	}
	if s.exact == nil {
		s.exact = map[string]V{}
	}
	return s.exact, pattern
}

// hostFlaw says why pattern is no host pattern, "" if it is one.
func hostFlaw(pattern string) string {
	name := strings.TrimPrefix(pattern, "*.")
	plain, err := plainHost(name)
	switch {
	case name == "" || err != nil || strings.Contains(name, "*"):
		return `must be a host such as hooks.example.com, or "*." and a suffix`
	case plain != name:
		return "must be written in lower case, without port and trailing dot"
	case len(pattern) != len(name) && strings.HasPrefix(name, "["):
		return "an address has no suffix"
	}
	return ""
}

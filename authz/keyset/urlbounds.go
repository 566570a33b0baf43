package keyset

import (
	"slices"
	"strings"
)

// maxURL is how long a URL that a request names may be.
const maxURL = 1024

// permits reports whether a URL that a request names is within the entry's
// bounds. It does not parse the URL, so that no other reading of one can differ:
// it takes only what has nothing to read. Host and path are compared as they
// stand; user, port, query, fragment, escapes and segments that move elsewhere
// are not taken.
func (e *URLEntry) permits(url string, dev bool) bool {
	if len(url) > maxURL {
		return false
	}
	rest, ok := strings.CutPrefix(url, "https://")
	if !ok && dev {
		rest, ok = strings.CutPrefix(url, "http://")
	}
	slash := strings.IndexByte(rest, '/')
	if !ok || slash < 0 {
		return false
	}
	host, path := rest[:slash], rest[slash:]
	if dev {
		host = withoutPort(host)
	}
	return slices.Contains(e.Hosts, host) && e.permitsPath(path)
}

func (e *URLEntry) permitsPath(path string) bool {
	file, ok := strings.CutPrefix(path, e.PathPrefix)
	if !ok || !strings.HasSuffix(e.PathPrefix, "/") {
		return false
	}
	for segment := range strings.SplitSeq(file, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, isReserved) {
			return false
		}
	}
	return true
}

// isReserved reports whether r is none of the characters that mean nothing in a
// URL (RFC 3986, section 2.3).
func isReserved(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '.', r == '_', r == '~':
		return false
	}
	return true
}

// withoutPort returns host without a port of digits.
func withoutPort(host string) string {
	name, port, found := strings.Cut(host, ":")
	if !found || port == "" || strings.Trim(port, "0123456789") != "" {
		return host
	}
	return name
}

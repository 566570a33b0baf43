package template

import "strings"

// A base is the address that the sender was given. The values made of it are
//
//	{origin}      scheme://host, as public_url writes it
//	{path}        the prefix and the raw path up to its first "?"
//	{path_query}  the prefix and the raw path with its query
//	{url}         {origin}{path_query}
//
// where the prefix is the path of public_url without a slash at its end. The
// path is the gateway's, byte for byte: neither decoded nor cleaned. It must
// begin with a slash and be of visible ASCII, else it is malformed. Host and
// X-Forwarded-* are never read, since the sender chooses them.
type base struct {
	origin, prefix string
	ok             bool
}

func parseBase(publicURL string) base {
	scheme, rest, ok := strings.Cut(publicURL, "://")
	if !ok || (scheme != "https" && scheme != "http") {
		return base{}
	}
	host, prefix := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, prefix = rest[:i], rest[i:]
	}
	hosts := union(letters(), digits(), of("._:[]-"))
	paths := union(letters(), digits(), of("._~/%-"))
	if host == "" || !hosts.contains(of(host)) || !paths.contains(of(prefix)) {
		return base{}
	}
	return base{origin: scheme + "://" + host, prefix: strings.TrimRight(prefix, "/"), ok: true}
}

// of returns what stands before the request's path in a value.
func (b *base) of(src source) string {
	switch src {
	case sourceURL:
		return b.origin + b.prefix
	case sourceOrigin:
		return b.origin
	case sourcePath, sourcePathQuery:
		return b.prefix
	default:
		return ""
	}
}

package keyset

import (
	"net/url"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A metadata is what we need of an issuer's document.
type metadata struct {
	keys string    // URL of its keys
	read time.Time // zero if it was not read
}

// wellKnown returns the URLs at which an issuer may have its document, in the
// order to try: of OpenID Connect Discovery 1.0, section 4, which appends to the
// issuer, and of RFC 8414, section 3.1, which inserts before its path.
func wellKnown(issuer string) []string {
	bare := strings.TrimSuffix(issuer, "/")
	urls := []string{bare + "/.well-known/openid-configuration"}
	if u, err := url.Parse(bare); err == nil {
		urls = append(urls, u.Scheme+"://"+u.Host+"/.well-known/oauth-authorization-server"+u.EscapedPath())
	}
	return urls
}

// parseMetadata returns the URL of the issuer's keys. The document must be of
// that issuer, to the character (RFC 8414, section 3.3): otherwise one tenant of
// a host could speak for another.
func parseMetadata(text []byte, issuer string, dev bool) (keys string, cause Cause) {
	members, err := jose.ParseClaims(text)
	if err != nil {
		return "", CauseMalformed
	}
	if name, ok := members.Text("issuer"); !ok || name != issuer {
		return "", CauseIssuer
	}
	keys, _ = members.Text("jwks_uri")
	u, err := url.Parse(keys)
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && dev)
	if !secure || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return "", CauseJWKSURI
	}
	return keys, ""
}

package keyset

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
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
	members, err := texts(text, "issuer", "jwks_uri")
	switch {
	case err != nil:
		return "", CauseMalformed
	case members["issuer"] != issuer:
		return "", CauseIssuer
	}
	keys = members["jwks_uri"]
	u, err := url.Parse(keys)
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && dev)
	if !secure || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return "", CauseJWKSURI
	}
	return keys, ""
}

var errDocument = errors.New("not a JSON object with the members it must have")

// texts returns members of one JSON object that must be strings. A name that
// stands twice, whatever its case, is an error.
func texts(text []byte, names ...string) (map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, errDocument
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errDocument
	}
	seen, found := map[string]bool{}, map[string]string{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || seen[strings.ToLower(name)] || dec.Decode(&value) != nil {
			return nil, errDocument
		}
		seen[strings.ToLower(name)] = true
		for _, wanted := range names {
			var s string
			if name == wanted && value[0] == '"' && json.Unmarshal(value, &s) == nil {
				found[name] = s
			}
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errDocument
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errDocument
	}
	return found, nil
}

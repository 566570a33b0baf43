package token

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Bounds of a request's body.
const (
	maxBody       = 16 << 10
	maxParameters = 32
)

// A form holds the parameters of a request. One without a value is not in it, as
// RFC 6749, section 3.2, has it.
type form map[string]string

// readForm reads the body of r, which must be a form.
func readForm(w http.ResponseWriter, r *http.Request) (form, *refusal) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return nil, badRequest("parameters belong in the body, not in the URL")
	}
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return nil, badRequest("want one Content-Type: application/x-www-form-urlencoded")
	}
	if media, _, err := mime.ParseMediaType(types[0]); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, badRequest("want Content-Type: application/x-www-form-urlencoded")
	}
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, badRequest("the body must not be compressed")
	}
	tooLarge := badRequest("the body is over 16 KiB")
	tooLarge.status = http.StatusRequestEntityTooLarge
	if r.ContentLength > maxBody {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if len(body) >= maxBody {
			return nil, tooLarge
		}
		return nil, badRequest("the body could not be read")
	}
	return parseForm(string(body))
}

// parseForm reads application/x-www-form-urlencoded text strictly: each name once,
// UTF-8, no control characters. Texts that it takes have one meaning to all
// parsers.
func parseForm(text string) (form, *refusal) {
	if strings.Count(text, "&") >= maxParameters {
		return nil, badRequest("too many parameters")
	}
	if strings.Contains(text, ";") { // it once meant the same as "&"
		return nil, badRequest("a semicolon must be written as %3B")
	}
	found, seen := form{}, map[string]bool{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, ok := unescape(rawName)
		value, also := unescape(rawValue)
		switch {
		case !ok || !also:
			return nil, badRequest("the body is not form-encoded UTF-8 without control characters")
		case seen[name]:
			return nil, badRequest("a parameter stands more than once")
		}
		seen[name] = true
		if value != "" {
			found[name] = value
		}
	}
	return found, nil
}

// unescape undoes form encoding.
func unescape(text string) (string, bool) {
	plain, err := url.QueryUnescape(text)
	if err != nil || !utf8.ValidString(plain) {
		return "", false
	}
	for i := range len(plain) {
		if plain[i] < ' ' || plain[i] == 0x7f {
			return "", false
		}
	}
	return plain, true
}

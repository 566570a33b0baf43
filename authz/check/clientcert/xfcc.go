package clientcert

import (
	"slices"
	"strings"
)

// maxPairs is how many keys an element of the header may have. Envoy writes
// seven and repeats some for each name of the certificate.
const maxPairs = 128

// A pair is a key of X-Forwarded-Client-Cert with its value, without the quotes.
type pair struct{ key, value string }

// parseXFCC reads X-Forwarded-Client-Cert, which must have one element: with
// SANITIZE_SET there is only Envoy's own. An element is key=value pairs joined by
// ";". A value that is quoted ends at the next quote without a backslash.
//
// Known are the keys that Envoy documents, spelt as it spells them. By, URI and
// DNS may be repeated, since a certificate may have several such names.
func parseXFCC(value string) ([]pair, error) {
	var pairs []pair
	for rest := value; ; rest = rest[1:] {
		key, after, ok := strings.Cut(rest, "=")
		if !ok || !isKey(key) {
			return nil, malformed("header " + header + " holds something other than the keys that Envoy writes")
		}
		_, repeated := valueOf(pairs, key)
		if repeated && key != "By" && key != "URI" && key != "DNS" {
			return nil, malformed("header " + header + " has a key twice")
		}
		if len(pairs) == maxPairs {
			return nil, malformed("header " + header + " has too many keys")
		}
		var text string
		text, rest, ok = cutValue(after)
		if !ok {
			return nil, malformed("header " + header + " has a value that is not quoted right")
		}
		pairs = append(pairs, pair{key, text})
		switch {
		case rest == "":
			return pairs, nil
		case rest[0] == ',':
			return nil, malformed("header " + header + " has more than one element: state gateway.xfcc only with SANITIZE_SET")
		}
	}
}

func isKey(key string) bool {
	return slices.Contains([]string{"By", "Hash", "Cert", "Chain", "Subject", "URI", "DNS"}, key)
}

// valueOf returns the value of the first pair of key.
func valueOf(pairs []pair, key string) (string, bool) {
	for i := range pairs {
		if pairs[i].key == key {
			return pairs[i].value, true
		}
	}
	return "", false
}

// cutValue splits text behind its first value. rest is empty or begins with the
// ";" or "," that ends the value.
func cutValue(text string) (value, rest string, ok bool) {
	if strings.HasPrefix(text, `"`) {
		return cutQuoted(text[1:])
	}
	end := strings.IndexAny(text, ";,")
	if end < 0 {
		end = len(text)
	}
	for i := range end {
		if c := text[i]; c <= ' ' || c > '~' || c == '"' {
			return "", "", false
		}
	}
	return text[:end], text[end:], true
}

// cutQuoted is cutValue behind the opening quote. \" and \\ stand for the
// character behind the backslash; any other backslash is kept, since the escapes
// of a distinguished name (RFC 4514) are part of the value.
func cutQuoted(text string) (value, rest string, ok bool) {
	escaped := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return "", "", false
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			escaped = true
			i++
		case c == '"':
			value, rest = text[:i], text[i+1:]
			if escaped {
				value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(value)
			}
			return value, rest, rest == "" || rest[0] == ';' || rest[0] == ','
		}
	}
	return "", "", false
}

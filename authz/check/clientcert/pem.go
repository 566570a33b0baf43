package clientcert

import (
	"bytes"
	"encoding/base64"
)

// The lines around a certificate (RFC 7468, section 5), and how long the lines
// between them are.
const (
	beginLine = "-----BEGIN CERTIFICATE-----\n"
	endLine   = "-----END CERTIFICATE-----"
	lineChars = 64
)

// decodeCertificates returns the DER of the certificates in text, which is PEM,
// URL-encoded. There must be at least one and at most most.
//
// It takes what OpenSSL writes and nothing near it: no blanks, no other line
// ends, no text around the blocks, no base64 with stray bits. Only the very last
// line end may be missing.
func decodeCertificates(text string, most int) (ders [][]byte, ok bool) {
	rest, ok := unescape(text)
	if !ok {
		return nil, false
	}
	for len(rest) > 0 {
		body, found := bytes.CutPrefix(rest, []byte(beginLine))
		end := bytes.Index(body, []byte("\n"+endLine))
		if !found || end < 0 || len(ders) == most {
			return nil, false
		}
		der, ok := decodeLines(body[:end])
		if !ok {
			return nil, false
		}
		ders = append(ders, der)
		rest = body[end+1+len(endLine):]
		if len(rest) > 0 && rest[0] != '\n' {
			return nil, false
		}
		if len(rest) > 0 {
			rest = rest[1:]
		}
	}
	return ders, len(ders) > 0
}

// decodeLines decodes base64 in lines of 64 characters, the last of which may be
// shorter. It overwrites body.
func decodeLines(body []byte) ([]byte, bool) {
	kept := body[:0]
	for i, c := range body {
		if (i%(lineChars+1) == lineChars) != (c == '\n') || c == '\r' {
			return nil, false
		}
		if c != '\n' {
			kept = append(kept, c)
		}
	}
	if len(body) == 0 || len(body)%(lineChars+1) == 0 {
		return nil, false // nothing, or nothing on the last line
	}
	der := make([]byte, base64.StdEncoding.DecodedLen(len(kept)))
	n, err := base64.StdEncoding.Strict().Decode(der, kept)
	return der[:n:n], err == nil
}

// unescape decodes the percent-encoding of text (RFC 3986, section 2.1): '+' is
// itself. What is not encoded must be printable ASCII.
func unescape(text string) ([]byte, bool) {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2]) {
				return nil, false
			}
			c = unhex(text[i+1])<<4 | unhex(text[i+2])
			i += 2
		} else if c <= ' ' || c > '~' {
			return nil, false
		}
		plain = append(plain, c)
	}
	return plain, true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// unhex returns the value of a hex digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

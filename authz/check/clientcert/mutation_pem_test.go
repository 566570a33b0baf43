package clientcert_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// How a certificate is written as text.

func pemText(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// escape writes text URL-encoded, in one of the ways that mean the same.
func (p *play) escape(text string) string {
	must := "\n \"%"
	also := authztest.Pick(p.Rand, "", "+/=", "-", "ABCDEFabcdef0123456789")
	format := authztest.Pick(p.Rand, "%%%02X", "%%%02x")
	var escaped strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(must, c) >= 0 || strings.IndexByte(also, c) >= 0 {
			fmt.Fprintf(&escaped, format, c)
		} else {
			escaped.WriteByte(c)
		}
	}
	return escaped.String()
}

// text writes one certificate, often not as it must be.
func (p *play) text(der []byte) (text, done string) {
	right := pemText(der)
	body := base64.StdEncoding.EncodeToString(der)
	const begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
	if p.IntN(3) > 0 {
		return p.escape(right), ""
	}
	switch p.IntN(18) {
	case 0:
		return p.escape(strings.TrimSuffix(right, "\n")), "no line end"
	case 1:
		return p.escape(strings.ReplaceAll(right, "\n", "\r\n")), "!CRLF"
	case 2:
		return p.escape(begin + body + "\n" + end), "!one line"
	case 3:
		return p.escape(right + right), "!twice"
	case 4:
		return p.escape(authztest.Pick(p.Rand, "x", "\n", " ", "# comment\n", "\ufeff") + right), "!text before"
	case 5:
		return p.escape(right + authztest.Pick(p.Rand, "x", "\n", " ", "\x00", "-----")), "!text behind"
	case 6:
		return p.escape(strings.ReplaceAll(right, "CERTIFICATE", authztest.Pick(p.Rand, "TRUSTED CERTIFICATE", "X509 CERTIFICATE", "certificate", "CERTIFICATE ", "PUBLIC KEY"))), "!label"
	case 7:
		return p.escape(begin + "A: b\n\n" + strings.TrimPrefix(right, begin)), "!header"
	case 8:
		return url.QueryEscape(p.escape(right)), "!encoded twice"
	case 9:
		return strings.Replace(p.escape(right), "%0", authztest.Pick(p.Rand, "%", "%%0", "%0g", "% 0", "%u000"), 1), "!escape"
	case 10:
		return right, "!not encoded"
	case 11:
		return strings.NewReplacer("\n", "%0A", " ", "+").Replace(right), "!plus"
	case 12:
		i := len(begin) + p.IntN(len(right)-len(begin)-len(end)-1)
		return p.escape(right[:i] + authztest.Pick(p.Rand, "=", "\n", " ", "-", "_", "\x00", "é") + right[i:]), "!inside"
	case 13:
		der, done := p.tamper(der)
		return p.escape(pemText(der)), done
	case 14:
		return p.escape(body), "!no PEM"
	case 15:
		return "", "!empty"
	case 16: // bits that decoding drops
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		if i := strings.Index(right, "="); i > 0 {
			return p.escape(right[:i-1] + string(alphabet[strings.IndexByte(alphabet, right[i-1])|1]) + right[i:]), "!stray bits"
		}
		return p.escape(right), ""
	}
	return p.escape(pemText(p.chain[0].cert.Raw)), "!another certificate"
}

// tamper changes the bytes of a certificate, which nobody signed then.
func (p *play) tamper(der []byte) (changed []byte, done string) {
	i := p.IntN(len(der))
	switch p.IntN(4) {
	case 0:
		return append(slices.Clone(der), 0), "!tail"
	case 1:
		return der[:i], "!cut"
	case 2:
		return slices.Insert(slices.Clone(der), i, byte(p.IntN(256))), "!a byte more"
	}
	changed = slices.Clone(der)
	changed[i] ^= 1 << p.IntN(8)
	return changed, "!a bit"
}

package clientcert_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// How a certificate is shown in a request.

// present returns a request that shows the certificate, and what was done to it:
// with a "!" it must be denied, with "alone" nothing is shown besides.
func (p *play) present() (r *authz.Request, done string) {
	if p.settings.GetSource() == "connection" {
		r = authztest.Request("POST", "/h", "body")
		if p.IntN(4) == 0 { // a header that says other things counts for nothing
			authztest.AddHeader(r, "x-forwarded-client-cert", forwarded(p.chain[0].node))
		}
		r.Certificate, done = p.text(p.leaf.cert.Raw)
		return r, "alone " + done
	}
	if p.last != nil && p.IntN(3) == 0 { // the same header as before, which is remembered
		again := *p.last
		if p.IntN(2) == 0 {
			again.Certificate = p.escape(pemText(p.chain[0].cert.Raw))
			return &again, p.lastDone + ", again, !another one on the connection"
		}
		return &again, p.lastDone + ", again"
	}
	p.last, p.lastDone = p.header()
	again := *p.last
	return &again, p.lastDone
}

// header shows the certificate in X-Forwarded-Client-Cert.
func (p *play) header() (r *authz.Request, done string) {
	ders := [][]byte{p.leaf.cert.Raw}
	for _, f := range p.shown {
		ders = append(ders, f.cert.Raw)
	}
	chain := ""
	for _, der := range ders {
		chain += pemText(der)
	}
	cert, hash := pemText(ders[0]), hexSum(ders[0])
	other := p.chain[0].cert.Raw
	pairs := []string{"Hash=" + hash, `Cert="` + p.escape(cert) + `"`, `Chain="` + p.escape(chain) + `"`, `Subject="CN=\"a\\,b;c\""`, "URI=spiffe://example.org/gateway", "By=", "DNS=" + goodDNS, "DNS=x"}
	lines := 1
	beside := ""
	switch p.IntN(50) {
	case 0:
		pairs, done = slices.Delete(pairs, 1, 2), "chain only"
	case 1:
		pairs, done = slices.Delete(pairs, 2, 3), "alone, cert only"
	case 2:
		p.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		done = "order of the keys"
	case 3:
		pairs[1], done = "Cert="+p.escape(cert), "no quotes"
	case 4:
		beside, done = p.escape(cert), "on the connection too"
	case 5:
		beside, done = p.escape(pemText(other)), "!another one on the connection"
	case 6:
		pairs[0], done = "Hash="+strings.ToUpper(hash), "!hash in upper case"
		if strings.ToUpper(hash) == hash {
			done = ""
		}
	case 7:
		pairs[0], done = authztest.Pick(p.Rand, "Hash=", "Hash="+hexSum(other), "Hash="+hash[1:], "Hash="+hash+"0", "hash="+hash, "Hash=0x"+hash, "Hash=sha256:"+hash), "!hash"
	case 8:
		i := p.IntN(4)
		pairs, done = append(pairs, pairs[i]), "!a key twice"
	case 9:
		pairs[1], done = `Cert="`+p.escape(pemText(other))+`"`, "!cert of another"
	case 10:
		pairs[2], done = `Chain="`+p.escape(pemText(other)+chain)+`"`, "!chain of another"
	case 11:
		pairs, done = append(pairs, authztest.Pick(p.Rand, "Issuer=x", "", " ", "cert=x", "Cert", "X=\"", "URI=\"", "URI=a b", "URI=\x00", "DNS=ä", "URI=a\"b")), "!another key"
	case 12:
		pairs[len(pairs)-1], done = pairs[len(pairs)-1]+","+strings.Join(pairs, ";"), "!two elements"
	case 13:
		lines, done = 2, "!two lines"
	case 14:
		lines, done = 0, "!no line"
	case 15:
		der, what := p.tamper(ders[0])
		done = what
		pairs = []string{"Hash=" + hexSum(der), `Cert="` + p.escape(pemText(der)) + `"`, `Chain="` + p.escape(pemText(der)+strings.TrimPrefix(chain, cert)) + `"`}
	case 16, 17:
		text, what := p.text(ders[0])
		pairs, done = []string{"Hash=" + hash, `Cert="` + text + `"`}, "alone "+what
	case 18:
		pairs[4], done = "URI=spiffe://example.org/a;URI=spiffe://example.org/b", "more names"
	case 19:
		pairs, done = append(pairs, "URI="+strings.Repeat("a", 64<<10)), "!long"
	}
	value := strings.Join(pairs, ";")
	r = authztest.Request("POST", "/h", "body")
	for range lines {
		authztest.AddHeader(r, "x-forwarded-client-cert", value)
	}
	r.Certificate, r.Gateway.XFCCSanitized, r.Header.Merged = beside, true, p.IntN(3) == 0
	if p.IntN(40) == 0 {
		r.Gateway.XFCCSanitized = false
		done += " !not sanitized"
	}
	return r, done
}

func hexSum(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

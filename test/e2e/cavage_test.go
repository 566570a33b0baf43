//go:build e2e

package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A draftSigner signs HTTP messages as the draft before the RFC has it.
type draftSigner struct {
	keyid, alg string
	headers    []string
	created    int64 // 0: not said
	sign       func(message []byte) []byte
}

// text returns what stands in the header that holds the signature.
func (d draftSigner) text(r request) string {
	lines := make([]string, len(d.headers))
	for i, name := range d.headers {
		value := r.value(http.CanonicalHeaderKey(name))
		switch name {
		case "(request-target)":
			value = strings.ToLower(r.verb()) + " " + r.path
		case "(created)":
			value = fmt.Sprint(d.created)
		case "host":
			value = r.authority()
		}
		lines[i] = name + ": " + value
	}
	text := fmt.Sprintf(`keyId=%q,algorithm=%q,headers=%q`, d.keyid, d.alg, strings.Join(d.headers, " "))
	if d.created != 0 {
		text += fmt.Sprintf(",created=%d", d.created)
	}
	return text + fmt.Sprintf(`,signature="%s"`, std64(hushed(d.sign([]byte(strings.Join(lines, "\n"))))))
}

// The draft that some gateways still write, in both headers.
func TestHTTPSignatureDraft(t *testing.T) {
	p := proofs()
	sum := func(body []byte) string {
		digest := sha256.Sum256(body)
		return "SHA-256=" + std64(digest[:])
	}
	dated := func(at time.Time) request {
		return request{path: "/e2e/hs-cavage", body: event}.with("Date", at.UTC().Format(http.TimeFormat)).with("Digest", sum(event))
	}
	d := draftSigner{
		keyid: "hs-rsa", alg: "rsa-sha256", headers: []string{"(request-target)", "host", "date", "digest"},
		sign: func(message []byte) []byte { return pkcs1(p.pairs["hs-rsa"], message) },
	}
	signed := func(r request, d draftSigner) request { return r.with("Signature", d.text(r)) }
	good := signed(dated(time.Now()), d)
	seen, decision := p.allowed(t, p.send(t, good))
	if string(seen.body) != string(event) || decision.Principal == "" {
		t.Errorf("principal %q, or another body", decision.Principal)
	}
	hs2019 := d
	hs2019.alg = "hs2019"
	p.allowed(t, p.send(t, signed(dated(time.Now()), hs2019)))

	stranger, fewer, nobody := d, d, d
	pair := newPair(t, "rsa")
	stranger.sign = func(message []byte) []byte { return pkcs1(pair, message) }
	fewer.headers, nobody.keyid = d.headers[:3], "nobody's"
	changed, put, elsewhere := good, good, good
	changed.body, put.method, elsewhere.host = paid, "PUT", "elsewhere.example.com"
	for _, tt := range []struct {
		name    string
		request request
		reason  authz.Reason // bug: any that is the sender's mistake
	}{
		{name: "another body", request: changed},
		{name: "another body with its digest", request: changed.replaced("Digest", sum(paid)), reason: authz.ReasonSignatureMismatch},
		{name: "another method", request: put, reason: authz.ReasonSignatureMismatch},
		{name: "another host", request: elsewhere, reason: authz.ReasonSignatureMismatch},
		{name: "another query", request: good.to("/e2e/hs-cavage?x=1"), reason: authz.ReasonSignatureMismatch},
		{name: "another key", request: signed(dated(time.Now()), stranger), reason: authz.ReasonSignatureMismatch},
		{name: "a key of nobody", request: signed(dated(time.Now()), nobody), reason: authz.ReasonKidUnknown},
		{name: "fewer headers", request: signed(dated(time.Now()), fewer)},
		{name: "stale", request: signed(dated(time.Now().Add(-10*time.Minute)), d), reason: authz.ReasonTimestampStale},
		{name: "from the future", request: signed(dated(time.Now().Add(10*time.Minute)), d), reason: authz.ReasonTimestampFuture},
		{name: "missing", request: good.without("Signature"), reason: authz.ReasonCredentialMissing},
		{name: "twice", request: good.with("Signature", good.value("Signature"))},
		{name: "the digest twice", request: good.with("Digest", sum(paid))},
		{name: "a field twice", request: good.replaced("Signature", good.value("Signature")+`,keyId="hs-rsa"`)},
		{name: "no grammar", request: good.replaced("Signature", "x")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := p.send(t, tt.request)
			if tt.reason == authz.ReasonBug {
				p.closed(t, tt.name, got)
				return
			}
			p.denied(t, got, 401, tt.reason)
		})
	}

	other := draftSigner{
		keyid: "hs-ed", alg: "hs2019", headers: []string{"(request-target)", "(created)", "digest"}, created: time.Now().Unix(),
		sign: func(message []byte) []byte { return ed25519Sign(p.pairs["hs-ed"], message) },
	}
	start := request{path: "/e2e/hs-cavage-authorization", body: event}.with("Digest", sum(event))
	p.allowed(t, p.send(t, start.with("Authorization", "Signature "+other.text(start))))
	p.denied(t, p.send(t, start.with("Signature", other.text(start))), 401, authz.ReasonCredentialMissing)
	late := other
	late.created -= 600
	p.denied(t, p.send(t, start.with("Authorization", "Signature "+late.text(start))), 401, authz.ReasonTimestampStale)
}

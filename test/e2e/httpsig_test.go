//go:build e2e

package e2e

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A messageSigner signs HTTP messages (RFC 9421), writing every line of what is
// signed by hand.
type messageSigner struct {
	label, keyid, alg string
	components        []string
	values            map[string]string // of components that are no header
	parameters        string            // after created and keyid, such as `;nonce="n"`
	created           time.Time
	undated           bool
	sign              func(message []byte) []byte
}

// request returns r signed.
func (m messageSigner) request(r request) request {
	var base strings.Builder
	quoted := make([]string, len(m.components))
	for i, name := range m.components {
		quoted[i] = `"` + name + `"`
		value, ok := m.values[name]
		if !ok {
			value = r.value(http.CanonicalHeaderKey(name))
		}
		fmt.Fprintf(&base, "%s: %s\n", quoted[i], value)
	}
	input := "(" + strings.Join(quoted, " ") + ")"
	if !m.undated {
		input += fmt.Sprintf(";created=%d", m.created.Unix())
	}
	if m.keyid != "" {
		input += fmt.Sprintf(";keyid=%q", m.keyid)
	}
	if m.alg != "" {
		input += fmt.Sprintf(";alg=%q", m.alg)
	}
	input += m.parameters
	fmt.Fprintf(&base, "\"@signature-params\": %s", input)
	return r.with("Signature-Input", m.label+"="+input).with("Signature", m.label+"=:"+std64(hushed(m.sign([]byte(base.String()))))+":")
}

// digest is a Content-Digest (RFC 9530).
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + std64(sum[:]) + ":"
}

// described is a request that says what its body's digest is.
func described(policy string, body []byte) request {
	return request{path: "/e2e/" + policy, body: body}.with("Content-Type", "application/json").with("Content-Digest", digest(body))
}

// rfc9421 is how a sender of hs-rfc9421 signs.
func (p *proofWorld) rfc9421(policy string) messageSigner {
	return messageSigner{
		label: "sig1", keyid: "hs-ed", created: time.Now(),
		components: []string{"@method", "@path", "content-digest", "content-type"},
		values:     map[string]string{"@method": "POST", "@path": "/e2e/" + policy},
		sign:       func(message []byte) []byte { return ed25519Sign(p.pairs["hs-ed"], message) },
	}
}

func pss512(pair crypto.Signer, message []byte) []byte {
	sum := sha512.Sum512(message)
	signature, _ := pair.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: 64, Hash: crypto.SHA512})
	return signature
}

// Signatures over chosen parts of the message.
func TestHTTPSignature(t *testing.T) {
	p := proofs()
	const policy = "hs-rfc9421"
	m := p.rfc9421(policy)
	good := m.request(described(policy, event))
	byRSA := m
	byRSA.keyid, byRSA.alg = "hs-rsa", "rsa-pss-sha512"
	byRSA.sign = func(message []byte) []byte { return pss512(p.pairs["hs-rsa"], message) }
	with := func(change func(m *messageSigner)) request {
		changed := m
		changed.values = maps.Clone(m.values)
		change(&changed)
		return changed.request(described(policy, event))
	}
	for name, r := range map[string]request{
		"Ed25519":  good,
		"PSS":      byRSA.request(described(policy, event)),
		"alg said": with(func(m *messageSigner) { m.alg = "ed25519" }),
		"more than required": with(func(m *messageSigner) {
			m.components = append(slices.Clone(m.components), "@query")
			m.values["@query"] = "?"
		}),
		"in another order": with(func(m *messageSigner) { m.components = []string{"content-type", "content-digest", "@path", "@method"} }),
		"nonce and expires": with(func(m *messageSigner) {
			m.parameters = fmt.Sprintf(`;nonce="n-1";expires=%d`, time.Now().Add(time.Minute).Unix())
		}),
	} {
		t.Run(name, func(t *testing.T) {
			seen, d := p.allowed(t, p.send(t, r))
			if string(seen.body) != string(event) || d.Policy != policy || d.Principal == "" {
				t.Errorf("policy %q, principal %q, or another body", d.Policy, d.Principal)
			}
		})
	}
	changed, put := good, good
	changed.body, put.method = paid, "PUT"
	stranger := newPair(t, "ed25519")
	line := func(name string) string { return good.value(name) }
	for _, tt := range []struct {
		name    string
		request request
		reason  authz.Reason // bug: any that is the sender's mistake
	}{
		{name: "another body", request: changed},
		{name: "another body with its digest", request: func() request { r := changed; return r.replaced("Content-Digest", digest(paid)) }(), reason: authz.ReasonSignatureMismatch},
		{name: "a digest that binds nothing", request: m.request(described(policy, event).replaced("Content-Digest", "md5=:"+std64(make([]byte, 16))+":"))},
		{name: "an empty digest", request: m.request(described(policy, event).replaced("Content-Digest", ""))},
		{name: "the other body's digest, signed", request: m.request(described(policy, event).replaced("Content-Digest", digest(paid)))},
		{name: "another method", request: put, reason: authz.ReasonSignatureMismatch},
		{name: "another type", request: good.replaced("Content-Type", "text/plain"), reason: authz.ReasonSignatureMismatch},
		{name: "another key", request: with(func(m *messageSigner) { m.sign = func(message []byte) []byte { return ed25519Sign(stranger, message) } }), reason: authz.ReasonSignatureMismatch},
		{name: "another key's name", request: with(func(m *messageSigner) { m.keyid = "hs-rsa" })},
		{name: "a key of nobody", request: with(func(m *messageSigner) { m.keyid = "nobody's" }), reason: authz.ReasonKidUnknown},
		{name: "another algorithm said", request: with(func(m *messageSigner) { m.alg = "rsa-pss-sha512" })},
		{name: "an algorithm that is not listed", request: with(func(m *messageSigner) { m.alg = "hmac-sha256" }), reason: authz.ReasonAlgNotAllowed},
		{name: "neither header", request: good.without("Signature").without("Signature-Input"), reason: authz.ReasonCredentialMissing},
		{name: "no signature", request: good.without("Signature")},
		{name: "no input", request: good.without("Signature-Input")},
		{name: "two signatures of one label", request: good.with("Signature", line("Signature"))},
		{name: "two inputs of one label", request: good.with("Signature-Input", line("Signature-Input"))},
		{name: "another label", request: good.replaced("Signature", "sig2"+strings.TrimPrefix(line("Signature"), "sig1"))},
		{name: "a part stripped", request: with(func(m *messageSigner) { m.components = m.components[:2] })},
		{name: "a part that is not there", request: good.without("Content-Digest")},
		{name: "a part twice", request: with(func(m *messageSigner) { m.components = append(slices.Clone(m.components), "@method") })},
		{name: "the header of a part twice", request: good.with("Content-Digest", digest(paid))},
		{name: "a part that nobody knows", request: with(func(m *messageSigner) {
			m.components = append(slices.Clone(m.components), "@body")
			m.values["@body"] = "x"
		})},
		{name: "a parameter that nobody knows", request: with(func(m *messageSigner) { m.parameters = `;x=?0;created=1` })},
		{name: "stale", request: with(func(m *messageSigner) { m.created = time.Now().Add(-10 * time.Minute) }), reason: authz.ReasonTimestampStale},
		{name: "from the future", request: with(func(m *messageSigner) { m.created = time.Now().Add(10 * time.Minute) }), reason: authz.ReasonTimestampFuture},
		{name: "undated", request: with(func(m *messageSigner) { m.undated = true })},
		{name: "expired", request: with(func(m *messageSigner) {
			m.parameters = fmt.Sprintf(";expires=%d", time.Now().Add(-2*time.Minute).Unix())
		})},
		{name: "no structured field", request: good.replaced("Signature-Input", "sig1=(")},
		{name: "a signature cut", request: good.replaced("Signature", line("Signature")[:40]+":")},
		{name: "a signature that is text", request: good.replaced("Signature", `sig1="x"`)},
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
}

// The URL as the sender was given it, a label and a tag, and a shared key.
func TestHTTPSignatureSettings(t *testing.T) {
	p := proofs()
	public := p.rfc9421("hs-public")
	public.label, public.parameters = "webhook", `;nonce="n-1";tag="order-events"`
	public.components = []string{"@method", "@target-uri", "content-digest"}
	public.values = map[string]string{"@method": "POST", "@target-uri": "https://hooks.example.com/e2e/hs-public?page=2"}
	start := described("hs-public", event).to("/e2e/hs-public?page=2")
	good := public.request(start)
	p.allowed(t, p.send(t, good))
	// What a proxy signed beside it is none of ours.
	input, signature := good.value("Signature-Input"), good.value("Signature")
	p.allowed(t, p.send(t, good.replaced("Signature-Input", `proxy=("@method");created=1, `+input).replaced("Signature", "proxy=:AAAA:, "+signature)))
	changed := func(change func(m *messageSigner)) request {
		m := public
		m.values = maps.Clone(public.values)
		change(&m)
		return m.request(start)
	}
	anotherHost := good
	anotherHost.host = "elsewhere.example.com"
	p.allowed(t, p.send(t, anotherHost)) // the Host header says nothing
	for name, r := range map[string]request{
		"another page":    good.to("/e2e/hs-public?page=3"),
		"without a query": good.to("/e2e/hs-public"),
		"another host":    changed(func(m *messageSigner) { m.values["@target-uri"] = "https://elsewhere.example.com/e2e/hs-public?page=2" }),
		"another tag":     changed(func(m *messageSigner) { m.parameters = `;nonce="n-1";tag="other-events"` }),
		"no tag":          changed(func(m *messageSigner) { m.parameters = `;nonce="n-1"` }),
		"no nonce":        changed(func(m *messageSigner) { m.parameters = `;tag="order-events"` }),
		"another label":   changed(func(m *messageSigner) { m.label = "sig1" }),
	} {
		p.closed(t, name, p.send(t, r))
	}

	shared := p.rfc9421("hs-hmac")
	shared.keyid, shared.components = "partner", []string{"@method", "@path", "content-digest"}
	byMAC := func(key string) func([]byte) []byte {
		return func(message []byte) []byte {
			m := hmac.New(sha256.New, []byte(key))
			m.Write(message)
			return m.Sum(nil)
		}
	}
	shared.sign = byMAC(key("hs-mac"))
	p.allowed(t, p.send(t, shared.request(described("hs-hmac", event))))
	wrong := shared
	wrong.sign = byMAC("not-the-key-of-anybody-at-all")
	p.denied(t, p.send(t, wrong.request(described("hs-hmac", event))), 401, authz.ReasonSignatureMismatch)
	wrong = shared
	wrong.keyid = "somebody"
	p.denied(t, p.send(t, wrong.request(described("hs-hmac", event))), 401, authz.ReasonKidUnknown)
	// A public key is no shared one.
	wrong = p.rfc9421("hs-rfc9421")
	wrong.alg, wrong.sign = "hmac-sha256", byMAC(publicPEM(p.pairs["hs-ed"]))
	p.closed(t, "HMAC under the public key", p.send(t, wrong.request(described("hs-rfc9421", event))))
}

//go:build e2e

package e2e

import (
	"crypto"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
)

// partnerIssuer is who the senders of tokens say they are.
const partnerIssuer = "https://partner.example"

// orderClaims are the claims of a webhook that is a token.
func orderClaims() claims {
	c := goodClaims(partnerIssuer, audience)
	c["event"], c["id"] = "order.created", 7
	return c
}

// tokenBody is a request whose body is a token.
func tokenBody(policy, token string) request {
	return request{path: "/e2e/" + policy, body: []byte(token)}.with("Content-Type", "application/jwt")
}

// owned returns the key of a certificate for tokens.
func owned(c *certificate) signer {
	key, _ := c.pair.PrivateKey.(crypto.Signer) // all keys can sign
	return signer{alg: "ES256", key: key}
}

// Tokens that are the body, in each way to know the sender's key.
func TestTokenBody(t *testing.T) {
	p := proofs()
	issued, _ := shared.bao.issue(t, "token-pki", "senders")
	chain := certificateChain(t, issued, "token-pki", "senders")
	stranger := newSigner(t, "", "ES256")
	for _, tt := range []struct {
		name, policy, principal string
		key, other              signer
		header                  map[string]any
		shown                   map[string]any // header of the other's
	}{
		{name: "shared certificate", policy: "jws-body", key: owned(p.agreed), other: stranger, principal: partnerIssuer},
		{name: "x5c to the root", policy: "jws-x5c", key: owned(issued), other: stranger, header: map[string]any{"x5c": chain}, principal: partnerDNS},
		{name: "x5c to the issuer", policy: "jws-x5c-issuer", key: owned(issued), other: stranger, header: map[string]any{"x5c": chain[:1]}, principal: partnerDNS},
		{name: "issuer, EdDSA", policy: "jws-discovered", key: p.keys["EdDSA"], other: newSigner(t, "of-EdDSA", "EdDSA")},
		{name: "issuer, ES256", policy: "jws-discovered", key: p.keys["ES256"], other: newSigner(t, "of-ES256", "ES256")},
		{name: "issuer, RS256", policy: "jws-discovered", key: p.keys["RS256"], other: newSigner(t, "of-RS256", "RS256")},
		{name: "issuer, PS256", policy: "jws-discovered", key: p.keys["PS256"], other: newSigner(t, "of-PS256", "PS256")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.key.tokenOf(orderClaims(), tt.header)
			seen, d := p.allowed(t, p.send(t, tokenBody(tt.policy, token)))
			if string(seen.body) != token {
				t.Error("the upstream saw another body")
			}
			if tt.principal != "" && d.Principal != tt.principal {
				t.Errorf("principal %q, want %q", d.Principal, tt.principal)
			}
			p.denied(t, p.send(t, tokenBody(tt.policy, tt.other.tokenOf(orderClaims(), tt.header))), 401, authz.ReasonSignatureMismatch)
			p.denied(t, p.send(t, tokenBody(tt.policy, withClaim(token))), 401, authz.ReasonSignatureMismatch)
			p.denied(t, p.send(t, tokenBody(tt.policy, "")), 401, authz.ReasonCredentialMissing)
			p.closed(t, "with a line break", p.send(t, tokenBody(tt.policy, token+"\n")))
			p.closed(t, "twice", p.send(t, tokenBody(tt.policy, token+"."+token)))
			p.closed(t, "JSON", p.send(t, tokenBody(tt.policy, string(event))))
			p.denied(t, p.send(t, tokenBody(tt.policy, tt.key.tokenOf(claimsWith(orderClaims(), "exp", time.Now().Add(-5*time.Minute).Unix()), tt.header))), 401, authz.ReasonTokenExpired)
			p.denied(t, p.send(t, tokenBody(tt.policy, tt.key.tokenOf(claimsWith(orderClaims(), "nbf", time.Now().Add(5*time.Minute).Unix()), tt.header))), 401, authz.ReasonTokenNotYetValid)
		})
	}
	// The issuer's own libraries write no other tokens than ours.
	p.allowed(t, p.send(t, tokenBody("jws-body", byLibrary(t, owned(p.agreed), mustJSON(orderClaims())))))
}

// What the claims must say.
func TestTokenClaims(t *testing.T) {
	p := proofs()
	k := owned(p.agreed)
	send := func(name string, value any) reply {
		return p.send(t, tokenBody("jws-body", k.changed(orderClaims(), name, value)))
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	p.denied(t, send("iss", "https://elsewhere.example"), 403, authz.ReasonClaimMismatch)
	p.denied(t, send("iss", nil), 403, authz.ReasonClaimMismatch)
	p.denied(t, send("aud", "https://elsewhere.example"), 403, authz.ReasonClaimMismatch)
	p.denied(t, send("iat", in(-5*time.Minute)), 401, authz.ReasonTimestampStale)
	p.denied(t, send("iat", in(5*time.Minute)), 401, authz.ReasonTimestampFuture)
	p.closed(t, "without a time", send("iat", nil))
	p.allowed(t, send("iat", in(-30*time.Second)))
	p.allowed(t, send("aud", []string{"https://elsewhere.example", audience}))
}

// Certificates that tokens bring along and that lead nowhere.
func TestTokenCertificates(t *testing.T) {
	p := proofs()
	issued, _ := shared.bao.issue(t, "token-pki", "senders")
	chain := certificateChain(t, issued, "token-pki", "senders")
	k := owned(issued)
	with := func(k signer, x5c ...string) reply {
		header := map[string]any{}
		if x5c != nil {
			header["x5c"] = x5c
		}
		return p.send(t, tokenBody("jws-x5c", k.tokenOf(orderClaims(), header)))
	}
	ours := p.ours.issue(t, dns(partnerDNS))
	other, _ := shared.bao.issueTo(t, "token-pki", "senders", "other.example")
	p.allowed(t, with(k, chain...))
	p.denied(t, with(owned(other), append([]string{std64(other.leaf.Raw)}, chain[1:]...)...), 403, authz.ReasonCertificateNotAllowed)
	p.denied(t, with(owned(ours), std64(ours.leaf.Raw)), 403, authz.ReasonCertificateUntrusted)
	p.denied(t, with(k, chain[0]), 403, authz.ReasonCertificateUntrusted) // the one between is not there
	for name, got := range map[string]reply{
		"none":                     with(k),
		"an empty list":            with(k, []string{}...),
		"another's certificate":    with(owned(ours), chain...),
		"the wrong way round":      with(k, chain[1], chain[0]),
		"ours behind a stranger's": with(owned(ours), append([]string{std64(ours.leaf.Raw)}, chain...)...),
		"no certificate":           with(k, std64([]byte("no certificate"))),
		"without padding":          with(k, base64.RawURLEncoding.EncodeToString(issued.leaf.Raw), chain[1]),
		"too many":                 with(k, append(append(append([]string{}, chain...), chain...), chain...)...),
	} {
		p.closed(t, name, got)
	}
	// A key that the policy lists is not a certificate, and the other way round.
	p.closed(t, "x5c where keys are", p.send(t, tokenBody("jws-body", owned(p.agreed).tokenOf(orderClaims(), map[string]any{"x5c": chain}))))

	revoked, serial := shared.bao.issue(t, "token-pki", "senders")
	again := append([]string{std64(revoked.leaf.Raw)}, chain[1:]...)
	p.allowed(t, with(owned(revoked), again...))
	shared.bao.revoke(t, "token-pki", serial)
	p.turnsTo(t, tokenBody("jws-x5c-issuer", owned(revoked).tokenOf(orderClaims(), map[string]any{"x5c": again[:1]})), 403, authz.ReasonCertificateRevoked)
}

// withClaim returns token with a claim more in its payload, under its old signature.
func withClaim(token string) string {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.TrimSuffix(string(payload), "}") + `,"paid":true}`))
	return strings.Join(parts, ".")
}

// byLibrary returns a token that a library made.
func byLibrary(t *testing.T, k signer, payload []byte) string {
	t.Helper()
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.alg), Key: k.key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := by.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := made.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	mustNotLeak(token)
	return token
}

// certificateChain returns what "x5c" holds: a certificate that bao issued, and
// the issuer below the root.
func certificateChain(t *testing.T, c *certificate, mount, issuer string) []string {
	t.Helper()
	found := shared.bao.call(t, "GET", mount+"/issuer/"+issuer, nil)
	text, _ := found["certificate"].(string)
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("issuer %s has no certificate", issuer)
	}
	return []string{std64(c.leaf.Raw), std64(block.Bytes)}
}

// turnsTo sends r until it is denied for reason.
func (w *world) turnsTo(t *testing.T, r request, status int, reason authz.Reason) {
	t.Helper()
	w.denied(t, w.turns(t, 15*time.Second, r, 200, status), status, reason)
}

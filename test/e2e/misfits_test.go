//go:build e2e

package e2e

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// Policies whose keys are of another type than their algorithms let nobody in,
// whatever is signed by whom.
func TestMisfitKeys(t *testing.T) {
	p := proofs()
	signature := func(policy string, signed []byte) request {
		return request{path: "/e2e/" + policy, body: event}.with("X-Signature", std64(hushed(signed)))
	}
	message := p.rfc9421("hs-misfit")
	message.components, message.keyid = []string{"@method", "@path", "content-digest"}, "hs-rsa"
	byRSA := message
	byRSA.sign = func(message []byte) []byte { return pss512(p.pairs["hs-rsa"], message) }
	for _, tt := range []struct {
		name    string
		request request
		status  int
		reason  authz.Reason
	}{
		{name: "signature by the key", request: signature("sig-misfit", pkcs1(p.pairs["sig-pkcs1"], event)), status: 401, reason: authz.ReasonCredentialMalformed},
		{name: "signature by another", request: signature("sig-misfit", ed25519Sign(p.pairs["sig-first"], event)), status: 500, reason: authz.ReasonSecretInvalid},
		{name: "one of two keys", request: signature("sig-half-fit", ed25519Sign(p.pairs["sig-second"], event)), status: 500, reason: authz.ReasonSecretInvalid},
		{name: "jws by the key", request: tokenBody("jws-misfit", p.tok.token(orderClaims())), status: 401, reason: authz.ReasonAlgNotAllowed},
		{name: "jws by another", request: tokenBody("jws-misfit", p.keys["EdDSA"].named("").token(orderClaims())), status: 401, reason: authz.ReasonKidUnknown},
		{name: "jwe to the key", request: sealedBody("jwe-misfit", p.toEC().of(t, order())), status: 401, reason: authz.ReasonAlgNotAllowed},
		{name: "jwe to another", request: sealedBody("jwe-misfit", p.toRSA().of(t, order())), status: 401, reason: authz.ReasonAlgNotAllowed},
		{name: "http_signature by the key", request: byRSA.request(described("hs-misfit", event)), status: 401, reason: authz.ReasonAlgNotAllowed},
		{name: "http_signature by another", request: message.request(described("hs-misfit", event)), status: 401, reason: authz.ReasonAlgNotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) { p.denied(t, p.send(t, tt.request), tt.status, tt.reason) })
	}
	p.allowed(t, p.send(t, signature("sig-half-fit", ed25519Sign(p.pairs["sig-first"], event))))
}

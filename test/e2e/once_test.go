//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// What was signed passes once. Another signature of the same message is no other
// message, and neither is the same encrypted anew.
func TestSignedOnce(t *testing.T) {
	p := proofs()
	at := time.Now().Add(2 * time.Second) // no doubt about whether the server ran yet
	c := orderClaims()
	c["iat"] = at.Unix()
	token := p.tok.token(c)
	plain := order()
	message := p.rfc9421("once-http")
	message.components, message.created = []string{"@method", "@path", "content-digest"}, at
	for _, tt := range []struct {
		name string
		// make returns the same message each time, of the same signer.
		make func(t *testing.T) request
		// other is another message.
		other request
	}{
		{
			name:  "signature",
			make:  func(*testing.T) request { return p.onceSigned(event, at) },
			other: p.onceSigned(paid, at),
		},
		{
			name:  "jws",
			make:  func(*testing.T) request { return tokenBody("once-jws", p.again(token)) },
			other: tokenBody("once-jws", p.tok.changed(c, "id", 8)),
		},
		{
			name: "jwe with jws",
			make: func(t *testing.T) request {
				t.Helper()
				return sealedBody("once-jwe", p.toEC().of(t, []byte(p.again(token))))
			},
			other: sealedBody("once-jwe", p.toEC().of(t, []byte(p.tok.changed(c, "id", 8)))),
		},
		{
			name: "jwe with a shared key",
			make: func(t *testing.T) request {
				t.Helper()
				return inData("once-shared", p.toShared().of(t, plain))
			},
			other: inData("once-shared", p.toShared().of(t, order())),
		},
		{
			name:  "http_signature",
			make:  func(*testing.T) request { return message.request(described("once-http", event)) },
			other: message.request(described("once-http", paid)),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first := tt.make(t)
			p.allowed(t, p.send(t, first))
			p.denied(t, p.send(t, first), 409, authz.ReasonReplayed)
			p.denied(t, p.send(t, tt.make(t)), 409, authz.ReasonReplayed)
			p.denied(t, p.send(t, tt.make(t).with("X-Any", "other")), 409, authz.ReasonReplayed)
			p.allowed(t, p.send(t, tt.other))
			p.denied(t, p.send(t, tt.other), 409, authz.ReasonReplayed)
		})
	}
}

func (p *proofWorld) onceSigned(body []byte, at time.Time) request {
	message := fmt.Appendf(nil, "%d.%s", at.Unix(), body)
	return request{path: "/e2e/once-signature", body: body}.
		with("X-Signature", std64(hushed(ecdsaDER(p.pairs["sig-spki"], message)))).with("X-Timestamp", fmt.Sprint(at.Unix()))
}

// again returns a token of p.tok with another signature: no two of ECDSA are equal.
func (p *proofWorld) again(token string) string {
	message := token[:strings.LastIndexByte(token, '.')]
	return message + "." + base64.RawURLEncoding.EncodeToString(hushed(p.tok.sign([]byte(message))))
}
